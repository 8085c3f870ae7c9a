"""Action records settle what they are about (COST-4): kept with the records, settled right after.

A record may not wait for a budget, nor be lost by one. So its usage is written down in the very transaction that
stores the record, as a row that is due, and a task settles it within seconds, found by a query: a message that a
broker lost changes nothing, and the ingest asks no broker. Not in the ingest's own transaction, since that one holds
the sums of its minutes, and would hold the months of everybody in its batch until it commits: calls would wait for
telemetry. Not in the outbox, where a batch of settlements would stand before a page to somebody on call.

Each report is settled in a transaction of its own, so its locks are those of one settlement, in their usual order;
two batches can't wait for each other in a circle, and one that fails is tried again while the others go on.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.budgets.models import Reservation, ReservationState, UsageReport
from apps.budgets.pricing import served_prices
from apps.budgets.reported import queries
from apps.budgets.reported.models import Misfit
from apps.budgets.settling import Used, settle
from portal.errors import Invalid, Refused
from portal.ids import uuid7
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("apps.budgets")

LONGEST_RETRY = timedelta(minutes=15)
LONGEST_MODEL = 120
# Which refusals of a settlement are which misfit.
_REFUSALS = {"already_settled": Misfit.OTHER_FIGURES, "corrected": Misfit.CORRECTED}


@dataclass(frozen=True, slots=True)
class Report:
    """What one record says that one attempt used; both figures are known. ``model`` is what answered."""

    workload_id: UUID
    request_id: UUID
    attempt: int
    record_id: UUID
    input_tokens: int
    output_tokens: int
    model: str = ""


def keep(*, tenant_id: UUID, reports: Sequence[Report], now: datetime) -> int:
    """Write down what there is to settle, in the transaction of the records: two statements, however many.

    Requests that the portal has never admitted are somebody else's business, and what is settled with the same
    figures is done. Returns how many were kept.
    """
    if not reports:
        return 0
    held = queries.held_for(tenant_id, {(each.request_id, each.attempt) for each in reports})
    rows = [row for each in reports if (row := _row(tenant_id, each, held, now)) is not None]
    UsageReport.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def settle_reported(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Settle those that are still due, each by itself. Returns how many were done."""
    with tenant_transaction(tenant_id):
        rows = UsageReport.objects.filter(tenant=tenant_id, id__in=ids, due_at__lte=now)
        waiting = list(rows.order_by("due_at", "id").values_list("id", flat=True))
    return sum(_settled_alone(tenant_id, report_id, now) for report_id in waiting)


def _row(tenant_id: UUID, said: Report, held: dict[tuple[UUID, int], Reservation], now: datetime) -> UsageReport | None:
    mine = held.get((said.request_id, said.attempt))
    known = mine or held.get((said.request_id, 1))
    if known is None or (mine is not None and _is_known(mine, said)):
        return None
    misfit = ""
    if known.workload_id != said.workload_id:
        misfit = Misfit.OTHER_WORKLOAD
    elif mine is None:
        misfit = Misfit.NOT_HELD
    return UsageReport(
        id=uuid7(),
        tenant_id=tenant_id,
        workload_id=said.workload_id,
        reservation=mine,
        request_id=said.request_id,
        attempt=said.attempt,
        record_id=said.record_id,
        input_tokens=said.input_tokens,
        output_tokens=said.output_tokens,
        model=said.model,
        due_at=None if misfit else now,
        misfit=misfit,
        created_at=now,
    )


def _is_known(reservation: Reservation, said: Report) -> bool:
    is_over = reservation.state in {ReservationState.SETTLED, ReservationState.CORRECTED}
    figures = (reservation.workload_id, reservation.used_input, reservation.used_output)
    return is_over and figures == (said.workload_id, said.input_tokens, said.output_tokens)


def _settled_alone(tenant_id: UUID, report_id: UUID, now: datetime) -> bool:
    try:
        with tenant_transaction(tenant_id):
            return _settle(tenant_id, report_id, now)
    except Exception:
        log.exception("a record could not settle its reservation; tried again", extra={"report": str(report_id)})
        with tenant_transaction(tenant_id):
            _try_later(tenant_id, report_id, now)
        return False


def _settle(tenant_id: UUID, report_id: UUID, now: datetime) -> bool:
    rows = UsageReport.objects.filter(tenant=tenant_id, id=report_id, due_at__lte=now)
    # Gone, or in another's hands: done there.
    report = rows.select_for_update(skip_locked=True, of=("self",)).select_related("reservation__workload").first()
    if report is None or report.reservation is None:
        return False
    misfit = _misfit(report, report.reservation, now)
    if misfit and not _has(report, misfit):
        report.misfit, report.due_at = misfit, None
        report.save(update_fields=["misfit", "due_at"])
    else:
        report.delete()
    return True


def _misfit(report: UsageReport, reservation: Reservation, now: datetime) -> str:
    """Settle it; if that is refused, why. What a person corrected to these very figures fits."""
    used = Used(report.input_tokens, report.output_tokens, model=report.model[:LONGEST_MODEL])
    try:
        settle(reservation=reservation, used=used, prices=served_prices(reservation, report.model), now=now)
    except Invalid:
        return Misfit.IMPOSSIBLE
    except Refused as refusal:
        fresh = Reservation.objects.get(tenant=reservation.tenant_id, id=reservation.id)
        is_same = (fresh.used_input, fresh.used_output) == (report.input_tokens, report.output_tokens)
        return "" if is_same else _REFUSALS[refusal.code]
    return ""


def _has(report: UsageReport, misfit: str) -> bool:
    """Whether one of this kind stands for the attempt. Settling locked it, so nobody adds one meanwhile."""
    rows = UsageReport.objects.filter(tenant=report.tenant_id, workload=report.workload_id, misfit=misfit)
    return rows.filter(request_id=report.request_id, attempt=report.attempt).exists()


def _try_later(tenant_id: UUID, report_id: UUID, now: datetime) -> None:
    """Doubling from two seconds up to a quarter of an hour, for as long as it takes."""
    rows = UsageReport.objects.filter(tenant=tenant_id, id=report_id, due_at__lte=now)
    report = rows.select_for_update(skip_locked=True, of=("self",)).first()
    if report is not None:
        report.due_at = now + min(timedelta(seconds=2 << min(report.tries, 16)), LONGEST_RETRY)
        report.tries += 1
        report.save(update_fields=["due_at", "tries"])
