"""Figures for pages and checks: from the per-minute sums, whatever the volume (TEL-4)."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, QuerySet, Subquery, Sum

from apps.telemetry import histogram
from apps.telemetry.models import Action, MinuteSummary, RejectedRecord


@dataclass(frozen=True, slots=True)
class ArmSums:
    """The sums of one arm of one phase of a rollout."""

    rollout_id: UUID
    phase: int | None
    arm: str
    n: int
    errors: int
    judged: int
    flagged: int
    overridden: int
    unauthorised: int
    cost_n: int
    cost_sum: float
    cost_squares: float
    units: int
    crossed: int
    seen: int
    doubting: int
    heard: int
    soft_failures: int
    last_at: datetime
    latency: tuple[int, ...]


_SUMMED = [f.name for f in fields(ArmSums) if f.name not in {"rollout_id", "phase", "arm", "last_at", "latency"}]
_ARMS = f"""
with minutes as (
    select * from telemetry_minutesummary where tenant_id = %s and rollout_id = any(%s)
), flat as (
    select rollout_id, phase, arm, {", ".join(f"sum({name}) as {name}" for name in _SUMMED)}, max(last_at) as last_at
    from minutes group by rollout_id, phase, arm
), buckets as (
    select rollout_id, phase, arm, place, sum(count)::int as count
    from minutes, unnest(latency) with ordinality as b (count, place) group by rollout_id, phase, arm, place
), curves as (
    select rollout_id, phase, arm, array_agg(count order by place) as latency from buckets group by 1, 2, 3
)
select f.rollout_id, f.phase, f.arm, {", ".join(f"f.{name}" for name in _SUMMED)}, f.last_at, c.latency
from flat f join curves c on (f.rollout_id, f.arm) = (c.rollout_id, c.arm) and f.phase is not distinct from c.phase
"""


def arm_sums(tenant_id: UUID, rollout_ids: Iterable[UUID]) -> list[ArmSums]:
    """The sums of each phase and arm of these rollouts, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_ARMS, [tenant_id, list(rollout_ids)])
        return [_arm(row) for row in cursor.fetchall()]


def _arm(row: tuple[Any, ...]) -> ArmSums:
    numbers: list[Any] = [
        float(v) if name.startswith("cost_s") else int(v) for name, v in zip(_SUMMED, row[3:-2], strict=True)
    ]
    return ArmSums(*[*row[:3], *numbers, row[-2], tuple(row[-1])])


@dataclass(frozen=True, slots=True)
class Point:
    """One arm in one minute, for a chart."""

    minute: datetime
    arm: str
    n: int
    errors: int
    judged: int
    flagged: int
    p95_ms: float | None
    cost: float | None


def arm_minutes(tenant_id: UUID, rollout_id: UUID, since: datetime) -> list[Point]:
    rows = MinuteSummary.objects.filter(tenant=tenant_id, rollout_id=rollout_id, minute__gte=since).order_by("minute")
    return [
        Point(
            minute=row.minute,
            arm=row.arm,
            n=row.n,
            errors=row.errors,
            judged=row.judged,
            flagged=row.flagged,
            p95_ms=histogram.quantile(row.latency, 0.95),
            cost=row.cost_sum / row.cost_n if row.cost_n else None,
        )
        for row in rows
    ]


def first_bad_minute(tenant_id: UUID, rollout_id: UUID, phase: int, limit: float) -> datetime | None:
    """The first minute of a phase in which the agent's arm had a share of errors above ``limit``."""
    rows = MinuteSummary.objects.filter(tenant=tenant_id, rollout_id=rollout_id, phase=phase, arm="agent")
    found = rows.extra(where=["errors > %s * n"], params=[limit]).order_by("minute").first()
    return found.minute if found else None


def actions(tenant_id: UUID, workload_id: UUID) -> QuerySet[Action]:
    """A workload's action records, newest first."""
    return Action.objects.filter(tenant=tenant_id, workload=workload_id).order_by("-started_at", "-record_id")


def rejected(tenant_id: UUID) -> QuerySet[RejectedRecord]:
    return RejectedRecord.objects.filter(tenant=tenant_id).order_by("-created_at", "-id")


def last_seen(tenant_id: UUID, workload_id: UUID) -> datetime | None:
    rows = last_minute(tenant_id, workload_id)
    return rows.values_list("last_at", flat=True).first()


def last_minute(tenant_id: UUID, workload_id: UUID) -> QuerySet[MinuteSummary]:
    """The newest minute of a workload of which anything is known, if there is one."""
    rows = MinuteSummary.objects.filter(tenant=tenant_id, workload=workload_id).order_by("-minute", "-id")
    return MinuteSummary.objects.filter(tenant=tenant_id, id=Subquery(rows.values("id")[:1]))


@dataclass(frozen=True, slots=True)
class Totals:
    """What arrived for one workload since an instant. ``last_at`` is None where nothing did."""

    n: int
    errors: int
    usage_missing: int
    cost_n: int
    cost_sum: float
    last_at: datetime | None


def totals(tenant_id: UUID, workload_id: UUID, since: datetime) -> Totals:
    """Sums over whole minutes from ``since`` on, all versions and arms, in one statement."""
    rows = MinuteSummary.objects.filter(tenant=tenant_id, workload=workload_id, minute__gte=since)
    sums = rows.aggregate(
        **{name: Sum(name, default=0) for name in ("n", "errors", "usage_missing", "cost_n", "cost_sum")},
        last=Max("last_at"),
    )
    return Totals(
        n=sums["n"],
        errors=sums["errors"],
        usage_missing=sums["usage_missing"],
        cost_n=sums["cost_n"],
        cost_sum=float(sums["cost_sum"]),
        last_at=sums["last"],
    )


def users(tenant_id: UUID, since: datetime, until: datetime) -> dict[UUID, int]:
    """How many users each workload had in ``[since, until)``; those whom no record names aren't counted."""
    rows = Action.objects.filter(tenant=tenant_id, started_at__gte=since, started_at__lt=until).exclude(user_key="")
    counted = rows.order_by().values("workload").annotate(users=Count("user_key", distinct=True))
    return dict(counted.values_list("workload", "users"))
