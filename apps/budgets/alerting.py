"""Alerts of a month, written in the very transaction that makes them due: the row is the alert (COST-3).

A row a user, workload, month and place, so none can repeat; committed with the settlement, so none can be lost.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum

from apps.budgets.models import BudgetAlert, Entry, TierGate, UserMonth
from apps.budgets.months import month_named
from apps.budgets.rules import QUIET_BELOW, due_thresholds
from apps.budgets.usage.pace import BURN_OVER
from portal.outbox.actions import enqueue_many

NOTICE, BANNER, REACHED = 1, 2, 3
# What each place among a gate's three thresholds is called in the outbox; with the banner goes the one mail.
TOPICS = {NOTICE: "budget.notice", BANNER: "budget.banner", REACHED: "budget.reached"}
MAIL = "budget.mail"


def tell_exhausted(*, tenant_id: UUID, workload_id: UUID, user_key: str, tier: str, month: str, now: datetime) -> None:
    """A call was refused with nothing held: what is left is too little for any (the event at the ceiling)."""
    row = UserMonth.objects.select_for_update().get(
        tenant=tenant_id, workload=workload_id, user_key=user_key, month=month
    )
    gate = TierGate.objects.get(tenant=tenant_id, workload=workload_id, tier__slug=tier)
    tell(month=row, gate=gate, now=now, is_exhausted=True)


def tell(*, month: UserMonth, gate: TierGate, now: datetime, is_exhausted: bool = False) -> list[BudgetAlert]:
    """Write the alerts that have become due, and what carries them out. The month's row is locked."""
    if month.settled < QUIET_BELOW * gate.ceiling:
        return []
    of_month = {"tenant": month.tenant_id, "workload": month.workload_id, "month": month.month}
    told = set(BudgetAlert.objects.filter(**of_month, user_key=month.user_key).values_list("place", flat=True))
    if len(told) == len(TOPICS):
        return []
    due = due_thresholds(
        used=month.settled,
        ceiling=gate.ceiling,
        elapsed=month_named(month.month).elapsed(now),
        burn=_burn(month, now),
        thresholds=gate.thresholds,
        is_exhausted=is_exhausted,
    )
    places = [place for place in TOPICS if gate.thresholds[place - 1] in due and place not in told]
    return [_alert(month, gate, place, now) for place in places]


def _alert(month: UserMonth, gate: TierGate, place: int, now: datetime) -> BudgetAlert:
    alert = BudgetAlert.objects.create(
        tenant_id=month.tenant_id,
        workload_id=month.workload_id,
        user_key=month.user_key,
        month=month.month,
        threshold=gate.thresholds[place - 1],
        place=place,
        used=month.settled,
        ceiling=gate.ceiling,
        at=now,
        created_at=now,
    )
    topics = [TOPICS[place], *([MAIL] if place == BANNER else [])]
    enqueue_many(messages=[(topic, str(alert.id), {"alert": str(alert.id)}) for topic in topics], now=now)
    return alert


def _burn(month: UserMonth, now: datetime) -> float:
    """Tokens an hour over the last seven days, across a month's end too."""
    entries = Entry.objects.filter(
        tenant=month.tenant_id,
        workload=month.workload_id,
        user_key=month.user_key,
        at__gt=now - BURN_OVER,
        at__lte=now,
    )
    settled = entries.aggregate(all=Sum("settled"))["all"] or 0
    return float(settled) / (BURN_OVER / timedelta(hours=1))
