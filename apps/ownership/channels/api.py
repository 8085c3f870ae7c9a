"""One's own channels and absences over the API."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.ownership.channels import actions, queries
from apps.ownership.channels.send import secret_of
from apps.ownership.channels.signing import secret_text
from apps.ownership.models import Absence, Channel
from apps.ownership.models.channels import ChannelKind, Urgency
from apps.tenants import queries as tenants
from apps.tenants.models import Team
from apps.workloads.api import person_behind
from portal.access import member
from portal.api import TenantView


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    class Meta:
        model = Channel
        fields = ["id", "kind", "name", "shown", "verified_at", "failing_since", "last_error", "created_at"]


class NewChannelSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ChannelKind.choices)
    address = serializers.CharField(max_length=500)
    name = serializers.CharField(max_length=100, default="", allow_blank=True)


class ChannelMadeSerializer(ChannelSerializer):
    signing_secret = serializers.CharField(help_text="What its messages are signed with (Standard Webhooks), or empty.")

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "signing_secret"]


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=10)


class ChannelsView(TenantView):
    @extend_schema(operation_id="list_my_channels", responses=ChannelSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        me = person_behind(self)
        return self.paged(queries.mine(self.tenant.id, me.id), ChannelSerializer, ("created_at", "id"))

    @extend_schema(operation_id="add_my_channel", request=NewChannelSerializer, responses={201: ChannelMadeSerializer})
    def post(self, request: Request, slug: str) -> Response:
        return _added(self, person_behind(self))


class ChannelView(TenantView):
    @extend_schema(operation_id="verify_my_channel", request=CodeSerializer, responses=ChannelSerializer)
    def post(self, request: Request, slug: str, channel_id: UUID) -> Response:
        row = queries.channel(self.tenant.id, self.actor, channel_id)
        person_behind(self)
        data = self.said(CodeSerializer)
        done = actions.confirm(channel=row, code=data["code"], actor=self.actor, now=timezone.now())
        return Response(ChannelSerializer(done).data)

    @extend_schema(operation_id="remove_my_channel", responses={204: None})
    def delete(self, request: Request, slug: str, channel_id: UUID) -> Response:
        row = queries.channel(self.tenant.id, self.actor, channel_id)
        person_behind(self)
        actions.remove_channel(channel=row, actor=self.actor, now=timezone.now())
        return Response(status=204)


class TeamChannelsView(TenantView):
    """Where a team reads; a verified one can be a step of its policy."""

    @extend_schema(operation_id="list_team_channels", responses=ChannelSerializer(many=True))
    def get(self, request: Request, slug: str, team: str) -> Response:
        found = tenants.team(self.tenant.id, team)
        return self.paged(queries.of_team(self.tenant.id, found.id), ChannelSerializer, ("created_at", "id"))

    @extend_schema(
        operation_id="add_team_channel", request=NewChannelSerializer, responses={201: ChannelMadeSerializer}
    )
    def post(self, request: Request, slug: str, team: str) -> Response:
        found = tenants.team(self.tenant.id, team)
        person_behind(self)
        return _added(self, found)


class RuleSerializer(serializers.Serializer[Any]):
    after = serializers.IntegerField(
        min_value=0, max_value=3_600, allow_null=True, help_text="Seconds after a page; null: no rule for this channel."
    )


class RuleView(TenantView):
    @extend_schema(operation_id="set_channel_rule", request=RuleSerializer, responses=ChannelSerializer)
    def put(self, request: Request, slug: str, channel_id: UUID) -> Response:
        row = queries.channel(self.tenant.id, self.actor, channel_id)
        person_behind(self)
        data = self.said(RuleSerializer)
        seconds = data["after"]
        after = None if seconds is None else timedelta(seconds=seconds)
        actions.set_rule(channel=row, urgency=Urgency.PAGE, after=after, actor=self.actor)
        return Response(ChannelSerializer(row).data)


class AbsenceSerializer(serializers.ModelSerializer[Absence]):
    person = serializers.EmailField(source="person.email", read_only=True)

    class Meta:
        model = Absence
        fields = ["id", "person", "start", "end", "note"]


class AbsencesView(TenantView):
    @extend_schema(operation_id="list_absences", responses=AbsenceSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.absences(self.tenant.id, timezone.now()), AbsenceSerializer, ("start", "id"))

    @extend_schema(operation_id="plan_my_absence", request=AbsenceSerializer, responses={201: AbsenceSerializer})
    def post(self, request: Request, slug: str) -> Response:
        me = person_behind(self)
        data = self.said(AbsenceSerializer)
        said = {"note": "", **data}
        made = actions.plan_absence(tenant_id=self.tenant.id, person=me, actor=self.actor, now=timezone.now(), **said)
        return Response(AbsenceSerializer(made).data, status=201)


class AbsenceView(TenantView):
    @extend_schema(operation_id="cancel_absence", responses={204: None})
    def delete(self, request: Request, slug: str, absence_id: UUID) -> Response:
        row = queries.absence(self.tenant.id, absence_id)
        person_behind(self)
        actions.cancel_absence(absence=row, actor=self.actor, now=timezone.now())
        return Response(status=204)


def _added(view: TenantView, owner: User | Team) -> Response:
    data = view.said(NewChannelSerializer)
    made = actions.add_channel(tenant_id=view.tenant.id, owner=owner, actor=view.actor, now=timezone.now(), **data)
    secret = secret_text(secret_of(made.id)) if made.kind == ChannelKind.WEBHOOK else ""
    return Response({**ChannelSerializer(made).data, "signing_secret": secret}, status=201)


team_channels = member(TeamChannelsView.as_view())
rule = member(RuleView.as_view())
channels = member(ChannelsView.as_view())
channel = member(ChannelView.as_view())
absences = member(AbsencesView.as_view())
absence = member(AbsenceView.as_view())
