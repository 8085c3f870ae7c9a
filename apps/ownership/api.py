"""Rotas over the API: who is on call at an instant, also as it was known at one; the timeline; overrides."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.ownership import actions, handover, queries
from apps.ownership.calendars import feeds, importing
from apps.ownership.calendars.reading import LONGEST as LONGEST_CALENDAR
from apps.ownership.models import CHANGES, CalendarFeed, Handover, Rota, RotaOverride, TemporarySchedule
from apps.ownership.rotation import Span
from apps.ownership.schedule import Change
from apps.tenants import queries as tenants
from apps.tenants.queries import members_by_email
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from apps.workloads.models import Workload
from portal.access import member
from portal.api import TenantView
from portal.errors import Invalid

LONGEST = timedelta(days=400)
_AT = OpenApiParameter("at", datetime, description="An instant with its offset; now without.")
_KNOWN = OpenApiParameter("known_at", datetime, description="As it was known at this instant.")


class RotaSerializer(serializers.ModelSerializer[Rota]):
    team = serializers.SlugField(source="team.slug")

    class Meta:
        model = Rota
        fields = ["id", "team", "name", "rank", "zone", "frozen_until"]


class OnCallSerializer(RotaSerializer):
    at = serializers.DateTimeField()
    people = serializers.ListField(child=serializers.EmailField())

    class Meta(RotaSerializer.Meta):
        fields = [*RotaSerializer.Meta.fields, "at", "people"]


class DutySerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    people = serializers.ListField(child=serializers.EmailField())


class OverrideSerializer(serializers.ModelSerializer[RotaOverride]):
    person = serializers.EmailField(source="person.email")
    instead_of = serializers.EmailField(source="instead_of.email", default=None)

    class Meta:
        model = RotaOverride
        fields = ["id", "change", "start", "end", "person", "instead_of", "reason", "created_at", "cancelled_at"]


class NewOverrideSerializer(serializers.Serializer[Any]):
    change = serializers.ChoiceField(choices=CHANGES)
    person = serializers.EmailField()
    instead_of = serializers.EmailField(default=None, allow_null=True)
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    reason = serializers.CharField(max_length=300)


class OverrideMadeSerializer(OverrideSerializer):
    matters = serializers.BooleanField(help_text="False: it changes nothing, since they aren't on call in that time.")

    class Meta(OverrideSerializer.Meta):
        fields = [*OverrideSerializer.Meta.fields, "matters"]


BY_START = ("start", "id")


BY_AGE = ("created_at", "id")


class RotasView(TenantView):
    @extend_schema(operation_id="list_rotas", responses=RotaSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.rotas(self.tenant.id), RotaSerializer, BY_AGE)


class RotaView(TenantView):
    @extend_schema(operation_id="who_is_on_call", parameters=[_AT, _KNOWN], responses=OnCallSerializer)
    def get(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rota = queries.rota(self.tenant.id, rota_id)
        at = _instant(request, "at") or timezone.now()
        people = queries.on_call(rota, at, _instant(request, "known_at"))
        known = _addresses(people)
        shown = dict(RotaSerializer(rota).data)
        return Response({**shown, "at": at, "people": [known[p] for p in people]})


class DutiesView(TenantView):
    @extend_schema(
        operation_id="list_duties",
        parameters=[OpenApiParameter("from", datetime), OpenApiParameter("until", datetime), _KNOWN],
        responses=DutySerializer(many=True),
    )
    def get(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rota = queries.rota(self.tenant.id, rota_id)
        start = _instant(request, "from") or timezone.now()
        end = _instant(request, "until") or start + timedelta(days=28)
        if not start < end <= start + LONGEST:
            raise Invalid("span", f"Ask for a span of at most {LONGEST.days} days that ends after it begins.")
        found = queries.duties(rota, start, end, _instant(request, "known_at"))
        known = _addresses([person for duty in found for person in duty.people])
        rows = [{"start": d.start, "end": d.end, "people": [known[p] for p in d.people]} for d in found]
        return Response(DutySerializer(rows, many=True).data)


class OverridesView(TenantView):
    @extend_schema(operation_id="list_overrides", responses=OverrideSerializer(many=True))
    def get(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rows = queries.overrides(queries.rota(self.tenant.id, rota_id), timezone.now())
        return self.paged(rows, OverrideSerializer, BY_START)

    @extend_schema(operation_id="override_rota", request=NewOverrideSerializer, responses={201: OverrideMadeSerializer})
    def post(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rota = queries.rota(self.tenant.id, rota_id)
        by = person_behind(self)
        data = self.said(NewOverrideSerializer)
        asked = dict(data)
        person, old = (self._member(asked.pop(name)) for name in ("person", "instead_of"))
        if person is None:
            raise Invalid("person", "Say who.")
        made, matters = actions.add_override(
            rota=rota,
            change=Change(asked.pop("change")),
            person=person,
            instead_of=old,
            by=by,
            actor=self.actor,
            now=timezone.now(),
            **asked,
        )
        return Response({**OverrideSerializer(made).data, "matters": matters}, status=201)

    def _member(self, address: str | None) -> User | None:
        return _user(self.tenant.id, address) if address is not None else None


class SpanSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    person = serializers.EmailField()


class NewTemporarySerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    shifts = serializers.ListField(child=SpanSerializer(), max_length=500)
    fallback = serializers.EmailField(default=None, allow_null=True, help_text="Who answers where nobody is named.")
    reason = serializers.CharField(max_length=300)


class TemporarySerializer(serializers.ModelSerializer[TemporarySchedule]):
    class Meta:
        model = TemporarySchedule
        fields = ["id", "start", "end", "reason", "created_at", "cancelled_at"]


class TemporariesView(TenantView):
    """For a while nothing else counts; holes are refused unless somebody is there to fall back to."""

    @extend_schema(operation_id="list_temporary_schedules", responses=TemporarySerializer(many=True))
    def get(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rows = queries.temporaries(queries.rota(self.tenant.id, rota_id), timezone.now())
        return self.paged(rows, TemporarySerializer, ("start", "id"))

    @extend_schema(
        operation_id="make_temporary_schedule", request=NewTemporarySerializer, responses={201: TemporarySerializer}
    )
    def post(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rota = queries.rota(self.tenant.id, rota_id)
        by = person_behind(self)
        data = self.said(NewTemporarySerializer)
        asked = dict(data)
        shifts, fallback = asked.pop("shifts"), asked.pop("fallback")
        users = members_by_email(self.tenant.id, [*(row["person"] for row in shifts), *filter(None, [fallback])])
        made = actions.make_temporary(
            rota=rota,
            spans=[Span(row["start"], row["end"], users[row["person"].lower()].id) for row in shifts],
            fallback=users[fallback.lower()] if fallback else None,
            by=by,
            actor=self.actor,
            now=timezone.now(),
            **asked,
        )
        return Response(TemporarySerializer(made).data, status=201)


class TemporaryView(TenantView):
    @extend_schema(operation_id="cancel_temporary_schedule", responses={204: None})
    def delete(self, request: Request, slug: str, rota_id: UUID, temporary_id: UUID) -> Response:
        row = queries.temporary(queries.rota(self.tenant.id, rota_id), temporary_id)
        person_behind(self)
        actions.cancel_temporary(temporary=row, actor=self.actor, now=timezone.now())
        return Response(status=204)


class CalendarImportSerializer(serializers.Serializer[Any]):
    calendar = serializers.CharField(max_length=LONGEST_CALENDAR, trim_whitespace=False)
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    fallback = serializers.EmailField(default=None, allow_null=True)
    dry_run = serializers.BooleanField(default=True, help_text="Look only; false imports it.")


class StretchSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    people = serializers.ListField(child=serializers.UUIDField())


class CalendarReportSerializer(serializers.Serializer[Any]):
    imported = serializers.UUIDField(allow_null=True)
    shifts = serializers.IntegerField()
    unknown = serializers.ListField(child=serializers.CharField())
    holes = StretchSerializer(many=True)
    doubles = StretchSerializer(many=True)


class CalendarImportView(TenantView):
    """What a calendar says for a rota, with its holes and doubles; and its import as a temporary schedule."""

    @extend_schema(operation_id="import_calendar", request=CalendarImportSerializer, responses=CalendarReportSerializer)
    def post(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rota = queries.rota(self.tenant.id, rota_id)
        by = person_behind(self)
        data = self.said(CalendarImportSerializer)
        asked = data
        span = {"rota": rota, "text": asked["calendar"], "start": asked["start"], "end": asked["end"]}
        span["actor"] = self.actor
        found, made = importing.report(**span), None
        if not asked["dry_run"]:
            fallback = _user(self.tenant.id, asked["fallback"]) if asked["fallback"] else None
            made = importing.take_over(**span, fallback=fallback, by=by, now=timezone.now())
        shown = {
            "imported": made.id if made else None,
            "shifts": len(found.read.spans),
            "unknown": found.read.unknown,
            "holes": found.holes,
            "doubles": found.read.doubles,
        }
        return Response(CalendarReportSerializer(shown).data)


class CalendarFeedSerializer(serializers.ModelSerializer[CalendarFeed]):
    address = serializers.SerializerMethodField(help_text="Secret: whoever has it reads the shifts.")

    class Meta:
        model = CalendarFeed
        fields = ["id", "rota_id", "created_at", "address"]

    def get_address(self, row: CalendarFeed) -> str:
        return feeds.address(row)


class NewCalendarFeedSerializer(serializers.Serializer[Any]):
    rota = serializers.UUIDField(default=None, allow_null=True, help_text="None: all of my shifts.")


class CalendarFeedsView(TenantView):
    @extend_schema(operation_id="list_calendar_feeds", responses=CalendarFeedSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        me = person_behind(self)
        return self.paged(feeds.feeds(self.tenant.id, me.id), CalendarFeedSerializer, ("created_at", "id"))

    @extend_schema(
        operation_id="make_calendar_feed", request=NewCalendarFeedSerializer, responses={201: CalendarFeedSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        me = person_behind(self)
        data = self.said(NewCalendarFeedSerializer)
        asked = data["rota"]
        rota = queries.rota(self.tenant.id, asked) if asked else None
        made = feeds.make(tenant_id=self.tenant.id, person=me, rota=rota, actor=self.actor, now=timezone.now())
        return Response(CalendarFeedSerializer(made).data, status=201)


class CalendarFeedView(TenantView):
    @extend_schema(operation_id="revoke_calendar_feed", responses={204: None})
    def delete(self, request: Request, slug: str, feed_id: UUID) -> Response:
        me = person_behind(self)
        feeds.revoke(found=feeds.mine(self.tenant.id, me.id, feed_id), actor=self.actor, now=timezone.now())
        return Response(status=204)


class TeamSerializer(serializers.Serializer[Any]):
    optimizer = serializers.ListField(child=serializers.EmailField(), max_length=20)
    engineer = serializers.ListField(child=serializers.EmailField(), max_length=20)
    responder = serializers.ListField(child=serializers.EmailField(), max_length=20)


class WhoAnswersSerializer(TeamSerializer):
    owner = serializers.EmailField()
    team = serializers.SlugField(allow_null=True)
    rota = serializers.UUIDField(allow_null=True)
    on_call = serializers.ListField(child=serializers.EmailField())
    covered_until = serializers.DateTimeField(allow_null=True)


class PeopleView(TenantView):
    @extend_schema(operation_id="who_answers", responses=WhoAnswersSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        return Response(_people(workloads.workload_for(self.tenant.id, self.actor, key)))

    @extend_schema(operation_id="name_team_of_three", request=TeamSerializer, responses=WhoAnswersSerializer)
    def put(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "manage_workload")
        person_behind(self)
        data = self.said(TeamSerializer)
        jobs = data
        users = members_by_email(self.tenant.id, [address for each in jobs.values() for address in each])
        named = {job: [users[address.lower()].id for address in each] for job, each in jobs.items()}
        actions.name_team(workload=workload, named=named, actor=self.actor)
        return Response(_people(workload))


class HandoverSerializer(serializers.ModelSerializer[Handover]):
    workload = serializers.CharField(source="workload.key")
    to_owner = serializers.EmailField(source="to_owner.email", default=None)
    to_team = serializers.SlugField(source="to_team.slug", default=None)
    by = serializers.EmailField(source="by.email")

    class Meta:
        model = Handover
        fields = ["id", "workload", "to_owner", "to_team", "reason", "by", "created_at", "ended_at"]


class NewHandoverSerializer(serializers.Serializer[Any]):
    to_owner = serializers.EmailField(default=None, allow_null=True)
    to_team = serializers.SlugField(default=None, allow_null=True)
    reason = serializers.CharField(max_length=300)


class OfferView(TenantView):
    @extend_schema(operation_id="offer_workload", request=NewHandoverSerializer, responses={201: HandoverSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "manage_workload")
        data = self.said(NewHandoverSerializer)
        asked = data
        if bool(asked["to_owner"]) == bool(asked["to_team"]):
            raise Invalid("to", "Name another owner or another team, one of the two.")
        to = (
            _user(self.tenant.id, asked["to_owner"])
            if asked["to_owner"]
            else tenants.team(self.tenant.id, asked["to_team"])
        )
        made = handover.offer(
            workload=workload,
            to=to,
            reason=asked["reason"],
            by=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(HandoverSerializer(made).data, status=201)


class OffersView(TenantView):
    @extend_schema(operation_id="list_offers", responses=HandoverSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(handover.offers_to(self.tenant.id, self.actor), HandoverSerializer, BY_AGE)


class AnswerSerializer(serializers.Serializer[Any]):
    accept = serializers.BooleanField(help_text="False declines it, or takes one's own offer back.")


class AnswerView(TenantView):
    @extend_schema(operation_id="answer_offer", request=AnswerSerializer, responses=HandoverSerializer)
    def post(self, request: Request, slug: str, handover_id: UUID) -> Response:
        row = handover.offered(self.tenant.id, self.actor, handover_id)
        data = self.said(AnswerSerializer)
        act = handover.accept if data["accept"] else handover.end
        act(handover=row, by=person_behind(self), actor=self.actor, now=timezone.now())
        return Response(HandoverSerializer(row).data)


def _people(workload: Workload) -> dict[str, Any]:
    rota = queries.primary(workload)
    on_call = queries.on_call(rota, timezone.now()) if rota else ()
    known = _addresses(on_call)
    return {
        "owner": workload.owner.email,
        "team": workload.team.slug if workload.team else None,
        "rota": str(rota.id) if rota else None,
        "on_call": [known[p] for p in on_call],
        "covered_until": rota.covered_until if rota and rota.has_target else None,
        **{job: [person.email for person in each] for job, each in queries.team_of(workload).items()},
    }


def _instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        at = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not 1970 < at.year < 2200:
        raise Invalid(name, f"{name}: write an instant with its offset, like 2026-11-20T09:30:00+01:00.")
    return at


def _user(tenant_id: UUID, address: str) -> User:
    return members_by_email(tenant_id, [address])[address.lower()]


def _addresses(people: Any) -> dict[UUID, str]:
    return dict(User.objects.filter(id__in=set(people)).values_list("id", "email"))


rotas = member(RotasView.as_view())
rota = member(RotaView.as_view())
duties = member(DutiesView.as_view())
overrides = member(OverridesView.as_view())
temporary = member(TemporaryView.as_view())
temporaries = member(TemporariesView.as_view())
calendar_import = member(CalendarImportView.as_view())
calendar_feeds = member(CalendarFeedsView.as_view())
calendar_feed = member(CalendarFeedView.as_view())
people = member(PeopleView.as_view())
offer = member(OfferView.as_view())
offers = member(OffersView.as_view())
answer = member(AnswerView.as_view())
