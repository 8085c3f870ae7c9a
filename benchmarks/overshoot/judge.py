"""What the ledger says of it, whatever the clients believe."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from apps.budgets import counters, settling
from apps.budgets.models import Reservation, ReservationState
from apps.dispatch.gate import HOLD_LASTS
from benchmarks.overshoot.ground import Ground
from portal.tenancy.context import tenant_transaction

# A user's movements are written under the lock of their month. So a later one has the greater transaction number, and
# that is their order; ``at`` is the clock of whoever asked, before the lock.
_PEAKS = """
    select user_key, max(standing)::bigint from (
      select user_key, sum(held + settled) over (partition by user_key order by xmin::text::bigint) as standing
        from budgets_entry where tenant_id = %s) every
     group by user_key
"""
_TOTALS = """
    select user_key, sum(settled)::bigint, sum(held)::bigint from budgets_entry where tenant_id = %s group by user_key
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """By user: ``settled``, and ``stuck``, what is held by calls that are long over; ``past`` is by how much settled
    and held stood above the cap when they stood highest, also once the stuck holds have expired and are estimated.
    """

    settled: dict[str, int]
    stuck: dict[str, int]
    past: dict[str, int]
    stuck_holds: int
    differing: int
    found: list[str] = field(default_factory=list)


def judge(ground: Ground) -> Verdict:
    """After the last client is done. Ends by estimating what is stuck, with a clock that is past the holds' end."""
    settled, stuck = _totals(ground)
    ids = _stuck(ground)
    before = _differences(ground)
    _expire(ground, ids)
    found = [*before, *_differences(ground)]
    past = {user: peak - ground.caps[user] for user, peak in _peaks(ground).items() if peak > ground.caps[user]}
    return Verdict(settled, stuck, past, len(ids), len(found), found[:20])


def _totals(ground: Ground) -> tuple[dict[str, int], dict[str, int]]:
    with tenant_transaction(ground.tenant_id), connection.cursor() as cursor:
        cursor.execute(_TOTALS, [ground.tenant_id])
        rows = cursor.fetchall()
    return {user: settled for user, settled, _ in rows}, {user: held for user, _, held in rows}


def _peaks(ground: Ground) -> dict[str, int]:
    with tenant_transaction(ground.tenant_id), connection.cursor() as cursor:
        cursor.execute(_PEAKS, [ground.tenant_id])
        return dict(cursor.fetchall())


def _stuck(ground: Ground) -> list[object]:
    with tenant_transaction(ground.tenant_id):
        rows = Reservation.objects.filter(tenant=ground.tenant_id, state=ReservationState.HELD)
        return list(rows.values_list("id", flat=True))


def _differences(ground: Ground) -> list[str]:
    with tenant_transaction(ground.tenant_id):
        return [difference.said for difference in counters.differences(ground.tenant_id)]


def _expire(ground: Ground, ids: list[object]) -> None:
    later = timezone.now() + HOLD_LASTS + timedelta(minutes=1)
    with tenant_transaction(ground.tenant_id):
        settling.expire(tenant_id=ground.tenant_id, ids=ids, now=later)  # type: ignore[arg-type]
