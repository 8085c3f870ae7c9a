"""Alerts and incidents over the API: the same actions as the pages."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.ownership.alerts import actions, incidents, presenter, queries, simulate
from apps.ownership.models import Alert, Incident, Notification
from apps.tenants import queries as tenants
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
        data = self.said(MaintenanceSerializer)
        made = actions.hold(workload=workload, by=by, actor=self.actor, now=timezone.now(), **data)
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
        data = self.said(CommanderSerializer)
        address = data["commander"].lower()
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
        data = self.said(NoteSerializer)
        text = data["text"]
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
        data = self.said(MergeSerializer)
        into, address = queries.incident(self.tenant.id, data["into"]), data["commander"]
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
