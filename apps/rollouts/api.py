"""Rollouts over the API: see them, and hold, resume, start or roll back with the right scope and permission."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.rollouts import queries
from apps.rollouts.models import Rollout
from apps.rollouts.views import perform
from portal.access import member
from portal.api import TenantView


class RolloutSerializer(serializers.ModelSerializer[Rollout]):
    workload = serializers.CharField(source="workload.key")
    version = serializers.CharField(source="version.label")
    share = serializers.IntegerField(source="served.share", help_text="Basis points served now.")
    verdict = serializers.DictField(source="look")

    class Meta:
        model = Rollout
        fields = [
            "id",
            "workload",
            "version",
            "state",
            "phase",
            "step",
            "share",
            "hold_reason",
            "note",
            "plan",
            "verdict",
            "started_at",
            "rolled_back_at",
            "verified_at",
            "revision",
        ]


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, default="", allow_blank=True)


class Newest(CursorPagination):
    page_size = 50
    ordering = ("-created_at", "-id")


class RolloutsView(TenantView):
    @extend_schema(operation_id="list_rollouts", responses=RolloutSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        pages = Newest()
        page = pages.paginate_queryset(queries.rollouts(self.tenant.id, self.actor), request, self)
        return pages.get_paginated_response(RolloutSerializer(page, many=True).data)


class RolloutView(TenantView):
    @extend_schema(operation_id="get_rollout", responses=RolloutSerializer)
    def get(self, request: Request, slug: str, rollout_id: UUID) -> Response:
        return Response(RolloutSerializer(queries.rollout_for(self.tenant.id, self.actor, rollout_id)).data)


class RolloutActionView(TenantView):
    verb = ""

    @extend_schema(request=ReasonSerializer, responses=RolloutSerializer)
    def post(self, request: Request, slug: str, rollout_id: UUID) -> Response:
        data = ReasonSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        rollout = queries.rollout_for(self.tenant.id, self.actor, rollout_id)
        perform(self.tenant.id, rollout, self.verb, self.actor, data.validated_data["reason"])
        return Response(RolloutSerializer(rollout).data)


rollouts = member(RolloutsView.as_view())
rollout = member(RolloutView.as_view())
VERBS = {
    verb: member(RolloutActionView.as_view(verb=verb))
    for verb in ("submit", "start", "hold", "resume", "roll-back", "cancel")
}
