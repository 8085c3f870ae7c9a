"""How much a call is held at: the output that 99 of 100 calls of the workload to that model stayed within (COST-4).

Holding a model's whole output leaves a fifth of a budget idle, holding too little cuts answers short. So the size is
learned from what was settled. A call that used up its hold says only that it wanted as much or more; where those are
more than one in fifty the size grows, since otherwise it could never learn that it is too small.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from apps.budgets.models import HoldSize
from apps.budgets.rules import learned
from apps.tenants.actions import bump_config

OVER = timedelta(days=7)
ENOUGH = 50

_SEEN = """
    select r.workload_id, r.model, count(*),
           percentile_disc(0.99) within group (order by r.used_output),
           count(*) filter (where r.used_output >= r.held - r.asked_input)::float / count(*),
           max(r.held - r.asked_input)
      from budgets_reservation r
     where r.tenant_id = %s and r.state = 'settled' and r.settled_at > %s and r.used_output is not null
       and r.served_model in ('', r.model) and r.reason <> 'cut_to_what_is_left'
     group by r.workload_id, r.model having count(*) >= %s
"""


def sizes(tenant_id: UUID) -> dict[tuple[UUID, str], int]:
    """What has been learned, by workload and model."""
    rows = HoldSize.objects.filter(tenant=tenant_id).values_list("workload", "model", "output")
    return {(workload, model): output for workload, model, output in rows}


def learn(*, tenant_id: UUID, now: datetime) -> int:
    """Learn from the last seven days; the decision path hears of sizes that changed. Returns how many did."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [tenant_id, now - OVER, ENOUGH])
        seen = cursor.fetchall()
    known = sizes(tenant_id)
    rows = [
        HoldSize(
            tenant_id=tenant_id,
            workload_id=workload,
            model=model,
            output=learned(p99=p99, cut_share=cut, largest=largest),
            calls=calls,
            learned_at=now,
            created_at=now,
        )
        for workload, model, calls, p99, cut, largest in seen
    ]
    HoldSize.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant", "workload", "model"],
        update_fields=["output", "calls", "learned_at"],
    )
    changed = sum(known.get((row.workload_id, row.model)) != row.output for row in rows)
    if changed:
        bump_config(tenant_id)
    return changed
