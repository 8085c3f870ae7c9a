"""The counters are the sums of their entries: made anew at any time, and compared all the time (COST-4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

_USERS = """
    select workload_id, month, user_key, sum(settled)::bigint as settled, sum(held)::bigint as held,
           sum(metered)::bigint as metered
      from budgets_entry where tenant_id = %(tenant)s group by workload_id, month, user_key
"""
_WORKLOADS = """
    select workload_id, month, sum(spent) as spent, sum(held_money) as held
      from budgets_entry where tenant_id = %(tenant)s group by workload_id, month
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that isn't what its entries add up to; ``user_key`` is empty for a workload's money."""

    workload_id: UUID
    month: str
    user_key: str
    counted: tuple[Decimal, ...]
    ledger: tuple[Decimal, ...]

    @property
    def said(self) -> str:
        """For a log, an alert, a person."""
        whose = f"user {self.user_key[:8]}" if self.user_key else "its money"
        counted, ledger = (", ".join(f"{part:f}" for part in side) for side in (self.counted, self.ledger))
        return f"workload {self.workload_id}, {self.month}, {whose}: counted {counted}, the ledger says {ledger}"


def differences(tenant_id: UUID) -> list[Difference]:
    """Every counter that differs from its ledger; none is how it has to be. One statement, so one instant."""
    statement = f"""
    with u as ({_USERS}), w as ({_WORKLOADS})
    select coalesce(c.workload_id, u.workload_id), coalesce(c.month, u.month), coalesce(c.user_key, u.user_key),
           array[coalesce(c.settled, 0), coalesce(c.held, 0), coalesce(c.metered, 0)]::numeric[],
           array[coalesce(u.settled, 0), coalesce(u.held, 0), coalesce(u.metered, 0)]::numeric[]
      from (select * from budgets_usermonth where tenant_id = %(tenant)s) c
      full join u on u.workload_id = c.workload_id and u.month = c.month and u.user_key = c.user_key
     where (coalesce(c.settled, 0), coalesce(c.held, 0), coalesce(c.metered, 0))
           <> (coalesce(u.settled, 0), coalesce(u.held, 0), coalesce(u.metered, 0))
    union all
    select coalesce(c.workload_id, w.workload_id), coalesce(c.month, w.month), '',
           array[coalesce(c.spent, 0), coalesce(c.held, 0)], array[coalesce(w.spent, 0), coalesce(w.held, 0)]
      from (select * from budgets_workloadmonth where tenant_id = %(tenant)s) c
      full join w on w.workload_id = c.workload_id and w.month = c.month
     where (coalesce(c.spent, 0), coalesce(c.held, 0)) <> (coalesce(w.spent, 0), coalesce(w.held, 0))
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": tenant_id})
        rows: Sequence[tuple[UUID, str, str, list[Decimal], list[Decimal]]] = cursor.fetchall()
    return [Difference(w, month, user, tuple(counted), tuple(ledger)) for w, month, user, counted, ledger in rows]


def rebuild(tenant_id: UUID) -> list[Difference]:
    """Make the counters what the ledger says; what was different. Admissions wait meanwhile.

    The counters' rows are locked against writers first: an entry and its counter are one transaction, so what is then
    read is complete.
    """
    with connection.cursor() as cursor:
        cursor.execute("lock table budgets_usermonth, budgets_workloadmonth in share row exclusive mode")
    found = differences(tenant_id)
    with connection.cursor() as cursor:
        for difference in found:
            cursor.execute(*_write(tenant_id, difference))
    return found


def _write(tenant_id: UUID, difference: Difference) -> tuple[str, list[Any]]:
    key = [tenant_id, difference.workload_id, difference.month]
    if difference.user_key:
        return (
            "insert into budgets_usermonth (id, tenant_id, workload_id, month, user_key, settled, held, metered) "
            "values (gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s) "
            "on conflict (tenant_id, workload_id, month, user_key) do update "
            "set settled = excluded.settled, held = excluded.held, metered = excluded.metered",
            [*key, difference.user_key, *difference.ledger],
        )
    return (
        "insert into budgets_workloadmonth (id, tenant_id, workload_id, month, spent, held) "
        "values (gen_random_uuid(), %s, %s, %s, %s, %s) "
        "on conflict (tenant_id, workload_id, month) do update set spent = excluded.spent, held = excluded.held",
        [*key, *difference.ledger],
    )
