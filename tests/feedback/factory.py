"""Reports and records for tests of feedback, made through the product's own actions."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from apps.accounts.models import User
from apps.feedback import actions
from apps.feedback.actions import Person, Told
from apps.feedback.models import Report, Source
from apps.rollouts.models import Rollout
from apps.telemetry import ingest
from apps.telemetry.models import MinuteSummary
from apps.telemetry.records import ActionRecord, Reading
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.world import NOW, World

SERVICE = Actor(kind="service", id=None, label="app", scopes=frozenset({"telemetry", "feedback"}))
MINUTE = timedelta(minutes=1)


def told(**fields: Any) -> Told:
    return Told(**{"what_happened": "It quoted last year's price.", "would_help": "This year's price.", **fields})


def filed(world: World, by: User | None = None, now: datetime = NOW, **fields: Any) -> Report:
    """A report by Charlie, or by somebody else."""
    who = by or world.charlie
    with tenant_transaction(world.tenant.id):
        return actions.file_report(
            workload=world.workload,
            told=told(**fields),
            person=Person(member=who),
            source=Source.PORTAL,
            actor=world.actor(who),
            now=now,
        )


def answered_by_agent(
    world: World,
    request_id: str,
    *,
    user: str = "ann",
    at: datetime = NOW,
    rollout: Rollout | None = None,
    arm: str = "",
    **fields: Any,
) -> None:
    """The record of one answer."""
    identity: UUID = uuid4()
    record = ActionRecord(
        record_id=identity,
        workload="W-01",
        started_at=at,
        latency_ms=300.0,
        outcome="ok",
        request_id=request_id,
        user=user,
        unit=user,
        rollout=rollout.id if rollout else None,
        arm=arm,
        phase=rollout.step if rollout else None,
        **fields,
    )
    ingest.store(tenant_id=world.tenant.id, reading=Reading(records=[record]), actor=SERVICE, source="test", now=at)


def reacted(world: World, *said: tuple[str, str], user: str = "", now: datetime = NOW) -> int:
    with tenant_transaction(world.tenant.id):
        said_of = [(r, kind, user) for r, kind in said]
        return actions.react(workload=world.workload, said=said_of, actor=SERVICE, now=now)


def sums(world: World) -> tuple[int, int, int, int, int]:
    """What the minutes say: transactions, units of a stay, doubting units, heard of, soft failures."""
    names = ("n", "seen", "doubting", "heard", "soft_failures")
    with tenant_transaction(world.tenant.id):
        rows = MinuteSummary.objects.values_list(*names)
        a, b, c, d, e = (sum(column) for column in zip(*rows, strict=True)) if rows else (0, 0, 0, 0, 0)
        return a, b, c, d, e
