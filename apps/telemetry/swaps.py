"""What validators said of answers that a soft cap moved to the budget model, beside the others (COST-6).

A call and its record are the same request and attempt. Only judged answers count, and only those whose call was
admitted by the gate; a record without a reservation says nothing about swaps.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from apps.budgets.months import Month
from apps.budgets.rules import Decision
from apps.budgets.usage.swaps import Flags, Verdicts

# Calls that were admitted in the month's last minutes start after its end.
LATE = timedelta(days=1)

_VERDICTS = """
    select r.decision = %(degraded)s as swapped, count(*), count(*) filter (where a.flagged)
      from telemetry_action a
      join budgets_reservation r
        on r.tenant_id = a.tenant_id and r.workload_id = a.workload_id and r.month = %(month)s
       and r.request_id::text = a.request_id and r.attempt = a.attempt
     where a.tenant_id = %(tenant)s and a.workload_id = %(workload)s and a.judged
       and a.started_at >= %(start)s and a.started_at < %(end)s
     group by 1
"""


def verdicts(tenant_id: UUID, workload_id: UUID, month: Month) -> Verdicts:
    """Of calls admitted in a month, in one statement."""
    values: dict[str, Any] = {
        "tenant": tenant_id,
        "workload": workload_id,
        "month": month.key,
        "degraded": Decision.DEGRADED.value,
        "start": month.start,
        "end": month.end + LATE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_VERDICTS, values)
        found = {is_swapped: Flags(judged, flagged) for is_swapped, judged, flagged in cursor.fetchall()}
    nothing = Flags(0, 0)
    return Verdicts(kept=found.get(False, nothing), swapped=found.get(True, nothing))
