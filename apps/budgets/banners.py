"""Who is at the banner of this month or at the ceiling (COST-3): for the workload's cost page, and for the users
themselves, where they are linked to a member.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.budgets.alerting import BANNER, REACHED
from apps.budgets.models import BudgetAlert, Subject
from apps.budgets.months import Month, month_named
from apps.workloads.models import Workload

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Banner:
    """``is_reached``: at the ceiling, not only near it."""

    said: str
    is_reached: bool
    workload: str


def of_workload(workload: Workload, month: Month) -> Banner | None:
    """One for all of a workload's users together."""
    rows = _rows(workload.tenant_id, month).filter(workload=workload.id)
    latest: dict[str, BudgetAlert] = {}
    for row in rows.order_by("user_key", "-place").distinct("user_key")[:1_000]:
        latest[row.user_key] = row
    if not latest:
        return None
    reached = sum(row.place == REACHED for row in latest.values())
    worst = sorted(latest.values(), key=lambda row: (-row.place, -row.used / row.ceiling))
    names = ", ".join(row.label or f"user {row.user_key[:8]}" for row in worst[:SHOWN])  # type: ignore[attr-defined]
    more = f" and {len(worst) - SHOWN} more" if len(worst) > SHOWN else ""
    near = len(worst) - reached
    parts = [f"{reached} reached their ceiling"] * bool(reached) + [f"{near} came near it"] * bool(near)
    return Banner(f"This month {' and '.join(parts)}: {names.rstrip('.')}{more}.", bool(reached), workload.key)


def of_member(tenant_id: UUID, user_id: UUID | None, month: Month) -> list[Banner]:
    """Those of somebody's own budgets, the worst first; in one statement."""
    own = Subject.objects.filter(tenant=tenant_id, member=user_id, user_key=OuterRef("user_key"))
    rows = _rows(tenant_id, month).filter(Exists(own)).select_related("workload")
    found = list(rows.order_by("workload", "user_key", "-place").distinct("workload", "user_key")[:50])
    return [_own(row) for row in sorted(found, key=lambda row: (-row.place, row.workload.key))]


def _own(row: BudgetAlert) -> Banner:
    begins = month_named(row.month).resets_at[:10]
    key, is_reached = row.workload.key, row.place == REACHED
    if is_reached:
        said = f"You have used all of your budget of {key} {row.workload.name}; it begins anew on {begins}."
    else:
        share = 100 * row.used / row.ceiling
        said = f"You have used {share:.0f} % of your budget of {key} {row.workload.name}; it begins anew on {begins}."
    return Banner(said, is_reached, key)


def _rows(tenant_id: UUID, month: Month) -> QuerySet[BudgetAlert]:
    named = Subject.objects.filter(tenant=tenant_id, user_key=OuterRef("user_key"))
    rows = BudgetAlert.objects.filter(tenant=tenant_id, month=month.key, place__gte=BANNER)
    return rows.annotate(label=Coalesce(Subquery(named.values("label")[:1]), Value("")))
