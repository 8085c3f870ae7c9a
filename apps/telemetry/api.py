"""The JSON batch of action records."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.telemetry import batch, ingest
from apps.telemetry.views import frame
from portal.access import requires
from portal.actor import Actor
from portal.api import TenantView


class BatchSerializer(serializers.Serializer[Any]):
    records = serializers.ListField(child=serializers.DictField(), max_length=batch.MAX_RECORDS)


class RejectionSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    reason = serializers.CharField()


class BatchResultSerializer(serializers.Serializer[Any]):
    new = serializers.IntegerField(help_text="Records that were not known before.")
    known = serializers.IntegerField(help_text="Repeats, counted once.")
    rejected = RejectionSerializer(many=True)


class ActionsView(TenantView):
    @extend_schema(
        operation_id="send_actions",
        summary="Send action records",
        request=BatchSerializer,
        responses={200: BatchResultSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        now = timezone.now()
        reading = batch.read(request.data, frame(self.tenant, now))
        stored = ingest.store(tenant_id=self.tenant.id, reading=reading, actor=self.actor, source="json", now=now)
        rejected = [{"index": r.index, "reason": r.reason} for r in stored.rejections]
        return Response({"new": stored.new, "known": stored.known, "rejected": rejected})


def may_send(actor: Actor) -> bool:
    """A token with the scope; people don't send records by hand."""
    return actor.scopes is not None and "telemetry" in actor.scopes


actions = requires(may_send, "telemetry")(ActionsView.as_view())
