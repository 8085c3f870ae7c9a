"""ROLL-7, TEL-2 under ``kill -9``: at every labelled point of a step, the next tick carries on; nothing twice, nothing
lost, the chain verifies. ``FAULT_SEEDS`` says how often each point is tried (``make faults``: many).
"""

import http.client
import os
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from apps.audit import chain
from apps.audit import queries as audit
from apps.gates.models import Upload
from apps.rollouts import actions
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout, RolloutTransition
from apps.telemetry import replay
from apps.telemetry.models import Action, MinuteSummary
from portal.local import paths
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.clients.server import environment, served
from tests.gates.test_evaluations import lines
from tests.gates.test_uploads import count, sent
from tests.isolation.populate import populate
from tests.rollouts.factory import send
from tests.world import World

pytestmark = pytest.mark.faults
SEEDS = range(int(os.environ.get("FAULT_SEEDS", "1")))
STEP_POINTS = ["rollouts.found", "rollouts.batch", "rollout.moved", "rollout.written", "rollouts.checked"]
STEP_POINTS += ["rollouts.committed"]


def tick(work: str, fault: str = "", **more: str) -> int:
    """One tick as a process; its exit code, -9 if the point killed it."""
    extra = {"DJANGO_SETTINGS_MODULE": "portal.settings", "CAUSEWAY_FAULT": fault, **more}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.process", work],
        cwd=paths.PROJECT_ROOT,
        env=environment(**extra),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, -9}, done.stderr.decode()
    return done.returncode


def ripe(world: World, *, failing: bool) -> Rollout:
    """A rollout whose very next look steps, or rolls back."""
    ours, theirs = populate(world)
    now = datetime.now(UTC)
    with tenant_transaction(theirs.tenant.id):
        Rollout.objects.filter(id=theirs.rollout.id).update(next_check_at=None)
    rollout = ours.rollout
    send_to(rollout, now - timedelta(seconds=20), failing)
    with tenant_transaction(world.tenant.id):
        Rollout.objects.filter(id=rollout.id).update(baked=timedelta(days=3), looked_at=now, next_check_at=now)
    return rollout


def send_to(rollout: Rollout, at: datetime, failing: bool) -> None:
    send(rollout, at=at, agent=(260, 200 if failing else 1), control=(260, 1), workload=rollout.workload.key)


def state(world: World, rollout_id: UUID) -> tuple[str, int, int, list[int]]:
    """State, phase, step, and the revisions of its transitions."""
    with tenant_transaction(world.tenant.id):
        rollout = Rollout.objects.get(id=rollout_id)
        rows = RolloutTransition.objects.filter(rollout=rollout_id).order_by("revision")
        head = audit.head(world.tenant.id)
        assert chain.first_break(world.tenant.id, audit.links(world.tenant.id), head) is None
        return rollout.state, rollout.phase, rollout.step, [row.revision for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", STEP_POINTS)
def test_a_step_is_taken_once_whatever_instant_the_worker_dies_at(live_world: World, point: str, seed: int) -> None:
    rollout = ripe(live_world, failing=False)
    before = state(live_world, rollout.id)
    assert before[:3] == (State.RUNNING, 0, 1)
    assert tick("rollouts", point) == -9
    assert state(live_world, rollout.id) in [before, (State.RUNNING, 1, 2, [*before[3], before[3][-1] + 1])]
    assert tick("rollouts") == tick("rollouts") == 0
    assert state(live_world, rollout.id) == (State.RUNNING, 1, 2, [*before[3], before[3][-1] + 1])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", ["rollout.moved", "rollout.written", "rollouts.checked", "rollouts.committed"])
def test_a_rollback_pages_exactly_once_whatever_instant_the_worker_dies_at(
    live_world: World, point: str, seed: int
) -> None:
    rollout = ripe(live_world, failing=True)
    assert tick("rollouts", point) == -9
    assert tick("rollouts") == 0
    assert state(live_world, rollout.id)[0] in {State.ROLLING_BACK, State.ROLLED_BACK}
    with tenant_transaction(live_world.tenant.id):
        rows = OutboxMessage.objects.filter(topic="alert.raise", payload__source="rollout")
        assert [row.payload["key"] for row in rows] == [f"rollout:{rollout.id}:rollback"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("point", "attempts"), [("outbox.claimed", 2), ("outbox.sent", 2)])
def test_a_page_is_delivered_after_the_deliverer_died(live_world: World, point: str, attempts: int, seed: int) -> None:
    """At least once, with the same key; the lease of the dead one runs out."""
    ours, theirs = populate(live_world)
    for tenant in (ours.tenant, theirs.tenant):
        with tenant_transaction(tenant.id):
            OutboxMessage.objects.update(delivered_at=datetime.now(UTC))
    with tenant_transaction(live_world.tenant.id):
        actions.roll_back(
            rollout=ours.rollout, actor=live_world.actor(live_world.alice), now=datetime.now(UTC), reason="rude"
        )
    assert tick("outbox", point) == -9
    assert tick("outbox") == 0
    with tenant_transaction(live_world.tenant.id):
        waiting = OutboxMessage.objects.filter(delivered_at=None)
        assert waiting.count() == 1, "the dead one's lease still holds"
        waiting.update(leased_until=datetime.now(UTC) - timedelta(seconds=1))
    assert tick("outbox") == 0
    with tenant_transaction(live_world.tenant.id):
        row = OutboxMessage.objects.get(topic="alert.raise", payload__key=f"rollout:{ours.rollout.id}:rollback")
        assert (row.delivered_at is not None, row.attempts) == (True, attempts)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", ["telemetry.stored", "telemetry.committed"])
def test_what_is_acknowledged_is_there_once_when_the_web_process_dies(live_world: World, point: str, seed: int) -> None:
    token = live_world.token("telemetry")
    calls = [replay.Row(number, timedelta(0), 1, 1) for number in range(50)]
    at = datetime.now(UTC) - timedelta(minutes=1)
    body = replay.request(calls, at=at, workload="W-01", file_digest=bytes([seed])).SerializeToString()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-protobuf"}

    def export(address: str) -> int:
        request = urllib.request.Request(f"{address}/v1/traces", body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)

    with served(CAUSEWAY_FAULT=point) as address, pytest.raises((OSError, http.client.HTTPException)):
        export(address)
    with served() as address:
        assert export(address) == export(address) == 200
    with tenant_transaction(live_world.tenant.id):
        assert Action.objects.count() == 50
        assert sum(MinuteSummary.objects.values_list("n", flat=True)) == 50


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", ["upload.claimed", "evaluation.stored", "upload.ended"])
def test_an_uploaded_file_is_imported_once_whatever_instant_its_reader_dies_at(
    live_world: World, point: str, seed: int
) -> None:
    """STAGE-2: nothing half-imported, and nothing forgotten."""
    upload = sent(live_world, lines(200, 190).encode())
    assert tick("gates", point) == -9
    assert count(live_world) == (0, 1)
    assert tick("gates") == 0
    assert count(live_world) == (0, 1), "the dead one's lease still holds"
    with tenant_transaction(live_world.tenant.id):
        Upload.objects.filter(id=upload.id).update(due_at=datetime.now(UTC))
    assert tick("gates") == tick("gates") == 0
    assert count(live_world) == (1, 0)
