"""Which records say what a held call used (COST-4). Settling it is the budgets' own matter.

Only leaf model calls have usage at all (:mod:`apps.telemetry.records`), so a span that carries sums settles nothing;
nor does one that doesn't say both figures, since missing is missing and never 0. Whose call it was is decided by the
workload that the credential may speak for, never by the credential itself: who sends records isn't who dispatched.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from apps.budgets.reported import actions as reported
from apps.budgets.reported.actions import Report
from apps.telemetry.records import ActionRecord

# As dispatch writes it. The ids of traces and of providers' answers, which stand in where a record names no request,
# are never looked up.
_OURS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def keep(tenant_id: UUID, rows: Iterable[tuple[UUID, ActionRecord]], now: datetime) -> None:
    """Hand new records and their workloads' ids on, in their transaction; nothing is asked where none names a request
    of ours.
    """
    reports = [found for workload_id, record in rows if (found := report(workload_id, record)) is not None]
    reported.keep(tenant_id=tenant_id, reports=reports, now=now)


def report(workload_id: UUID, record: ActionRecord) -> Report | None:
    if record.tokens_in is None or record.tokens_out is None or not _OURS.fullmatch(record.request_id):
        return None
    return Report(
        workload_id=workload_id,
        request_id=UUID(record.request_id),
        attempt=record.attempt,
        record_id=record.record_id,
        input_tokens=record.tokens_in,
        output_tokens=record.tokens_out,
        model=record.model_served,
    )
