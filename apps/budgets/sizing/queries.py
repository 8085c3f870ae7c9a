"""What sizing and rightsizing rest on: a month's ledger of one workload, in sums; tenant first."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDate

from apps.budgets.models import CostGate, Reservation
from apps.budgets.months import Month
from apps.budgets.sizing.rules import QUARTER, Seen, Used
from apps.budgets.usage.queries import KNOWN
from apps.budgets.whatif.queries import Wish
from apps.pricing.queries import models_in_use
from apps.workloads.models import Workload
from apps.workloads.queries import visible
from portal.actor import Actor

MOST_MODELS = 20
FACTORS = ("0.5", "0.75", "1", "1.5")
# A call without a session is its request's own. A request's calls are of one session.
_SEEN = """
with of_user as (
    select r.tier_id, r.user_key, count(*) as calls, count(distinct r.request_id) as requests,
           count(distinct coalesce(nullif(r.session, ''), r.request_id::text)) as sessions,
           sum(r.used_input) as given, sum(r.used_output) as taken
      from budgets_reservation r
     where r.tenant_id = %(tenant)s and r.workload_id = %(workload)s and r.month = %(month)s
       and r.state = any(%(known)s)
     group by r.tier_id, r.user_key
)
select t.slug, count(*), sum(u.sessions)::bigint, sum(u.requests)::bigint, sum(u.calls)::bigint,
       sum(u.given)::bigint, sum(u.taken)::bigint,
       (percentile_disc(0.5) within group (order by u.given + u.taken))::bigint,
       (percentile_disc(0.9) within group (order by u.given + u.taken))::bigint,
       (percentile_disc(0.99) within group (order by u.given + u.taken))::bigint,
       count(*) filter (where exists (
         select from budgets_budgetalert a
          where a.tenant_id = %(tenant)s and a.workload_id = %(workload)s and a.month = %(month)s
            and a.user_key = u.user_key and a.place = 3))
  from of_user u
  join budgets_usertier t on t.tenant_id = %(tenant)s and t.id = u.tier_id
 group by t.slug order by t.slug
"""


def seen(workload: Workload, month: Month) -> dict[str, Seen]:
    """By the tier's slug, in one statement; tiers nobody of whom used anything aren't there."""
    values: dict[str, Any] = {
        "tenant": workload.tenant_id,
        "workload": workload.id,
        "month": month.key,
        "known": [state.value for state in KNOWN],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, values)
        return {row[0]: Seen(*row) for row in cursor.fetchall()}


def used(workload: Workload, month: Month) -> tuple[list[Used], Decimal, int]:
    """By day of prices; what was paid for it, and of how many calls that isn't known."""
    rows = _known(workload, month).annotate(day=TruncDate("created_at", tzinfo=UTC)).order_by().values("day")
    days = rows.annotate(
        calls=Count("id"), given=Sum("used_input"), taken=Sum("used_output"), paid=Sum("cost"), priced=Count("cost")
    ).order_by("day")
    found = list(days)
    paid = sum((row["paid"] or Decimal(0) for row in found), Decimal(0))
    unknown = sum(row["calls"] - row["priced"] for row in found)
    return [Used(row["day"], row["calls"], row["given"], row["taken"]) for row in found], paid, unknown


def candidates(workload: Workload, month: Month, actor: Actor) -> list[str]:
    """Models to compare: what was asked for and what answered, what the workload names, and then what the other
    workloads use that this person sees.
    """
    rows = _of_month(workload, month).order_by().values_list("requested_model", "model").distinct()
    own = {name for pair in rows for name in pair} | {workload.primary_tier, workload.budget_tier} - {""}
    others = [name for name in models_in_use(workload.tenant_id, visible(workload.tenant_id, actor)) if name not in own]
    return [*sorted(own), *others]


def old_gates(tenant_id: UUID, now: datetime) -> QuerySet[CostGate]:
    """Gates that were sized more than a quarter ago (COST-8)."""
    return CostGate.objects.filter(tenant=tenant_id, sized_at__lt=now - QUARTER)


def scaled() -> list[Wish]:
    """Ceilings to compare: all tiers' at once, from half to half as much again."""
    return [Wish(factor=Decimal(factor)) for factor in FACTORS]


def _of_month(workload: Workload, month: Month) -> QuerySet[Reservation]:
    return Reservation.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month.key)


def _known(workload: Workload, month: Month) -> QuerySet[Reservation]:
    return _of_month(workload, month).filter(state__in=KNOWN)
