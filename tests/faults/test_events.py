"""Events out under ``kill -9``: whatever instant the courier dies at, each event arrives, in order, with one id."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from apps.events.models import Subscription
from portal.local import paths
from portal.tenancy.context import tenant_transaction
from tests.clients.server import environment
from tests.events.cast import LOOPBACK as ALLOWED
from tests.events.cast import happen, log, now, subscribed
from tests.faults.test_kill import tick
from tests.faults.test_paging import LOOPBACK, within
from tests.ownership.alerts.receiver import Receiver, receiver
from tests.world import World

pytestmark = pytest.mark.faults
SEEDS = range(int(os.environ.get("FAULT_SEEDS", "1")))
# One look finds once; the other points are passed once for each event.
EACH = ["events.handed", "events.claimed", "events.sent", "events.settled"]
POINTS = ["events.found", *(f"{point}@{passage}" for point in EACH for passage in (1, 2))]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with ALLOWED, receiver() as found:
        yield found


def look(fault: str = "") -> int:
    return tick("courier", fault, **LOOPBACK)


def outlive_leases(row: Subscription) -> None:
    """As if a minute and a half had passed since whoever held it died."""
    with tenant_transaction(row.tenant_id):
        held = Subscription.objects.filter(leased_until__isnull=False)
        held.update(leased_until=now() - timedelta(seconds=1))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", POINTS)
def test_each_event_arrives_whatever_instant_the_courier_dies_at(
    live_world: World, hook: Receiver, point: str, seed: int
) -> None:
    row = subscribed(live_world, hook.address)
    seqs = happen(live_world, "workload.edited", "workload.stage_set", "workload.offered")
    assert look(point) == -9
    outlive_leases(row)
    assert look() == look() == 0
    found = log(row)
    assert [(each.seq, each.state) for each in found] == [(seq, "delivered") for seq in seqs]
    arrived = Counter(got.headers["webhook-id"] for got in hook.received)
    assert arrived.keys() == {str(each.id) for each in found}
    # Twice only that which was sent and not yet written down.
    assert sorted(arrived.values()) == ([1, 1, 2] if point.startswith("events.sent") else [1, 1, 1])
    firsts = list(dict.fromkeys(int(got.json["sequence"]) for got in hook.received))
    assert firsts == seqs
    assert len({(got.headers["webhook-id"], got.body) for got in hook.received}) == 3


@contextmanager
def courier(log_file: Path) -> Iterator[None]:
    """The real courier, as a process of its own."""
    with log_file.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "courier"],
            cwd=paths.PROJECT_ROOT,
            env=environment(DJANGO_SETTINGS_MODULE="portal.settings", **LOOPBACK),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_two_couriers_at_once_send_each_event_once_and_in_order(
    live_world: World, hook: Receiver, tmp_path: Path
) -> None:
    row, file = subscribed(live_world, hook.address), tmp_path / "courier.log"
    with courier(file), courier(file):
        seqs = [seq for _ in range(20) for seq in happen(live_world, "workload.edited", "workload.offered")]
        within(30, lambda: len(hook.received) >= 40, file)
        time.sleep(1.5)
    assert [int(got.json["sequence"]) for got in hook.received] == seqs
    assert {each.attempts for each in log(row)} == {1}


def test_a_receiver_that_hangs_keeps_nobody_else_waiting(live_world: World, hook: Receiver, tmp_path: Path) -> None:
    """More subscriptions of one tenant hang than there are threads for it; the other tenant's events go out."""
    rows = [subscribed(live_world, f"{hook.address}/hang", name=f"slow {number}") for number in range(6)]
    other = subscribed(live_world, f"{hook.address}/quick", tenant=live_world.other)
    hook.answer = lambda got: (time.sleep(4 if got.path == "/hang" else 0), (200, {}, ""))[1]
    file = tmp_path / "courier.log"
    happen(live_world, "workload.edited")
    with courier(file):
        within(20, lambda: [got.path for got in hook.received].count("/hang") >= 4, file)
        happen(live_world, "workload.edited", tenant=live_world.other)
        took = within(10, lambda: "/quick" in [got.path for got in hook.received], file)
        assert took < 3
        assert [got.path for got in hook.received].count("/hang") == 4, "half of the threads, and no more"
    assert [each.state for each in log(other)] == ["delivered"]
    assert sum(len(log(row)) for row in rows) >= 4
