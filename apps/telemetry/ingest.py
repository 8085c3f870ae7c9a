"""From action records to durable rows: one transaction, each record once, sums kept as it goes (TEL-1, TEL-2, TEL-4).

Rows are copied in and inserted in one statement; what was there already is left alone, and only what is new is added
to the per-minute sums, so that a repeat of a batch, whole or in part, changes nothing. The commit is synchronous:
what is acknowledged is durable.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from apps.telemetry import histogram, partitions, usage
from apps.telemetry.models import RejectedRecord
from apps.telemetry.records import ActionRecord, Reading
from apps.telemetry.spans import Rejection
from apps.workloads import queries as workloads
from apps.workloads.models import AuthorityGrant
from portal import faults
from portal.actor import Actor
from portal.ids import uuid7
from portal.outbox.actions import enqueue
from portal.pseudonyms import user_key
from portal.tenancy.context import tenant_transaction

MAX_KEPT_REJECTIONS = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: how many rows are new, how many were known, and what was rejected."""

    new: int
    known: int
    rejections: list[Rejection] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    """A record with what the tenant's own registry says about it."""

    record: ActionRecord
    workload_id: UUID
    authority_id: UUID | None
    unauthorised: bool


def store(*, tenant_id: UUID, reading: Reading, actor: Actor, source: str, now: datetime) -> Stored:
    """Make a batch durable. Records of workloads that don't exist, or that the token doesn't cover, are rejected."""
    with tenant_transaction(tenant_id):
        rows, refused = _resolve(tenant_id, reading.records, actor)
        rejections = [*reading.rejections, *refused]
        partitions.ensure({row.record.started_at.date() for row in rows})
        new = _insert(tenant_id, rows, now)
        _summarise(tenant_id, new)
        usage.keep(tenant_id, [(row.workload_id, row.record) for row in new], now)
        _report_unauthorised(new, now)
        _keep(tenant_id, rejections, source)
        faults.point("telemetry.stored")
    faults.point("telemetry.committed")
    return Stored(len(new), len(rows) - len(new), rejections)


def _resolve(tenant_id: UUID, records: Sequence[ActionRecord], actor: Actor) -> tuple[list[_Row], list[Rejection]]:
    keys = {record.workload for record in records}
    ids = dict(workloads.workloads(tenant_id).filter(key__in=keys).values_list("key", "id")) if keys else {}
    covered = {key: i for key, i in ids.items() if actor.workloads is None or i in actor.workloads}
    grants = _grants(tenant_id, records)
    rows, refused = [], []
    for record in records:
        workload_id = covered.get(record.workload)
        if workload_id is None:
            reason = f"there is no workload {record.workload!r} that this token covers"
            refused.append(Rejection(record.index, reason, record.trace_id, record.span_id))
            continue
        authority, unauthorised = _authority(grants, workload_id, record)
        rows.append(_Row(record, workload_id, authority, unauthorised))
    return rows, refused


def _grants(tenant_id: UUID, records: Iterable[ActionRecord]) -> list[AuthorityGrant]:
    kinds = {record.action_kind for record in records} - {""}
    return list(AuthorityGrant.objects.filter(tenant=tenant_id, action_kind__in=kinds)) if kinds else []


def _authority(grants: list[AuthorityGrant], workload_id: UUID, record: ActionRecord) -> tuple[UUID | None, bool]:
    """The grant under which an action was taken, and whether it was outside every one (WORK-2)."""
    if not record.action_kind:
        return None, False
    for grant in grants:
        if (grant.workload_id, grant.action_kind) == (workload_id, record.action_kind) and _covers(grant, record):
            return grant.id, False
    return None, True


def _covers(grant: AuthorityGrant, record: ActionRecord) -> bool:
    """Live when the action began, and within the limit; an action that doesn't say its amount is within no limit."""
    if record.started_at < grant.created_at or (grant.revoked_at and record.started_at >= grant.revoked_at):
        return False
    if grant.limit_amount is None:
        return True
    amount = record.action_amount
    return amount is not None and amount <= grant.limit_amount and record.action_currency == grant.currency


_COLUMNS = {
    "started_at": "timestamptz",
    "record_id": "uuid",
    "workload_id": "uuid",
    "request_id": "text",
    "attempt": "int",
    "trace_id": "text",
    "span_id": "text",
    "version": "text",
    "model_requested": "text",
    "model_served": "text",
    "provider": "text",
    "tier": "text",
    "user_key": "text",
    "session": "text",
    "unit": "text",
    "latency_ms": "float8",
    "tokens_in": "int",
    "tokens_out": "int",
    "tokens_cached": "int",
    "tokens_reasoning": "int",
    "tool_calls": "int",
    "retries": "int",
    "cost": "numeric",
    "currency": "text",
    "outcome": "text",
    "error_type": "text",
    "judged": "bool",
    "flagged": "bool",
    "action_kind": "text",
    "action_amount": "numeric",
    "authority_id": "uuid",
    "unauthorised": "bool",
    "rollout_id": "uuid",
    "arm": "text",
    "phase": "int",
}
_NAMES = ", ".join(_COLUMNS)
# COPY isn't allowed into a table with a row policy, so rows are copied into a table that is the session's own, and
# are moved from there under the policy. A batch that fails takes its staged rows with it when it rolls back.
_STAGE = (
    f"create temporary table if not exists staged_action ({', '.join(f'{n} {kind}' for n, kind in _COLUMNS.items())}) "
    "on commit delete rows"
)
_COPY = f"copy pg_temp.staged_action ({_NAMES}) from stdin"
_INSERT = (
    f"with taken as (delete from pg_temp.staged_action returning {_NAMES}) "
    f"insert into telemetry_action (tenant_id, received_at, {_NAMES}) "
    f"select %s, %s, {_NAMES} from taken on conflict do nothing returning record_id"
)


def _insert(tenant_id: UUID, rows: list[_Row], now: datetime) -> list[_Row]:
    """Insert, in key order so that two batches never wait for each other, and return the rows that are new."""
    if not rows:
        return []
    unique = {(row.record.started_at, row.record.record_id): row for row in rows}
    ordered = [unique[key] for key in sorted(unique)]
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in ordered:
                copy.write_row(_values(tenant_id, row))
        cursor.execute(_INSERT, [tenant_id, now])
        inserted = {row[0] for row in cursor.fetchall()}
    return [row for row in ordered if row.record.record_id in inserted]


def _values(tenant_id: UUID, row: _Row) -> tuple[Any, ...]:
    r = row.record
    return (
        r.started_at,
        r.record_id,
        row.workload_id,
        r.request_id,
        r.attempt,
        r.trace_id,
        r.span_id,
        r.version,
        r.model_requested,
        r.model_served,
        r.provider,
        r.tier,
        user_key(tenant_id, r.user),
        r.session,
        r.unit,
        r.latency_ms,
        r.tokens_in,
        r.tokens_out,
        r.tokens_cached,
        r.tokens_reasoning,
        r.tool_calls,
        r.retries,
        r.cost,
        r.currency,
        r.outcome,
        r.error_type,
        r.judged,
        r.flagged,
        r.action_kind,
        r.action_amount,
        row.authority_id,
        row.unauthorised,
        r.rollout,
        r.arm,
        r.phase,
    )


@dataclass(slots=True)
class Sums:
    """The sums of one minute, workload, version, rollout, phase and arm."""

    last_at: datetime
    n: int = 0
    errors: int = 0
    blocked: int = 0
    escalated: int = 0
    overridden: int = 0
    judged: int = 0
    flagged: int = 0
    unauthorised: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usage_missing: int = 0
    cost_n: int = 0
    cost_sum: float = 0.0
    cost_squares: float = 0.0
    units: int = 0
    crossed: int = 0
    seen: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * histogram.BUCKETS)

    def add(self, row: _Row) -> None:
        r = row.record
        self.n += 1
        self.errors += r.outcome == "error"
        self.blocked += r.outcome == "blocked"
        self.escalated += r.outcome == "escalated"
        self.overridden += r.outcome == "overridden"
        self.judged += r.judged
        self.flagged += r.flagged
        self.unauthorised += row.unauthorised
        self.tokens_in += r.tokens_in or 0
        self.tokens_out += r.tokens_out or 0
        self.usage_missing += r.tokens_in is None or r.tokens_out is None
        self.latency[histogram.bucket_of(r.latency_ms)] += 1
        self.last_at = max(self.last_at, r.started_at)
        if r.cost is not None:
            self._spend(r.cost)

    def _spend(self, cost: Decimal) -> None:
        self.cost_n += 1
        self.cost_sum += float(cost)
        self.cost_squares += float(cost) ** 2


_COUNTS = [name for name in Sums.__slots__ if name not in {"last_at", "latency"}]
_KEY = ["workload_id", "minute", "version", "rollout_id", "phase", "arm"]
_TYPES = {"cost_sum": "float8", "cost_squares": "float8"}
_UPSERT = f"""
insert into telemetry_minutesummary as s (id, tenant_id, {", ".join(_KEY)}, {", ".join(_COUNTS)}, last_at, latency)
select u.id, %s, {", ".join(f"u.{name}" for name in [*_KEY, *_COUNTS])}, u.last_at, u.latency::int[]
from unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[], %s::uuid[], %s::int[], %s::text[],
    {", ".join(f"%s::{_TYPES.get(name, 'bigint')}[]" for name in _COUNTS)}, %s::timestamptz[], %s::text[])
    as u (id, {", ".join(_KEY)}, {", ".join(_COUNTS)}, last_at, latency)
on conflict (tenant_id, workload_id, minute, version, rollout_id, phase, arm) do update set
    {", ".join(f"{name} = s.{name} + excluded.{name}" for name in _COUNTS)},
    last_at = greatest(s.last_at, excluded.last_at),
    latency = histogram_add(s.latency, excluded.latency)
"""


def _summarise(tenant_id: UUID, rows: list[_Row]) -> None:
    """Add new rows to their minutes, in key order."""
    sums: dict[tuple[Any, ...], Sums] = {}
    for row in rows:
        _sums_of(sums, row).add(row)
    _count_units(tenant_id, rows, sums)
    if not sums:
        return
    keys = sorted(sums, key=lambda key: tuple(str(part) for part in key))
    columns: list[list[Any]] = [[uuid7() for _ in keys], *([key[i] for key in keys] for i in range(len(_KEY)))]
    columns += [[getattr(sums[key], name) for key in keys] for name in [*_COUNTS, "last_at"]]
    columns.append(["{" + ",".join(map(str, sums[key].latency)) + "}" for key in keys])
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [tenant_id, *columns])


def _sums_of(sums: dict[tuple[Any, ...], Sums], row: _Row) -> Sums:
    r = row.record
    minute = r.started_at.replace(second=0, microsecond=0)
    key = (row.workload_id, minute, r.version, r.rollout, r.phase, r.arm)
    if key not in sums:
        sums[key] = Sums(last_at=r.started_at)
    return sums[key]


# One statement: add the units not seen in this stay before, and say of each whether the arm has met it in another
# stay, and whether the other arm has met it at all.
_UNITS = """
with batch as (
    select * from unnest(%s::uuid[], %s::uuid[], %s::bytea[], %s::text[], %s::int[])
        as u (id, rollout_id, unit, arm, phase)
), fresh as (
    insert into telemetry_exposedunit (id, tenant_id, created_at, rollout_id, unit, arm, phase)
    select id, %s, now(), rollout_id, unit, arm, phase from batch order by rollout_id, unit, arm, phase
    on conflict (tenant_id, rollout_id, unit, arm, phase) do nothing returning rollout_id, unit, arm, phase
)
select f.*, exists (select 1 from telemetry_exposedunit o
    where o.tenant_id = %s and o.rollout_id = f.rollout_id and o.unit = f.unit and o.arm = f.arm
), exists (select 1 from telemetry_exposedunit o
    where o.tenant_id = %s and o.rollout_id = f.rollout_id and o.unit = f.unit and o.arm <> f.arm
) from fresh f
"""
UNSAID = -1


def _count_units(tenant_id: UUID, rows: list[_Row], sums: dict[tuple[Any, ...], Sums]) -> None:
    """Units new to a stay in a phase, and of those the ones new to the arm, in the minute they were first seen in."""
    first: dict[tuple[UUID, bytes, str, int], _Row] = {}
    for row in rows:
        r = row.record
        if r.rollout and r.unit and r.arm:
            phase = UNSAID if r.phase is None else r.phase
            first.setdefault((r.rollout, unit_digest(r.unit), r.arm, phase), row)
    if not first:
        return
    keys = sorted(first, key=lambda key: (str(key[0]), *key[1:]))
    columns: list[list[Any]] = [[uuid7() for _ in keys], *([key[i] for key in keys] for i in range(4))]
    met: set[tuple[UUID, bytes, str]] = set()
    with connection.cursor() as cursor:
        cursor.execute(_UNITS, [*columns, tenant_id, tenant_id, tenant_id])
        for rollout, unit, arm, phase, was_met, crossed in cursor.fetchall():
            key = (rollout, bytes(unit), arm)
            found = _sums_of(sums, first[(*key, phase)])
            found.seen += 1
            if not was_met and key not in met:
                met.add(key)
                found.units += 1
                found.crossed += crossed


def unit_digest(unit: str) -> bytes:
    """16 bytes that stand for a unit."""
    return hashlib.blake2b(unit.encode(), digest_size=16).digest()


def _report_unauthorised(rows: list[_Row], now: datetime) -> None:
    """An action outside authority is an alert, once a workload, kind and hour (WORK-2)."""
    for row in rows:
        if not row.unauthorised:
            continue
        r = row.record
        key = f"{row.workload_id}:{r.action_kind}:{now:%Y%m%d%H}"[:200]
        payload = {
            "source": "authority",
            "key": f"{row.workload_id}:{r.action_kind}"[:255],
            "summary": f"It acted outside its authority: {r.action_kind}.",
            "severity": "critical",
            "workload": r.workload,
            "details": {"action": r.action_kind, "request": r.request_id},
        }
        enqueue(topic="alert.raise", key=f"authority:{key}"[:200], payload=payload, now=now)


def _keep(tenant_id: UUID, rejections: list[Rejection], source: str) -> None:
    RejectedRecord.objects.bulk_create(
        RejectedRecord(
            tenant_id=tenant_id,
            source=source,
            reason=r.reason[:1000].replace("\x00", ""),
            trace_id=r.trace_id[:64],
            span_id=r.span_id[:64],
            attributes=[name[:200].replace("\x00", "") for name in r.attributes],
        )
        for r in rejections[:MAX_KEPT_REJECTIONS]
    )
