"""Rollouts over the API: plan one, see them, and hold, resume, start or roll back with the right scope and permission.

A plan comes in the shape in which it is shown: shares in basis points, times in seconds.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.rollouts import actions, codec, queries
from apps.rollouts.models import Rollout
from apps.rollouts.plan import (
    DEFAULT_GUARDRAILS,
    DEFAULT_PHASES,
    LEAST_TRANSACTIONS,
    GuardrailPlan,
    Kind,
    Metric,
    OnBreach,
    PhasePlan,
)
from apps.rollouts.verdict import BLIND_HIGH, BLIND_LOW
from apps.rollouts.views import perform
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from portal.access import member
from portal.api import TenantView
from portal.errors import Invalid


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


class CohortSerializer(serializers.Serializer[Any]):
    attribute = serializers.CharField(max_length=60)
    values = serializers.ListField(child=serializers.CharField(max_length=200), min_length=1, max_length=200)


class PhaseSerializer(serializers.Serializer[Any]):
    share = serializers.IntegerField(min_value=1, max_value=10_000, help_text="Basis points.")
    bake_seconds = serializers.FloatField(min_value=1, max_value=90 * 86_400)
    min_transactions = serializers.IntegerField(min_value=1, max_value=10_000_000, default=LEAST_TRANSACTIONS)
    cohort = CohortSerializer(allow_null=True, default=None)


class GuardrailSerializer(serializers.Serializer[Any]):
    metric = serializers.ChoiceField(choices=[metric.value for metric in Metric])
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    limit = serializers.FloatField()
    on_breach = serializers.ChoiceField(choices=[each.value for each in OnBreach], default=OnBreach.ROLL_BACK.value)


class NewRolloutSerializer(serializers.Serializer[Any]):
    """Left out, phases, guardrails, the interval of checks and the limits of blindness are the defaults."""

    workload = serializers.CharField(max_length=60)
    version = serializers.CharField(max_length=60)
    why = serializers.CharField(max_length=5_000)
    phases = PhaseSerializer(many=True, required=False)
    guardrails = GuardrailSerializer(many=True, required=False)
    check_seconds = serializers.IntegerField(default=codec.CHECK_SECONDS)
    blind_high_seconds = serializers.FloatField(
        min_value=1, max_value=BLIND_HIGH.total_seconds(), default=BLIND_HIGH.total_seconds()
    )
    blind_low_seconds = serializers.FloatField(
        min_value=1, max_value=BLIND_LOW.total_seconds(), default=BLIND_LOW.total_seconds()
    )


class ChangedPlanSerializer(serializers.Serializer[Any]):
    revision = serializers.IntegerField(help_text="The revision that was looked at.")
    phases = PhaseSerializer(many=True)
    guardrails = GuardrailSerializer(many=True)


def plan_from(data: dict[str, Any]) -> tuple[tuple[PhasePlan, ...], tuple[GuardrailPlan, ...]]:
    """Phases and guardrails from checked data, or the defaults."""
    phases = codec.phases(data) if "phases" in data else DEFAULT_PHASES
    return phases, codec.guardrails(data) if "guardrails" in data else DEFAULT_GUARDRAILS


NEWEST = ("-created_at", "-id")


class RolloutsView(TenantView):
    @extend_schema(operation_id="list_rollouts", responses=RolloutSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.rollouts(self.tenant.id, self.actor), RolloutSerializer, NEWEST)

    @extend_schema(operation_id="plan_rollout", request=NewRolloutSerializer, responses={201: RolloutSerializer})
    def post(self, request: Request, slug: str) -> Response:
        data = self.said(NewRolloutSerializer)
        asked = data
        workload = workloads.workload_for(self.tenant.id, self.actor, asked["workload"], "manage_workload")
        author = person_behind(self)
        version = workloads.versions(workload).filter(label=asked["version"]).first()
        if version is None:
            raise Invalid("unknown_version", f"{workload.key} has no version {asked['version']!r}.")
        phases, guardrails = plan_from(asked)
        rollout = actions.draft_rollout(
            workload=workload,
            version=version,
            why=asked["why"],
            author=author,
            actor=self.actor,
            phases=phases,
            guardrails=guardrails,
            check_seconds=asked["check_seconds"],
            blind_high=timedelta(seconds=asked["blind_high_seconds"]),
            blind_low=timedelta(seconds=asked["blind_low_seconds"]),
        )
        return Response(RolloutSerializer(rollout).data, status=201)


class RolloutView(TenantView):
    @extend_schema(operation_id="get_rollout", responses=RolloutSerializer)
    def get(self, request: Request, slug: str, rollout_id: UUID) -> Response:
        return Response(RolloutSerializer(queries.rollout_for(self.tenant.id, self.actor, rollout_id)).data)


class PlanView(TenantView):
    @extend_schema(operation_id="change_plan", request=ChangedPlanSerializer, responses=RolloutSerializer)
    def put(self, request: Request, slug: str, rollout_id: UUID) -> Response:
        rollout = queries.rollout_for(self.tenant.id, self.actor, rollout_id, "manage_workload")
        data = self.said(ChangedPlanSerializer)
        phases, guardrails = plan_from(data)
        changed = actions.change_plan(
            rollout=rollout,
            expected_revision=data["revision"],
            phases=phases,
            guardrails=guardrails,
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(RolloutSerializer(changed).data)


class RolloutActionView(TenantView):
    verb = ""

    @extend_schema(request=ReasonSerializer, responses=RolloutSerializer)
    def post(self, request: Request, slug: str, rollout_id: UUID) -> Response:
        data = self.said(ReasonSerializer)
        rollout = queries.rollout_for(self.tenant.id, self.actor, rollout_id)
        perform(self.tenant.id, rollout, self.verb, self.actor, data["reason"])
        return Response(RolloutSerializer(rollout).data)


rollouts = member(RolloutsView.as_view())
rollout = member(RolloutView.as_view())
plan = member(PlanView.as_view())
VERBS = {
    verb: member(RolloutActionView.as_view(verb=verb))
    for verb in ("submit", "start", "hold", "resume", "roll-back", "cancel")
}
