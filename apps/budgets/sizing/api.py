"""Sizing and rightsizing over the API (COST-8, COST-11, CAP-3)."""

from dataclasses import fields
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets import queries as budgets
from apps.budgets.months import LAST, month_chosen
from apps.budgets.sizing import presenter, queries
from apps.budgets.sizing.rules import Estimate, elsewhere, is_due, need
from apps.pricing.queries import book, price
from apps.pricing.rules import day_of
from apps.tenants.queries import zone_of
from apps.workloads.queries import workload_for
from portal.access import member
from portal.api import TenantView


def _figure(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=16, decimal_places=4, required=False, **options)


class EstimateSerializer(serializers.Serializer[Any]):
    """One user's month as somebody expects it; said in part it is refused, not said at all it is only measured."""

    sessions = _figure()
    turns = _figure()
    input = _figure()
    output = _figure()
    multiplier = _figure()
    tool_call_factor = _figure()
    retry_factor = _figure()


class FactorsSerializer(serializers.Serializer[Any]):
    sessions = serializers.CharField(allow_null=True)
    turns = serializers.CharField(allow_null=True)
    input = serializers.CharField(allow_null=True)
    output = serializers.CharField(allow_null=True)
    multiplier = serializers.CharField()
    tool_call_factor = serializers.CharField()
    retry_factor = serializers.CharField()


class SeenSerializer(serializers.Serializer[Any]):
    users = serializers.IntegerField()
    calls = serializers.IntegerField()
    p50 = serializers.IntegerField()
    p90 = serializers.IntegerField()
    p99 = serializers.IntegerField()
    at_ceiling = serializers.IntegerField()


class SuggestionSerializer(serializers.Serializer[Any]):
    """``seen`` is null where nobody of the tier used anything last month."""

    tier = serializers.CharField(source="tier.slug")
    ceiling = serializers.IntegerField(allow_null=True)
    suggested = serializers.IntegerField(allow_null=True)
    need = serializers.IntegerField(source="formula", allow_null=True)
    money = serializers.CharField(allow_null=True, help_text="What a user costs there at today's price, if known.")
    seen = SeenSerializer(allow_null=True)
    factors = FactorsSerializer(source="estimate", allow_null=True)


class SizingSerializer(serializers.Serializer[Any]):
    month = serializers.CharField()
    sized_at = serializers.DateTimeField(allow_null=True)
    is_due = serializers.BooleanField(help_text="Older than a quarter (COST-8).")
    suggestions = SuggestionSerializer(many=True)
    need = serializers.IntegerField(allow_null=True, help_text="Of the estimate in the query, if there was one.")


class ElsewhereSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    calls = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Calls on days on which it had no known price.")
    cost = serializers.CharField(allow_null=True)


class RightsizingSerializer(serializers.Serializer[Any]):
    month = serializers.CharField()
    calls = serializers.IntegerField()
    paid = serializers.CharField()
    paid_unknown = serializers.IntegerField(help_text="Calls whose price isn't known.")
    models = ElsewhereSerializer(many=True)


class SizingView(TenantView):
    @extend_schema(operation_id="get_sizing", parameters=[EstimateSerializer], responses=SizingSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload, now = workload_for(self.tenant.id, self.actor, key), timezone.now()
        asked = EstimateSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        month, gate = month_chosen(LAST, now, zone_of(self.tenant.id).key), budgets.gate_of(workload)
        today = price(self.tenant.id, workload.primary_tier, day_of(now))
        tiers, rows = list(budgets.tiers(self.tenant.id)), list(budgets.ceilings(workload))
        shown = {
            "month": month.key,
            "sized_at": gate.sized_at if gate else None,
            "is_due": gate is not None and is_due(gate.sized_at, now),
            "suggestions": presenter.suggestions(tiers, rows, queries.seen(workload, month), today),
            "need": _need(dict(asked.validated_data)),
        }
        return Response(SizingSerializer(shown).data)


class RightsizingView(TenantView):
    @extend_schema(operation_id="get_rightsizing", responses=RightsizingSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key)
        month = month_chosen(LAST, timezone.now(), zone_of(self.tenant.id).key)
        days, paid, unknown = queries.used(workload, month)
        models = queries.candidates(workload, month, self.actor)[: queries.MOST_MODELS]
        shown = {
            "month": month.key,
            "calls": sum(day.calls for day in days),
            "paid": f"{paid.normalize():f}",
            "paid_unknown": unknown,
            "models": elsewhere(days, models, book(self.tenant.id, models).on),
        }
        return Response(RightsizingSerializer(shown).data)


def _need(said: dict[str, Any]) -> int | None:
    """
    Raises:
        Invalid: a figure is missing, negative or absurd.
    """
    if not said:
        return None
    required = {each.name: None for each in fields(Estimate) if each.name in {"sessions", "turns", "input", "output"}}
    return need(Estimate(**{**required, **said}))


sizing = member(SizingView.as_view())
rightsizing = member(RightsizingView.as_view())
