"""Cost gates over the API: where a workload's month stands, its gate and ceilings, tiers, tokens that are shut out."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets import actions, gates, presenter, queries
from apps.budgets.actions import MOST_MONEY, Brake, Ceiling
from apps.budgets.models import MOST_TOKENS, TierGate, UserTier
from apps.budgets.months import month_at
from apps.budgets.rules import THRESHOLDS, Pattern
from apps.budgets.tiers import actions as tiers_actions
from apps.pricing.rules import day_of
from apps.tenants.queries import zone_of
from apps.workloads.api import person_behind
from apps.workloads.models import Workload
from apps.workloads.queries import workload_for
from portal.access import member
from portal.api import TenantView


class UserTierSerializer(serializers.ModelSerializer[UserTier]):
    class Meta:
        model = UserTier
        fields = ["slug", "name", "is_free", "is_default"]


class NewUserTierSerializer(serializers.Serializer[Any]):
    """``like``: whose ceilings it begins with; without them no gate is complete until it has one (COST-9)."""

    slug = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=60)
    is_free = serializers.BooleanField(default=False)
    is_default = serializers.BooleanField(default=False)
    like = serializers.SlugField(max_length=40, default="", allow_blank=True)


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, max_value=MOST_MONEY, **options)


def _limit() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, allow_null=True, default=None)


class NewGateSerializer(serializers.Serializer[Any]):
    spend_cap = _money()
    billing_contact = serializers.EmailField()
    request_calls = _limit()
    request_tokens = _limit()
    request_money = _money(allow_null=True, default=None)
    session_calls = _limit()
    session_tokens = _limit()
    session_money = _money(allow_null=True, default=None)


class NewCeilingSerializer(serializers.Serializer[Any]):
    ceiling = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS)
    pattern = serializers.ChoiceField(choices=[(p.value, p.value) for p in Pattern])
    disclosure = serializers.CharField(max_length=500, allow_blank=True, default="")
    thresholds = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=100), default=list(THRESHOLDS), max_length=3
    )


class CeilingSerializer(serializers.ModelSerializer[TierGate]):
    tier = serializers.CharField(source="tier.slug")

    class Meta:
        model = TierGate
        fields = ["tier", "ceiling", "pattern", "disclosure", "thresholds", "opted_in_until"]


class CostSerializer(serializers.Serializer[Any]):
    """``spend_cap`` is null where there is no gate; ``gaps`` say what it lacks before anything is admitted (COST-9)."""

    month = serializers.CharField()
    resets_at = serializers.CharField()
    spend_cap = serializers.CharField(allow_null=True)
    spent = serializers.CharField()
    held = serializers.CharField()
    currency = serializers.CharField()
    ceilings = CeilingSerializer(many=True)
    missing_tiers = serializers.ListField(child=serializers.CharField())
    gaps = serializers.ListField(child=serializers.CharField())
    closed = serializers.ListField(child=serializers.UUIDField())


class WhySerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)


class TiersView(TenantView):
    @extend_schema(operation_id="list_tiers", responses=UserTierSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.tiers(self.tenant.id), UserTierSerializer, ("slug",))

    @extend_schema(operation_id="add_tier", request=NewUserTierSerializer, responses={201: UserTierSerializer})
    def post(self, request: Request, slug: str) -> Response:
        person_behind(self, "tier.manage")
        data = self.said(NewUserTierSerializer)
        is_default, like = data.pop("is_default"), data.pop("like")
        model = queries.tier_for(self.tenant.id, like) if like else None
        tier = tiers_actions.add_tier(tenant_id=self.tenant.id, like=model, actor=self.actor, **data)
        if is_default:
            tier = tiers_actions.change_tier(tier=tier, is_default=True, actor=self.actor)
        return Response(UserTierSerializer(tier).data, status=201)


class CostView(TenantView):
    @extend_schema(operation_id="get_cost", responses=CostSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        return Response(_shown(workload_for(self.tenant.id, self.actor, key)))

    @extend_schema(operation_id="set_gate", request=NewGateSerializer, responses=CostSerializer)
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key, "manage_workload")
        data = self.said(NewGateSerializer)
        actions.set_gate(
            workload=workload,
            spend_cap=data.pop("spend_cap"),
            billing_contact=queries.contact(self.tenant.id, data.pop("billing_contact")),
            brake=Brake(**data),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(_shown(workload))


class CeilingView(TenantView):
    @extend_schema(operation_id="set_ceiling", request=NewCeilingSerializer, responses=CostSerializer)
    def post(self, request: Request, slug: str, key: str, tier: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key, "manage_workload")
        chosen, gate = queries.tier_for(self.tenant.id, tier), queries.gate_or_refuse(workload)
        data = self.said(NewCeilingSerializer)
        wanted = Ceiling(data["ceiling"], Pattern(data["pattern"]), data["disclosure"], data["thresholds"])
        actions.set_ceiling(gate=gate, tier=chosen, ceiling=wanted, actor=self.actor, now=timezone.now())
        return Response(_shown(workload))


class OpenedView(TenantView):
    @extend_schema(operation_id="open_admissions", request=WhySerializer, responses=CostSerializer)
    def post(self, request: Request, slug: str, key: str, closure_id: UUID) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key, "manage_workload")
        closure = queries.closure_for(workload, closure_id)
        reason = self.said(WhySerializer)["reason"]
        actions.open_admissions(closure=closure, actor=self.actor, reason=reason, now=timezone.now())
        return Response(_shown(workload))


def _shown(workload: Workload) -> dict[str, Any]:
    now = timezone.now()
    month = month_at(now, zone_of(workload.tenant_id).key)
    gate, rows = queries.gate_of(workload, month.key), list(queries.ceilings(workload))
    found = presenter.money(gate) if gate else None
    seen, gaps = gates.look(workload, day_of(now))
    shown = {
        "month": month.key,
        "resets_at": month.resets_at,
        "spend_cap": f"{gate.spend_cap:f}" if gate else None,
        "spent": f"{found.spent.normalize():f}" if found else "0",
        "held": f"{found.held.normalize():f}" if found else "0",
        "currency": gate.currency if gate else "USD",
        "ceilings": rows,
        "missing_tiers": [tier.slug for tier in presenter.missing(seen.tiers, rows)],
        "gaps": [gap.what for gap in gaps],
        "closed": [closure.id for closure in queries.closed(workload)[:50]],
    }
    return dict(CostSerializer(shown).data)


tiers = member(TiersView.as_view())
cost = member(CostView.as_view())
ceiling = member(CeilingView.as_view())
opened = member(OpenedView.as_view())
