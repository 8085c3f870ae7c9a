"""Rollouts for tests, made through the product's own actions, and records as the ingest would see them."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from apps.rollouts import actions, checks
from apps.rollouts.models import Rollout
from apps.rollouts.plan import ALL, GuardrailPlan, Kind, Metric, PhasePlan
from apps.telemetry import ingest
from apps.telemetry.records import ActionRecord, Reading
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.signing import approve
from tests.world import NOW, World

MINUTE = timedelta(minutes=1)
PHASES = tuple(PhasePlan(share, 10 * MINUTE) for share in (500, 1_000, 2_500, 5_000, ALL))
ERRORS = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05)


def drafted(world: World, guardrails: tuple[GuardrailPlan, ...] = (ERRORS,), **options: object) -> Rollout:
    with tenant_transaction(world.tenant.id):
        return actions.draft_rollout(
            workload=world.workload,
            version=world.candidate,
            why="answers better",
            author=world.bob,
            actor=world.actor(world.bob),
            guardrails=guardrails,
            **{"phases": PHASES, **options},  # type: ignore[arg-type]
        )


def approved(world: World, **options: object) -> Rollout:
    rollout = drafted(world, **options)  # type: ignore[arg-type]
    with tenant_transaction(world.tenant.id):
        actions.submit_rollout(rollout=rollout, actor=world.actor(world.bob), now=NOW)
        return approve(rollout, world.erin, world.actor(world.erin), NOW)


def running(world: World, **options: object) -> Rollout:
    rollout = approved(world, **options)
    with tenant_transaction(world.tenant.id):
        return actions.start_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW)


def send(
    rollout: Rollout,
    *,
    at: datetime,
    agent: tuple[int, int] = (0, 0),
    control: tuple[int, int] = (0, 0),
    workload: str = "W-01",
) -> None:
    """Records of the present step: (how many, how many of them failed) for each arm."""
    records = [
        record(rollout, arm, number < failed, at, workload=workload)
        for arm, (n, failed) in (("agent", agent), ("control", control))
        for number in range(n)
    ]
    service = Actor(kind="service", id=None, label="test", scopes=frozenset({"telemetry"}))
    reading = Reading(records=records)
    ingest.store(tenant_id=rollout.tenant_id, reading=reading, actor=service, source="test", now=at)


def record(
    rollout: Rollout, arm: str, failed: bool, at: datetime, unit: str = "", workload: str = "W-01"
) -> ActionRecord:
    identity: UUID = uuid4()
    return ActionRecord(
        record_id=identity,
        workload=workload,
        started_at=at,
        latency_ms=400.0,
        outcome="error" if failed else "ok",
        request_id=str(identity),
        unit=unit or str(identity),
        cost=Decimal("0.01"),
        rollout=rollout.id,
        arm=arm,
        phase=rollout.step,
    )


def look(rollout: Rollout, at: datetime) -> Rollout:
    """What the tick does with this rollout at that moment."""
    checks.check_batch(tenant_id=rollout.tenant_id, ids=[rollout.id], now=at)
    with tenant_transaction(rollout.tenant_id):
        return Rollout.objects.select_related("workload", "version", "control_version").get(id=rollout.id)


def baked(rollout: Rollout, *, start: datetime, minutes: int, n: int = 40, failed: int = 0) -> tuple[Rollout, datetime]:
    """Healthy traffic and a look each minute, for so many minutes. Returns the rollout and the time."""
    at = start
    for _ in range(minutes):
        at += MINUTE
        send(rollout, at=at - timedelta(seconds=5), agent=(n, failed), control=(n, 0))
        rollout = look(rollout, at)
    return rollout, at
