"""What people made of an answer, added to the sums of the minute that gave it (FEED-3, ROLL-5).

A reaction comes minutes or days after its action, so it is matched by request id and counted where the action was:
in its minute, version, rollout, stay and arm. Whoever calls this hands each reaction in once; a unit that doubts
twice in one stay is one doubting unit.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from apps.telemetry.ingest import UNSAID, unit_digest
from apps.telemetry.models import Action


@dataclass(frozen=True, slots=True)
class Place:
    """Where an action stands in the sums, and whose it was."""

    workload_id: UUID
    request_id: str
    started_at: datetime
    version: str
    rollout_id: UUID | None
    phase: int | None
    arm: str
    unit: str
    user_key: str

    @property
    def minute(self) -> datetime:
        return self.started_at.replace(second=0, microsecond=0)

    @property
    def stay(self) -> tuple[UUID, bytes, str, int] | None:
        """The unit's stay in a phase; None outside a rollout."""
        if not (self.rollout_id and self.unit and self.arm):
            return None
        return self.rollout_id, unit_digest(self.unit), self.arm, UNSAID if self.phase is None else self.phase


@dataclass(frozen=True, slots=True)
class Count:
    """One reaction to one transaction: whether it is the first, whether it doubts, whether it reports a failure."""

    place: Place
    is_first: bool = False
    is_doubt: bool = False
    is_failure: bool = False


def places(tenant_id: UUID, wanted: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Place]:
    """The last action of each (workload, request id) that has arrived, in one statement."""
    requests = {request for _, request in wanted}
    rows = Action.objects.filter(tenant=tenant_id, request_id__in=requests).order_by("attempt", "started_at")
    found = (Place(*row) for row in rows.values_list(*Place.__slots__))
    return {key: place for place in found if (key := (place.workload_id, place.request_id)) in wanted}


def add(*, tenant_id: UUID, counts: Sequence[Count]) -> None:
    """Add reactions to the sums, in the transaction that marks them as counted."""
    doubting = _first_doubts(tenant_id, [count.place for count in counts if count.is_doubt])
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for count in counts:
        here = sums.setdefault(_key(count.place), Counter())
        here["heard"] += count.is_first
        here["soft_failures"] += count.is_failure
    for place in doubting:
        sums[_key(place)]["doubting"] += 1
    _write(tenant_id, sums)


# Locked in the order in which the ingest inserts them.
_DOUBTS = """
with held as (
    select e.id from telemetry_exposedunit e
    join unnest(%s::uuid[], %s::bytea[], %s::text[], %s::int[]) as u (rollout_id, unit, arm, phase)
        on (e.rollout_id, e.unit, e.arm, e.phase) = (u.rollout_id, u.unit, u.arm, u.phase)
    where e.tenant_id = %s and not e.doubted order by e.rollout_id, e.unit, e.arm, e.phase for update of e
)
update telemetry_exposedunit e set doubted = true from held h where e.tenant_id = %s and e.id = h.id
returning e.rollout_id, e.unit, e.arm, e.phase
"""


def _first_doubts(tenant_id: UUID, doubted: Sequence[Place]) -> list[Place]:
    """Those that make their unit a doubting one; outside a rollout there is no unit to count."""
    stays = {place.stay: place for place in doubted if place.stay is not None}
    if not stays:
        return []
    ordered = sorted(stays, key=lambda stay: (str(stay[0]), *stay[1:]))
    with connection.cursor() as cursor:
        cursor.execute(_DOUBTS, [*([stay[i] for stay in ordered] for i in range(4)), tenant_id, tenant_id])
        return [stays[(rollout, bytes(unit), arm, phase)] for rollout, unit, arm, phase in cursor.fetchall()]


# The minutes are there: the actions were found. Locked in key order, as the ingest does.
_ADD = """
with wanted as (
    select * from unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::uuid[], %s::int[], %s::text[],
        %s::bigint[], %s::bigint[], %s::bigint[])
        as u (workload_id, minute, version, rollout_id, phase, arm, heard, soft_failures, doubting)
), held as (
    select s.id, w.heard, w.soft_failures, w.doubting from telemetry_minutesummary s join wanted w
        on (s.workload_id, s.minute, s.version, s.arm) = (w.workload_id, w.minute, w.version, w.arm)
        and s.rollout_id is not distinct from w.rollout_id and s.phase is not distinct from w.phase
    where s.tenant_id = %s
    order by s.workload_id, s.minute, s.version collate "C", coalesce(s.rollout_id::text, 'None') collate "C",
        coalesce(s.phase::text, 'None') collate "C", s.arm collate "C"
    for update of s
)
update telemetry_minutesummary s set heard = s.heard + h.heard, soft_failures = s.soft_failures + h.soft_failures,
    doubting = s.doubting + h.doubting
from held h where s.tenant_id = %s and s.id = h.id
"""
_COUNTS = ("heard", "soft_failures", "doubting")


def _write(tenant_id: UUID, sums: dict[tuple[Any, ...], Counter[str]]) -> None:
    changed = {key: counts for key, counts in sums.items() if any(counts.values())}
    if not changed:
        return
    columns = [[key[i] for key in changed] for i in range(6)]
    columns += [[counts[name] for counts in changed.values()] for name in _COUNTS]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [*columns, tenant_id, tenant_id])


def _key(place: Place) -> tuple[Any, ...]:
    return place.workload_id, place.minute, place.version, place.rollout_id, place.phase, place.arm
