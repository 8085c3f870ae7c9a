"""A replay over the API: the same question as the page's, and nothing is written."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets import queries
from apps.budgets.actions import MOST_MONEY
from apps.budgets.models import MOST_TOKENS
from apps.budgets.months import LAST, THIS, month_chosen
from apps.budgets.rules import Pattern
from apps.budgets.whatif.queries import Wish, prices_of, replayed
from apps.budgets.whatif.replay import Tally
from apps.tenants.queries import zone_of
from apps.workloads.queries import workload_for
from portal.access import member
from portal.api import TenantView


class WishSerializer(serializers.Serializer[Any]):
    """What isn't said stays as it is."""

    month = serializers.ChoiceField(choices=[(LAST, LAST), (THIS, THIS)], default=LAST)
    tier = serializers.SlugField(max_length=40, required=False, help_text="One tier's slug; all without.")
    ceiling = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, required=False)
    pattern = serializers.ChoiceField(choices=[(p.value, p.value) for p in Pattern], required=False)
    spend_cap = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=0, max_value=MOST_MONEY, required=False
    )


class TallySerializer(serializers.Serializer[Any]):
    """``refused`` is null where it isn't known: the ledger holds no refusals."""

    refused = serializers.IntegerField(allow_null=True)
    cut = serializers.IntegerField()
    degraded = serializers.IntegerField()
    overage = serializers.IntegerField()
    metered_tokens = serializers.IntegerField()
    users = serializers.IntegerField()
    users_at_ceiling = serializers.IntegerField()
    first_at_ceiling = serializers.DateTimeField(allow_null=True)
    tokens = serializers.IntegerField()
    money = serializers.CharField()
    money_unknown = serializers.IntegerField(help_text="Calls whose money isn't known: they count as what they held.")


class ReplaySerializer(serializers.Serializer[Any]):
    """``is_cut``: the month had more than ``limit`` calls, and the first of them were looked at."""

    month = serializers.CharField()
    calls = serializers.IntegerField()
    is_cut = serializers.BooleanField()
    limit = serializers.IntegerField()
    was = TallySerializer()
    would = TallySerializer()


class WhatIfView(TenantView):
    @extend_schema(operation_id="replay_month", parameters=[WishSerializer], responses=ReplaySerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key)
        asked = WishSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        month = month_chosen(said.pop("month"), timezone.now(), zone_of(self.tenant.id).key)
        gate, wish = queries.gate_or_refuse(workload), self._wish(said)
        found = replayed(workload, month, gate, [wish], prices_of(workload, month))
        shown = {
            "month": month.key,
            "calls": found.was.calls,
            "is_cut": found.is_cut,
            "limit": found.limit,
            "was": {**_tally(found.was), "refused": None},
            "would": _tally(found.tried[0]),
        }
        return Response(ReplaySerializer(shown).data)

    def _wish(self, said: dict[str, Any]) -> Wish:
        """
        Raises:
            NotFound: there is no such tier.
        """
        if "tier" in said:
            queries.tier_for(self.tenant.id, said["tier"])
        if "pattern" in said:
            said["pattern"] = Pattern(said["pattern"])
        return Wish(**said)


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "refused": tally.refusals,
        "cut": tally.cut,
        "degraded": tally.degraded,
        "overage": tally.overage,
        "metered_tokens": tally.metered,
        "users": len(tally.users),
        "users_at_ceiling": len(tally.at_ceiling),
        "first_at_ceiling": tally.first_at,
        "tokens": tally.tokens,
        "money": f"{tally.money.normalize():f}",
        "money_unknown": tally.unknown,
    }


what_if = member(WhatIfView.as_view())
