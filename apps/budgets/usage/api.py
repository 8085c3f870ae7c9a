"""Usage over the API: a workload's users, their calls, corrections, swaps; and one's own budgets (COST-4, COST-6)."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets import queries as budgets
from apps.budgets.disclosure import moved
from apps.budgets.models import Reservation, UserMonth
from apps.budgets.months import LAST, THIS, Month, month_at, month_chosen
from apps.budgets.settling import MOST_USED, correct
from apps.budgets.usage import presenter, queries, swaps
from apps.pricing.queries import book
from apps.tenants.queries import zone_of
from apps.workloads.queries import workload_for
from portal.access import member
from portal.api import TenantView
from portal.errors import Forbidden, Invalid

LATEST, MOST_OWN = 20, 50
WHICH = OpenApiParameter("month", str, enum=[THIS, LAST], description="This month so far, or the last one.")


class UserUsageSerializer(serializers.ModelSerializer[UserMonth]):
    """``name`` is null for whom nobody named; ``ceiling`` where the user's tier has none."""

    user = serializers.CharField(source="user_key")
    name = serializers.CharField(source="label", allow_null=True)
    used = serializers.IntegerField(source="settled")
    ceiling = serializers.IntegerField(allow_null=True)

    class Meta:
        model = UserMonth
        fields = ["user", "name", "month", "used", "held", "metered", "ceiling"]


class CallSerializer(serializers.ModelSerializer[Reservation]):
    """One call of the ledger. What isn't known is null, and never 0."""

    served_model = serializers.SerializerMethodField()

    class Meta:
        model = Reservation
        fields = [
            "id",
            "request_id",
            "attempt",
            "session",
            "created_at",
            "decision",
            "reason",
            "requested_model",
            "served_model",
            "asked_input",
            "held",
            "state",
            "used_input",
            "used_output",
            "cost",
            "metered",
            "settled_at",
        ]

    def get_served_model(self, call: Reservation) -> str:
        return call.served_model or call.model


class CallCorrectionSerializer(serializers.Serializer[Any]):
    input_tokens = serializers.IntegerField(min_value=0, max_value=MOST_USED)
    output_tokens = serializers.IntegerField(min_value=0, max_value=MOST_USED)
    reason = serializers.CharField(max_length=500)


class SavedSerializer(serializers.Serializer[Any]):
    requested_model = serializers.CharField(source="requested")
    served_model = serializers.CharField(source="served")
    calls = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Calls of which nobody knows what they saved.")
    actual = serializers.CharField()
    otherwise = serializers.CharField()
    saved = serializers.CharField(allow_null=True)


class FlagsSerializer(serializers.Serializer[Any]):
    judged = serializers.IntegerField()
    flagged = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), help_text="95 %, Wilson.")


class SwapsSerializer(serializers.Serializer[Any]):
    month = serializers.CharField()
    calls = serializers.IntegerField()
    swapped = serializers.IntegerField()
    unknown = serializers.IntegerField()
    saved = SavedSerializer(many=True)
    flags_swapped = FlagsSerializer(allow_null=True)
    flags_kept = FlagsSerializer(allow_null=True)


class BudgetSerializer(serializers.Serializer[Any]):
    """As a decision's body has it."""

    user_tier = serializers.CharField()
    month = serializers.CharField()
    unit = serializers.CharField()
    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    held = serializers.IntegerField()
    resets_at = serializers.CharField()


class MovedSerializer(serializers.Serializer[Any]):
    """A call that a smaller model answered, in the fields of its decision (COST-6)."""

    request_id = serializers.CharField()
    attempt = serializers.IntegerField()
    at = serializers.DateTimeField()
    workload = serializers.CharField()
    version = serializers.CharField()
    decision = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    requested_model = serializers.CharField()
    model = serializers.CharField()
    tier = serializers.CharField()
    max_output_tokens = serializers.IntegerField()
    budget = BudgetSerializer()
    disclosure = serializers.CharField()


class OwnBudgetSerializer(serializers.Serializer[Any]):
    workload = serializers.CharField(source="row.workload.key")
    name = serializers.CharField(source="row.workload.name")
    user_tier = serializers.CharField(source="row.tier")
    month = serializers.CharField(source="row.month")
    limit = serializers.IntegerField(source="ceiling")
    used = serializers.IntegerField(source="row.settled")
    held = serializers.IntegerField(source="row.held")
    left = serializers.IntegerField()
    moved = serializers.IntegerField()


class MyUsageSerializer(serializers.Serializer[Any]):
    """``is_linked`` is false for whom nobody linked to a budget; then there is nothing to show."""

    is_linked = serializers.BooleanField()
    month = serializers.CharField()
    resets_at = serializers.CharField()
    budgets = OwnBudgetSerializer(many=True)
    moved = MovedSerializer(many=True)


class UsersView(TenantView):
    @extend_schema(operation_id="list_usage", parameters=[WHICH], responses=UserUsageSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key)
        rows = budgets.users(workload, _month(self).key)
        return self.paged(rows, UserUsageSerializer, ("user_key",))


class CallsView(TenantView):
    @extend_schema(operation_id="list_calls", parameters=[WHICH], responses=CallSerializer(many=True))
    def get(self, request: Request, slug: str, key: str, user_key: str) -> Response:
        workload, month = workload_for(self.tenant.id, self.actor, key), _month(self)
        queries.user_of(workload, month, user_key)
        return self.paged(queries.calls(workload, month, user_key), CallSerializer, ("-created_at", "-id"))


class CorrectView(TenantView):
    @extend_schema(operation_id="correct_call", request=CallCorrectionSerializer, responses=CallSerializer)
    def post(self, request: Request, slug: str, key: str, call_id: UUID) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key, "manage_workload")
        call = queries.call_for(workload, call_id)
        correct(reservation=call, actor=self.actor, now=timezone.now(), **self.said(CallCorrectionSerializer))
        return Response(CallSerializer(queries.call_for(workload, call_id)).data)


class SwapsView(TenantView):
    @extend_schema(operation_id="get_swaps", parameters=[WHICH], responses=SwapsSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload, month = workload_for(self.tenant.id, self.actor, key), _month(self)
        groups = queries.swapped(workload, month)
        found = swaps.saved(groups, book(self.tenant.id, {group.requested for group in groups}).on)
        counts, verdicts = queries.counts(workload, month), swaps.verdicts(workload.tenant_id, workload.id, month)
        shown = {
            "month": month.key,
            "calls": counts["all"],
            "swapped": counts["swapped"],
            "unknown": presenter.unknown_swaps(counts, found),
            "saved": found,
            "flags_swapped": verdicts.swapped if verdicts else None,
            "flags_kept": verdicts.kept if verdicts else None,
        }
        return Response(SwapsSerializer(shown).data)


class MyUsageView(TenantView):
    @extend_schema(operation_id="get_my_usage", responses=MyUsageSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One's own budgets: the first fifty workloads, and the latest calls that a smaller model answered."""
        now, user_id = timezone.now(), self.actor.user_id
        if user_id is None or not self.actor.allows("read"):
            raise Forbidden(
                "person_needed", "A budget is a person's own: sign in, or use a token of your own that reads."
            )
        month = month_at(now, zone_of(self.tenant.id).key)
        own = queries.own_months(self.tenant.id, user_id, month.key)
        rows = list(queries.bound(own, self.actor)[:MOST_OWN])
        calls = queries.bound(queries.own_moved(self.tenant.id, user_id, month.key), self.actor)[:LATEST]
        shown = {
            "is_linked": bool(rows) or queries.is_linked(self.tenant.id, user_id),
            "month": month.key,
            "resets_at": month.resets_at,
            "budgets": [presenter.own(row, now) for row in rows],
            "moved": [moved(call) for call in calls],
        }
        return Response(MyUsageSerializer(shown).data)


def _month(view: TenantView) -> Month:
    """
    Raises:
        Invalid: neither this month nor the last.
    """
    which = view.request.query_params.get("month", THIS)
    if which not in {THIS, LAST}:
        raise Invalid("month", f"month is {THIS} or {LAST}.")
    return month_chosen(which, timezone.now(), zone_of(view.tenant.id).key)


users = member(UsersView.as_view())
calls = member(CallsView.as_view())
corrected = member(CorrectView.as_view())
swap_figures = member(SwapsView.as_view())
my_usage = member(MyUsageView.as_view())
