"""CALL-3 under ``kill -9``: the crash matrix of 2.5, against a web server that writes down what it gets.

At each labelled point of opening, climbing, claiming, sending and marking the process dies. What must hold after the
next looks: exactly one intent for each (alert, entry, person, channel), and one or two deliveries of it with the same
idempotency key, never none. And with the broker away, pages go out all the same.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
import redis
from django.core.management import CommandError, call_command

from apps.gates.criteria import BY_ID
from apps.gates.freshness import Reported
from apps.gates.sources import Look, ask
from apps.ownership.alerts import auditor
from apps.ownership.alerts.actions import acknowledge
from apps.ownership.models import Alert, Notification
from apps.ownership.models.channels import ChannelKind, SendState
from apps.rollouts import actions as rollouts
from portal.local import paths
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.clients.server import environment
from tests.faults.test_celery import broker, celery
from tests.faults.test_kill import tick
from tests.ownership.alerts.cast import MINUTE, opened, person_step, policy_of, reachable, rota_step
from tests.ownership.alerts.receiver import Receiver, receiver
from tests.rollouts.factory import running
from tests.world import World

pytestmark = pytest.mark.faults
SEEDS = range(int(os.environ.get("FAULT_SEEDS", "3")))
LOOPBACK = {"OUTBOUND_NETWORKS": "127.0.0.0/8"}
CLIMB = ["alerts.found", "alerts.moved", "alerts.written", "alerts.climbed", "alerts.committed"]
SEND = ["outbox.claimed", "notify.read", "notify.sent", "notify.marked", "outbox.sent"]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def paged(world: World, hook: Receiver) -> Alert:
    """An alert whose second step is due: Bob was woken six minutes ago, Alice is now."""
    for person, path in ((world.bob, "bob"), (world.alice, "alice")):
        reachable(world.tenant, person, f"{hook.address}/{path}", ChannelKind.WEBHOOK)
    policy_of(world, person_step(world.bob, 5), person_step(world.alice, 30), repeats=0)
    return opened(world, datetime.now(UTC) - 6 * MINUTE)


def look(fault: str = "") -> int:
    return tick("pager", fault, **LOOPBACK)


def outlive_leases(world: World) -> None:
    """As if half a minute had passed since whoever held them died."""
    with tenant_transaction(world.tenant.id):
        OutboxMessage.objects.filter(leased_until__isnull=False).update(
            leased_until=datetime.now(UTC) - timedelta(seconds=1)
        )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", CLIMB + SEND)
def test_a_page_goes_out_whatever_instant_the_pager_dies_at(
    live_world: World, hook: Receiver, point: str, seed: int
) -> None:
    alert = paged(live_world, hook)
    assert look(point) == -9
    outlive_leases(live_world)
    assert look() == look() == 0
    with tenant_transaction(live_world.tenant.id):
        rows = list(Notification.objects.filter(alert=alert.id, channel__isnull=False).order_by("entry"))
        assert [(row.entry, row.person_id) for row in rows] == [(1, live_world.bob.id), (2, live_world.alice.id)]
        assert {row.state for row in rows} == {SendState.SENT}
    deliveries = Counter((got.path, got.key) for got in hook.received)
    assert set(deliveries) == {("/bob", str(rows[0].id)), ("/alice", str(rows[1].id))}
    assert set(deliveries.values()) <= {1, 2}
    # Nothing had been sent yet, or certainly had, and nobody had written it down.
    if point in CLIMB or point == "notify.sent":
        assert max(deliveries.values()) == (2 if point == "notify.sent" else 1)
    assert auditor.audit(datetime.now(UTC) + timedelta(seconds=50)).findings == {}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", ["outbox.claimed", "alerts.moved", "alerts.written", "alerts.opened", "outbox.sent"])
def test_a_rollback_becomes_one_alert_and_one_page_whatever_instant_its_opener_dies_at(
    live_world: World, hook: Receiver, point: str, seed: int
) -> None:
    reachable(live_world.tenant, live_world.bob, f"{hook.address}/bob", ChannelKind.WEBHOOK)
    rollout = running(live_world)
    with tenant_transaction(live_world.tenant.id):
        OutboxMessage.objects.update(delivered_at=datetime.now(UTC))
        actor = live_world.actor(live_world.alice)
        rollouts.roll_back(rollout=rollout, actor=actor, now=datetime.now(UTC), reason="rude")
    assert look(point) == -9
    outlive_leases(live_world)
    assert look() == look() == look() == 0
    with tenant_transaction(live_world.tenant.id):
        alert = Alert.objects.get()
        assert (alert.summary, alert.severity) == ("Rolled back: rude", "critical")
        assert alert.link == f"/t/acme/rollouts/{rollout.id}/"
        (intent,) = Notification.objects.filter(channel__isnull=False)
    assert hook.keys == [str(intent.id)]


@contextmanager
def pager(log: Path, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """The real pager, as a process of its own."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "pager"],
            cwd=paths.PROJECT_ROOT,
            env=environment(DJANGO_SETTINGS_MODULE="portal.settings", **LOOPBACK, **extra),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def within(seconds: float, is_so: Callable[[], bool], log: Path) -> float:
    """How long it took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + seconds, log.read_text()[-3_000:]
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_rollback_pages_on_call_with_its_evidence_within_5_seconds(
    live_world: World, hook: Receiver, tmp_path: Path
) -> None:
    reachable(live_world.tenant, live_world.bob, f"{hook.address}/bob", ChannelKind.WEBHOOK)
    rollout, log = running(live_world), tmp_path / "pager.log"
    with pager(log):
        time.sleep(3)
        with tenant_transaction(live_world.tenant.id):
            actor = live_world.actor(live_world.alice)
            rollouts.roll_back(rollout=rollout, actor=actor, now=datetime.now(UTC), reason="rude")
        within(5, lambda: bool(hook.received), log)
    assert hook.received[0].json["data"]["links"]["Evidence"].endswith(f"/t/acme/rollouts/{rollout.id}/")


def test_pages_go_out_while_the_broker_is_down_for_ten_minutes(
    live_world: World, hook: Receiver, tmp_path: Path
) -> None:
    """Nothing answers where Redis should: the pager doesn't ask. Ten minutes of steps, each moved to be due now."""
    for person, path in ((live_world.bob, "bob"), (live_world.alice, "alice")):
        reachable(live_world.tenant, person, f"{hook.address}/{path}", ChannelKind.WEBHOOK)
    policy_of(live_world, person_step(live_world.bob, 5), person_step(live_world.alice, 5), repeats=1)
    alert, log = opened(live_world, datetime.now(UTC)), tmp_path / "pager.log"
    with pager(log, REDIS_URL="redis://127.0.0.1:1/0", BROKER_URL="redis://127.0.0.1:1/0"):
        for paths_so_far in (["/bob"], ["/bob", "/alice"], ["/bob", "/alice", "/bob"]):
            within(15, partial(has, hook, paths_so_far), log)
            with tenant_transaction(live_world.tenant.id):
                Alert.objects.filter(id=alert.id).update(due_at=datetime.now(UTC))
        within(15, partial(has, hook, ["/bob", "/alice", "/bob", "/alice"]), log)
    assert len(set(hook.keys)) == 4


def has(hook: Receiver, wanted: list[str]) -> bool:
    return [got.path for got in hook.received] == wanted


def test_the_broker_forgets_everything_and_pages_go_out(live_world: World, hook: Receiver, tmp_path: Path) -> None:
    """The workers' way: beat and worker run, and the broker is flushed again and again while a page is due."""
    log, db = tmp_path / "celery.log", broker()
    worker = ("worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "warning")
    beat = ("beat", "--schedule", str(tmp_path / "schedule"), "--pidfile", "", "--loglevel", "warning")
    with (
        celery(log, *beat, CAUSEWAY_REDIS_DB=db),
        celery(log, *worker, CAUSEWAY_REDIS_DB=db, **LOOPBACK),
        redis.Redis(unix_socket_path=str(paths.redis_socket()), db=int(db)) as client,
    ):
        paged(live_world, hook)
        ends = time.monotonic() + 3
        while time.monotonic() < ends:
            client.flushdb()
            time.sleep(0.05)
        within(40, lambda: {got.path for got in hook.received} >= {"/bob"}, log)


def test_two_pagers_at_once_send_each_page_once(live_world: World, hook: Receiver, tmp_path: Path) -> None:
    log = tmp_path / "pager.log"
    reachable(live_world.tenant, live_world.bob, f"{hook.address}/bob", ChannelKind.WEBHOOK)
    policy_of(live_world, person_step(live_world.bob, 30), repeats=0)
    with pager(log), pager(log):
        for number in range(40):
            opened(live_world, datetime.now(UTC), f"k{number}")
        within(30, lambda: len(set(hook.keys)) == 40, log)
        time.sleep(1)
    assert Counter(hook.keys).most_common(1)[0][1] == 1


def test_a_simulated_alert_wakes_the_holder_climbs_when_ignored_and_counts_for_d2(
    live_world: World, hook: Receiver
) -> None:
    """CALL-6: from the command, across the real outbox, to a receiver; and an acknowledgement by who was paged."""
    for person, path in ((live_world.bob, "bob"), (live_world.alice, "alice")):
        reachable(live_world.tenant, person, f"{hook.address}/{path}", ChannelKind.WEBHOOK)
    policy_of(live_world, rota_step(1, 5), person_step(live_world.alice, 30), repeats=0)
    said = StringIO()
    call_command("simulate_alert", "W-01", tenant="acme", stdout=said)
    assert "Bob: test (test)" in said.getvalue() and "/t/acme/alerts/" in said.getvalue()
    assert look() == 0
    assert has(hook, ["/bob"]) and hook.received[0].json["data"]["is_simulated"] is True

    with tenant_transaction(live_world.tenant.id):
        Alert.objects.update(due_at=datetime.now(UTC))
    assert look() == 0
    assert has(hook, ["/bob", "/alice"])

    criterion = BY_ID["D2"]
    with tenant_transaction(live_world.tenant.id):
        workload, now = live_world.workload, datetime.now(UTC)
        assert ask([criterion], Look(workload, now))["D2"] is None
        actor = live_world.actor(live_world.alice)
        acknowledge(alert=Alert.objects.get(), by=live_world.alice, actor=actor, now=now)
        found = ask([criterion], Look(workload, now))["D2"]
        assert isinstance(found, Reported) and found.facts["holds"] is True
        assert found.facts["why"].startswith("Alice acknowledged a drill after 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["W-99"], "no tenant"), (["W-01"], "name one with --tenant"), (["W-01", "--tenant", "nowhere"], "no tenant")],
)
def test_the_command_says_what_it_lacks(live_world: World, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("simulate_alert", *arguments)
