"""Rotas over the API: who is on call at an instant, also as it was known at one; the timeline; overrides."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.ownership import actions, queries
from apps.ownership.models import CHANGES, Rota, RotaOverride
from apps.ownership.schedule import Change
from apps.tenants.queries import members
from apps.workloads.api import person_behind
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


class ByStart(CursorPagination):
    page_size = 50
    ordering = ("start", "id")


class ByAge(CursorPagination):
    page_size = 50
    ordering = ("created_at", "id")


class RotasView(TenantView):
    @extend_schema(operation_id="list_rotas", responses=RotaSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        pages = ByAge()
        page = pages.paginate_queryset(queries.rotas(self.tenant.id), request, self)
        return pages.get_paginated_response(RotaSerializer(page, many=True).data)


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
        pages = ByStart()
        rows = queries.overrides(queries.rota(self.tenant.id, rota_id), timezone.now())
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(OverrideSerializer(page, many=True).data)

    @extend_schema(operation_id="override_rota", request=NewOverrideSerializer, responses={201: OverrideMadeSerializer})
    def post(self, request: Request, slug: str, rota_id: UUID) -> Response:
        rota = queries.rota(self.tenant.id, rota_id)
        by = person_behind(self)
        data = NewOverrideSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        asked = dict(data.validated_data)
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
        if address is None:
            return None
        found = members(self.tenant.id).filter(user__email=address.lower()).first()
        if found is None:
            raise Invalid("not_a_member", f"No member here: {address[:100]}.")
        return found.user


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


def _addresses(people: Any) -> dict[UUID, str]:
    return dict(User.objects.filter(id__in=set(people)).values_list("id", "email"))


rotas = member(RotasView.as_view())
rota = member(RotaView.as_view())
duties = member(DutiesView.as_view())
overrides = member(OverridesView.as_view())
