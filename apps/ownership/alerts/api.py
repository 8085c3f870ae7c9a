"""Alerts, incidents, escalation policies and integrations over the API: the same actions as the pages."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.ownership.alerts import actions, codec, incidents, policies, presenter, queries, simulate
from apps.ownership.alerts.escalation import Aim, Policy
from apps.ownership.alerts.inbound import integrations as ways_in
from apps.ownership.models import Alert, Incident, Integration, Notification, PolicyVersion
from apps.ownership.models.alerts import INTEGRATIONS, Severity
from apps.tenants import queries as tenants
from apps.tenants.actions import known_zone
from apps.tenants.queries import members_by_email
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from portal.access import member
from portal.api import TenantView
from portal.errors import Invalid

NEWEST = ("-created_at", "-id")


class AlertSerializer(serializers.ModelSerializer[Alert]):
    team = serializers.SlugField(source="team.slug", default=None)
    workload = serializers.CharField(source="workload.key", default=None)
    acknowledged_by = serializers.EmailField(source="acknowledged_by.email", default=None)

    class Meta:
        model = Alert
        fields = [
            "id",
            "source",
            "key",
            "summary",
            "severity",
            "state",
            "team",
            "workload",
            "incident_id",
            "is_simulated",
            "is_quiet",
            "occurrences",
            "entry",
            "round",
            "link",
            "details",
            "created_at",
            "last_seen_at",
            "due_at",
            "exhausted_at",
            "acknowledged_by",
            "acknowledged_at",
            "resolved_at",
        ]


class StoryLineSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    words = serializers.CharField()
    actor = serializers.CharField()
    late = serializers.FloatField(help_text="Seconds after it was due.")


class AlertStorySerializer(AlertSerializer):
    story = StoryLineSerializer(many=True)

    class Meta(AlertSerializer.Meta):
        fields = [*AlertSerializer.Meta.fields, "story"]


class AlertsView(TenantView):
    @extend_schema(
        operation_id="list_alerts",
        parameters=[OpenApiParameter("open", bool, description="Those that are open, or those that aren't.")],
        responses=AlertSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        asked = request.query_params.get("open")
        if asked not in {None, "", "true", "false"}:
            raise Invalid("open", "open is true or false.")
        is_open = asked == "true" if asked else None
        return self.paged(queries.alerts(self.tenant.id, is_open=is_open), AlertSerializer, NEWEST)


class AlertView(TenantView):
    @extend_schema(operation_id="get_alert", responses=AlertStorySerializer)
    def get(self, request: Request, slug: str, alert_id: UUID) -> Response:
        alert = queries.alert(self.tenant.id, alert_id)
        lines = StoryLineSerializer(presenter.story(alert), many=True).data
        return Response({**AlertSerializer(alert).data, "story": lines})


class _Verb(TenantView):
    """One thing to do with an alert; the body is checked after the alert was found."""

    def found(self, alert_id: UUID) -> Alert:
        alert = queries.alert(self.tenant.id, alert_id)
        person_behind(self)
        actions.refuse_strangers(alert, self.actor)
        return alert

    def said(self, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        data = shape(data=self.request.data)
        data.is_valid(raise_exception=True)
        return dict(data.validated_data)


class AcknowledgeSerializer(serializers.Serializer[Any]):
    round = serializers.IntegerField(required=False, min_value=0, help_text="The round you saw; another is refused.")


class AcknowledgeView(_Verb):
    @extend_schema(operation_id="acknowledge_alert", request=AcknowledgeSerializer, responses=AlertSerializer)
    def post(self, request: Request, slug: str, alert_id: UUID) -> Response:
        alert, said = self.found(alert_id), self.said(AcknowledgeSerializer)
        done = actions.acknowledge(
            alert=alert,
            by=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
            round_seen=said.get("round"),
        )
        return Response(AlertSerializer(done).data)


class EscalateSerializer(serializers.Serializer[Any]):
    entry = serializers.IntegerField(min_value=0, help_text="The entry you saw; once it has climbed on, it is refused.")


class EscalateView(_Verb):
    @extend_schema(operation_id="escalate_alert", request=EscalateSerializer, responses=AlertSerializer)
    def post(self, request: Request, slug: str, alert_id: UUID) -> Response:
        alert, said = self.found(alert_id), self.said(EscalateSerializer)
        done = actions.escalate(alert=alert, actor=self.actor, now=timezone.now(), entry_seen=said["entry"])
        return Response(AlertSerializer(done).data)


class ResolveSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class ResolveView(_Verb):
    @extend_schema(operation_id="resolve_alert", request=ResolveSerializer, responses=AlertSerializer)
    def post(self, request: Request, slug: str, alert_id: UUID) -> Response:
        alert, said = self.found(alert_id), self.said(ResolveSerializer)
        done = actions.resolve(alert=alert, actor=self.actor, now=timezone.now(), reason=said["reason"])
        return Response(AlertSerializer(done).data)


class HandOverAlertSerializer(serializers.Serializer[Any]):
    to_person = serializers.EmailField(default=None, allow_null=True)
    to_team = serializers.SlugField(default=None, allow_null=True)
    reason = serializers.CharField(max_length=300)


class HandOverView(_Verb):
    @extend_schema(operation_id="hand_over_alert", request=HandOverAlertSerializer, responses=AlertSerializer)
    def post(self, request: Request, slug: str, alert_id: UUID) -> Response:
        alert, said = self.found(alert_id), self.said(HandOverAlertSerializer)
        if bool(said["to_person"]) == bool(said["to_team"]):
            raise Invalid("to", "Name a person or a team, one of the two.")
        to = (
            members_by_email(self.tenant.id, [said["to_person"]])[said["to_person"].lower()]
            if said["to_person"]
            else tenants.team(self.tenant.id, said["to_team"])
        )
        done = actions.hand_over(alert=alert, to=to, actor=self.actor, now=timezone.now(), reason=said["reason"])
        return Response(AlertSerializer(done).data)


class DrillAlertView(TenantView):
    @extend_schema(operation_id="simulate_alert", request=None, responses={201: AlertSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "operate_workload")
        person_behind(self)
        alert = simulate.simulate(workload=workload, actor=self.actor, now=timezone.now())
        return Response(AlertSerializer(alert).data, status=201)


class MaintenanceSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    reason = serializers.CharField(max_length=300)


class MaintenanceView(TenantView):
    @extend_schema(
        operation_id="plan_maintenance", request=MaintenanceSerializer, responses={201: MaintenanceSerializer}
    )
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "operate_workload")
        by = person_behind(self)
        data = MaintenanceSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = actions.hold(workload=workload, by=by, actor=self.actor, now=timezone.now(), **data.validated_data)
        return Response(MaintenanceSerializer(made).data, status=201)

    @extend_schema(operation_id="end_maintenance", responses={204: None})
    def delete(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "operate_workload")
        person_behind(self)
        actions.release_all(workload=workload, actor=self.actor, now=timezone.now())
        return Response(status=204)


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    team = serializers.SlugField(source="team.slug", default=None)
    workload = serializers.CharField(source="workload.key", default=None)
    commander = serializers.EmailField(source="commander.email", default=None)

    class Meta:
        model = Incident
        fields = ["id", "title", "team", "workload", "commander", "crosses_teams", "created_at", "resolved_at"]


class CommanderSerializer(serializers.Serializer[Any]):
    commander = serializers.EmailField()


class IncidentsView(TenantView):
    @extend_schema(operation_id="list_incidents", responses=IncidentSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.incidents(self.tenant.id), IncidentSerializer, NEWEST)


class IncidentView(TenantView):
    @extend_schema(operation_id="get_incident", responses=IncidentSerializer)
    def get(self, request: Request, slug: str, incident_id: UUID) -> Response:
        return Response(IncidentSerializer(queries.incident(self.tenant.id, incident_id)).data)

    @extend_schema(operation_id="name_commander", request=CommanderSerializer, responses=IncidentSerializer)
    def patch(self, request: Request, slug: str, incident_id: UUID) -> Response:
        incident = queries.incident(self.tenant.id, incident_id)
        person_behind(self)
        incidents.refuse_strangers(incident, self.actor)
        data = CommanderSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        address = data.validated_data["commander"].lower()
        commander = members_by_email(self.tenant.id, [address])[address]
        incidents.name_commander(incident=incident, commander=commander, actor=self.actor, now=timezone.now())
        return Response(IncidentSerializer(incident).data)


class NoteSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=4_000)


class NoteView(TenantView):
    @extend_schema(operation_id="note_incident", request=NoteSerializer, responses={201: IncidentSerializer})
    def post(self, request: Request, slug: str, incident_id: UUID) -> Response:
        incident = queries.incident(self.tenant.id, incident_id)
        person_behind(self)
        incidents.refuse_strangers(incident, self.actor)
        data = NoteSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        text = data.validated_data["text"]
        incidents.note(incident=incident, text=text, actor=self.actor, now=timezone.now())
        return Response(IncidentSerializer(incident).data, status=201)


class MergeSerializer(serializers.Serializer[Any]):
    into = serializers.UUIDField()
    commander = serializers.EmailField(
        default=None, allow_null=True, help_text="Needed where teams differ and nobody commands yet."
    )


class MergeView(TenantView):
    @extend_schema(operation_id="merge_incident", request=MergeSerializer, responses=IncidentSerializer)
    def post(self, request: Request, slug: str, incident_id: UUID) -> Response:
        incident = queries.incident(self.tenant.id, incident_id)
        person_behind(self)
        incidents.refuse_strangers(incident, self.actor)
        data = MergeSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        into, address = queries.incident(self.tenant.id, data.validated_data["into"]), data.validated_data["commander"]
        commander = members_by_email(self.tenant.id, [address])[address.lower()] if address else None
        incidents.refuse_strangers(into, self.actor)
        incidents.merge(incident=incident, into=into, commander=commander, actor=self.actor, now=timezone.now())
        return Response(IncidentSerializer(queries.incident(self.tenant.id, into.id)).data)


class DeliverySerializer(serializers.ModelSerializer[Notification]):
    person = serializers.EmailField(source="person.email", default=None)
    channel = serializers.CharField(source="channel.name", default="in the product")
    late = serializers.SerializerMethodField(help_text="Seconds between when it was due and when it went out.")

    class Meta:
        model = Notification
        fields = [
            "id",
            "entry",
            "person",
            "channel",
            "urgency",
            "due_at",
            "state",
            "attempts",
            "sent_at",
            "late",
            "error",
        ]

    def get_late(self, row: Notification) -> float | None:
        return max(0.0, (row.sent_at - row.due_at).total_seconds()) if row.sent_at else None


class DeliveriesView(TenantView):
    """The delivery log of an alert: who, how, when, with what outcome."""

    @extend_schema(operation_id="list_deliveries", responses=DeliverySerializer(many=True))
    def get(self, request: Request, slug: str, alert_id: UUID) -> Response:
        rows = queries.deliveries(queries.alert(self.tenant.id, alert_id))
        return self.paged(rows, DeliverySerializer, ("created_at", "id"))


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
        data = NewIntegrationSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        said = dict(data.validated_data)
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


alerts = member(AlertsView.as_view())
alert = member(AlertView.as_view())
VERBS = {
    "acknowledge": member(AcknowledgeView.as_view()),
    "escalate": member(EscalateView.as_view()),
    "resolve": member(ResolveView.as_view()),
    "hand-over": member(HandOverView.as_view()),
}
drill = member(DrillAlertView.as_view())
maintenance = member(MaintenanceView.as_view())
incident_list = member(IncidentsView.as_view())
incident = member(IncidentView.as_view())
note = member(NoteView.as_view())
merge = member(MergeView.as_view())
deliveries = member(DeliveriesView.as_view())
policy = member(PolicyView.as_view())
preview = member(PreviewView.as_view())
integrations = member(IntegrationsView.as_view())
integration = member(IntegrationView.as_view())
