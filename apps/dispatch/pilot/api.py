"""The service before rollout over the API."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.dispatch.pilot import actions, queries
from apps.dispatch.pilot.actions import LONGEST_REASON
from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.rules import (
    LONGEST_ATTRIBUTE,
    LONGEST_NAME,
    LONGEST_UNIT,
    LONGEST_VALUE,
    MOST_UNITS,
    MOST_VALUES,
    Mode,
    Terms,
)
from apps.workloads.queries import version, workload_for
from portal.access import member
from portal.api import TenantView

_MODES = [(mode.value, mode.value) for mode in Mode]


def _texts(most: int, longest: int, **options: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=longest), max_length=most, **options)


class NewPilotSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=60, help_text="The label of the version that answers.")
    mode = serializers.ChoiceField(choices=_MODES)
    name = serializers.CharField(max_length=LONGEST_NAME, default="", allow_blank=True, help_text="Of the cohort.")
    units = _texts(MOST_UNITS, LONGEST_UNIT, default=list)
    attribute = serializers.CharField(max_length=LONGEST_ATTRIBUTE, default="", allow_blank=True)
    values = _texts(MOST_VALUES, LONGEST_VALUE, default=list)
    share = serializers.FloatField(min_value=0, max_value=100, default=0, help_text="Per cent of units in shadow.")
    ends_at = serializers.DateTimeField(help_text="Within 90 days.")
    reason = serializers.CharField(max_length=LONGEST_REASON)


class PilotSerializer(serializers.ModelSerializer[PilotService]):
    version = serializers.CharField(source="version.label")
    share = serializers.SerializerMethodField(help_text="Per cent of units in shadow.")

    class Meta:
        model = PilotService
        fields = ["version", "mode", "name", "units", "attribute", "values", "share", "ends_at", "reason", "set_by"]

    def get_share(self, row: PilotService) -> float:
        return row.share / 100


class PilotStandingSerializer(serializers.Serializer[Any]):
    """``service`` is null where none stands: the fallback answers, or a rollout decides."""

    service = PilotSerializer(allow_null=True)


class EndPilotSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=LONGEST_REASON)


class PilotView(TenantView):
    @extend_schema(operation_id="get_pilot", responses=PilotStandingSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        return _shown(queries.service_of(workload_for(self.tenant.id, self.actor, key), timezone.now()))

    @extend_schema(operation_id="set_pilot", request=NewPilotSerializer, responses=PilotStandingSerializer)
    def put(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key, "manage_workload")
        said = self.said(NewPilotSerializer)
        terms = Terms(
            Mode(said["mode"]),
            said["name"],
            frozenset(said["units"]),
            said["attribute"],
            frozenset(said["values"]),
            round(said["share"] * 100),
        )
        made = actions.set_service(
            workload=workload,
            version=version(workload, said["version"].replace("\0", "")),
            terms=terms,
            ends_at=said["ends_at"],
            actor=self.actor,
            reason=said["reason"],
            now=timezone.now(),
        )
        return _shown(made)


class EndView(TenantView):
    @extend_schema(operation_id="end_pilot", request=EndPilotSerializer, responses=PilotStandingSerializer)
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key, "manage_workload")
        reason = self.said(EndPilotSerializer)["reason"]
        actions.end_service(workload=workload, actor=self.actor, reason=reason, now=timezone.now())
        return _shown(None)


def _shown(service: PilotService | None) -> Response:
    return Response(PilotStandingSerializer({"service": service}).data)


pilot = member(PilotView.as_view())
end = member(EndView.as_view())
