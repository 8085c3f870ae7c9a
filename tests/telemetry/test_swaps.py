"""COST-6: what validators said of swapped answers, matched by request and attempt."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from apps.budgets.models import TierGate
from apps.budgets.months import month_at
from apps.budgets.reserving import Held
from apps.budgets.rules import Decision, Pattern
from apps.budgets.usage.swaps import Flags, Verdicts
from apps.budgets.usage.swaps import verdicts as registered
from apps.telemetry import ingest
from apps.telemetry.records import ActionRecord, Reading
from apps.telemetry.swaps import verdicts
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import HAIKU, asked, gated, held
from tests.world import NOW, World

SERVICE = Actor(kind="service", id=None, label="t", scopes=frozenset({"telemetry"}))


def record(found: Held, **changes: Any) -> ActionRecord:
    values: dict[str, Any] = {
        "record_id": uuid4(),
        "workload": "W-01",
        "started_at": NOW,
        "latency_ms": 5.0,
        "outcome": "ok",
        "request_id": str(found.request_id),
        "attempt": found.attempt,
        "judged": True,
    }
    return ActionRecord(**{**values, **changes})


def store(world: World, *records: ActionRecord) -> None:
    with tenant_transaction(world.tenant.id):
        ingest.store(
            tenant_id=world.tenant.id,
            reading=Reading(records=list(records)),
            actor=SERVICE,
            source="test",
            now=NOW + timedelta(seconds=1),
        )


def found_in(world: World, workload_id: UUID | None = None, days: int = 0) -> Verdicts:
    month = month_at(NOW + timedelta(days=days), "UTC")
    with tenant_transaction(world.tenant.id):
        return verdicts(world.tenant.id, workload_id or world.workload.id, month)


def test_flags_of_swapped_answers_stand_beside_those_of_the_others(world: World) -> None:
    gated(world, ceiling=200, pattern=Pattern.SOFT)
    kept, swapped, again = (held(world, budget=HAIKU) for _ in range(3))
    assert [each.decision for each in (kept, swapped, again)] == [
        Decision.ADMITTED,
        Decision.DEGRADED,
        Decision.DEGRADED,
    ]
    store(world, record(kept), record(swapped, flagged=True), record(again))
    assert found_in(world) == Verdicts(kept=Flags(1, 0), swapped=Flags(2, 1))
    with tenant_transaction(world.tenant.id):
        assert registered(world.tenant.id, world.workload.id, month_at(NOW, "UTC")) == found_in(world)


def test_an_attempt_is_judged_as_what_it_was(world: World) -> None:
    """The first attempt fitted, the second was swapped: one request, one of each."""
    gated(world, ceiling=200, pattern=Pattern.SOFT)
    request = asked(world).request_id
    first, second = (held(world, budget=HAIKU, request_id=request, attempt=n) for n in (1, 2))
    store(world, record(first), record(second, flagged=True))
    assert found_in(world) == Verdicts(kept=Flags(1, 0), swapped=Flags(1, 1))


def test_what_nobody_judged_and_what_the_gate_never_saw_says_nothing(world: World) -> None:
    gated(world, ceiling=200, pattern=Pattern.SOFT)
    held(world, budget=HAIKU)
    swapped = held(world, budget=HAIKU)
    stranger = record(swapped, request_id="of-somebody-elses", flagged=True)
    store(world, record(swapped, judged=False), stranger, record(swapped, attempt=9, flagged=True))
    assert found_in(world) == Verdicts(Flags(0, 0), Flags(0, 0))
    with tenant_transaction(world.tenant.id):
        assert TierGate.objects.exists()


def test_other_months_workloads_and_tenants_say_nothing_here(world: World) -> None:
    gated(world, ceiling=200, pattern=Pattern.SOFT)
    store(world, record(held(world, budget=HAIKU), flagged=True))
    assert found_in(world).kept == Flags(1, 1), "there is something to leak"
    assert found_in(world, days=-30).kept == Flags(0, 0)
    assert found_in(world, days=30).kept == Flags(0, 0)
    assert found_in(world, workload_id=world.foreign.id).kept == Flags(0, 0)
    with tenant_transaction(world.other.id):
        assert verdicts(world.other.id, world.workload.id, month_at(NOW, "UTC")).kept == Flags(0, 0)
