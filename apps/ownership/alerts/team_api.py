"""Escalation policies and integrations of a team over the API: the same actions as the pages."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.ownership.alerts import codec, policies, presenter
from apps.ownership.alerts.escalation import Aim, Policy
from apps.ownership.alerts.inbound import integrations as ways_in
from apps.ownership.models import Integration, PolicyVersion
from apps.ownership.models.alerts import INTEGRATIONS, Severity
from apps.tenants import queries as tenants
from apps.tenants.actions import known_zone
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from portal.access import member
from portal.api import TenantView

NEWEST = ("-created_at", "-id")


class TargetSerializer(serializers.Serializer[Any]):
    aim = serializers.ChoiceField(choices=[(aim.value, aim.value) for aim in Aim])
    value = serializers.CharField(
        max_length=60,
        default="",
        allow_blank=True,
        help_text="A rota's rank, a role, or the id of a person or a channel; empty for the owner.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["aim"] in {Aim.PERSON, Aim.CHANNEL}:
            try:
                UUID(attrs["value"])
            except ValueError as error:
                raise serializers.ValidationError("value is an id.") from error
        return attrs


class HoursSerializer(serializers.Serializer[Any]):
    zone = serializers.CharField(max_length=60)
    days = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=6), min_length=1, max_length=7)
    starts = serializers.TimeField(format="%H:%M")
    ends = serializers.TimeField(format="%H:%M")


class EscalationStepSerializer(serializers.Serializer[Any]):
    targets = TargetSerializer(many=True, max_length=10)  # type: ignore[call-arg]
    delay = serializers.IntegerField(min_value=60, max_value=86_400, help_text="Seconds until the next step.")
    hours = HoursSerializer(required=False)


class EscalationPolicySerializer(serializers.Serializer[Any]):
    steps = EscalationStepSerializer(many=True, max_length=10)  # type: ignore[call-arg]
    repeats = serializers.IntegerField(min_value=0, max_value=9)
    ack_timeout = serializers.IntegerField(
        min_value=0,
        max_value=31 * 86_400,
        allow_null=True,
        help_text="Seconds after which an acknowledgement runs out; null: never.",
    )
    wakes = serializers.ChoiceField(choices=Severity.choices, default=Severity.WARNING)


class EscalationVersionSerializer(EscalationPolicySerializer):
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class PolicyView(TenantView):
    @extend_schema(operation_id="get_escalation_policy", responses=EscalationVersionSerializer)
    def get(self, request: Request, slug: str, team: str) -> Response:
        found = tenants.team(self.tenant.id, team)
        return Response(_policy_data(policies.current(self.tenant.id, found.id)))

    @extend_schema(
        operation_id="set_escalation_policy",
        request=EscalationPolicySerializer,
        responses={200: EscalationVersionSerializer},
    )
    def put(self, request: Request, slug: str, team: str) -> Response:
        found = tenants.team(self.tenant.id, team)
        person_behind(self)
        policy, wakes = _policy(request)
        made = policies.set_policy(team=found, policy=policy, wakes=wakes, actor=self.actor, now=timezone.now())
        return Response(_policy_data(made))


class WaveSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    number = serializers.IntegerField(allow_null=True)
    words = serializers.CharField()
    people = serializers.ListField(child=serializers.CharField())
    unreachable = serializers.ListField(child=serializers.CharField())
    is_empty = serializers.BooleanField()


class PreviewView(TenantView):
    """Who would be woken when, for an alert now that nobody acknowledges; nothing is saved."""

    @extend_schema(
        operation_id="preview_escalation", request=EscalationPolicySerializer, responses=WaveSerializer(many=True)
    )
    def post(self, request: Request, slug: str, team: str) -> Response:
        found = tenants.team(self.tenant.id, team)
        person_behind(self)
        policy, _ = _policy(request)
        policies.check(found, policy, timezone.now())
        return Response(WaveSerializer(presenter.preview(found, policy, timezone.now()), many=True).data)


class IntegrationSerializer(serializers.ModelSerializer[Integration]):
    team = serializers.SlugField(source="team.slug")
    workload = serializers.CharField(source="workload.key", default=None)

    class Meta:
        model = Integration
        fields = ["id", "team", "workload", "kind", "name", "created_at", "revoked_at"]


class NewIntegrationSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=INTEGRATIONS)
    name = serializers.CharField(max_length=100)
    workload = serializers.CharField(default=None, allow_null=True)


class IntegrationMadeSerializer(IntegrationSerializer):
    credential = serializers.CharField(help_text="A routing key, or the secret to sign with.")
    address = serializers.CharField(help_text="Where to send, below the portal's own address.")

    class Meta(IntegrationSerializer.Meta):
        fields = [*IntegrationSerializer.Meta.fields, "credential", "address"]


class IntegrationsView(TenantView):
    @extend_schema(operation_id="list_integrations", responses=IntegrationSerializer(many=True))
    def get(self, request: Request, slug: str, team: str) -> Response:
        found = tenants.team(self.tenant.id, team)
        return self.paged(ways_in.integrations(self.tenant.id).filter(team=found.id), IntegrationSerializer, NEWEST)

    @extend_schema(
        operation_id="create_integration",
        request=NewIntegrationSerializer,
        responses={201: IntegrationMadeSerializer},
    )
    def post(self, request: Request, slug: str, team: str) -> Response:
        found = tenants.team(self.tenant.id, team)
        person_behind(self)
        data = self.said(NewIntegrationSerializer)
        said = dict(data)
        key = said.pop("workload")
        workload = workloads.workload_for(self.tenant.id, self.actor, key) if key else None
        made = ways_in.create(team=found, workload=workload, actor=self.actor, now=timezone.now(), **said)
        shown = {"credential": ways_in.credential(made), "address": ways_in.address(made)}
        return Response({**IntegrationSerializer(made).data, **shown}, status=201)


class IntegrationView(TenantView):
    @extend_schema(operation_id="revoke_integration", responses={204: None})
    def delete(self, request: Request, slug: str, integration_id: UUID) -> Response:
        found = ways_in.integration(self.tenant.id, integration_id)
        person_behind(self)
        ways_in.revoke(integration=found, actor=self.actor, now=timezone.now())
        return Response(status=204)


def _policy(request: Request) -> tuple[Policy, Severity]:
    data = EscalationPolicySerializer(data=request.data)
    data.is_valid(raise_exception=True)
    said = data.validated_data
    steps = [_step(step) for step in said["steps"]]
    return codec.to_policy(steps, said["repeats"], said["ack_timeout"]), Severity(said["wakes"])


def _step(said: Mapping[str, Any]) -> dict[str, Any]:
    step = {"delay": said["delay"], "targets": [dict(target) for target in said["targets"]]}
    hours = said.get("hours")
    if hours:
        step["hours"] = {
            "zone": known_zone(hours["zone"]),
            "days": hours["days"],
            "starts": f"{hours['starts']:%H:%M}",
            "ends": f"{hours['ends']:%H:%M}",
        }
    return step


def _policy_data(version: PolicyVersion) -> dict[str, Any]:
    """As it is stored, which is as it is sent."""
    return {
        "number": version.number,
        "created_at": version.created_at,
        "steps": version.steps,
        "repeats": version.repeats,
        "ack_timeout": version.ack_timeout,
        "wakes": version.wakes,
    }


policy = member(PolicyView.as_view())
preview = member(PreviewView.as_view())
integrations = member(IntegrationsView.as_view())
integration = member(IntegrationView.as_view())
