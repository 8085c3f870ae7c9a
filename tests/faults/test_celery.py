"""ROLL-7 under ``kill -9`` with the real beat and the real worker, broker between them: the same promise as in
``test_kill``, kept by the processes that run in service.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from apps.rollouts.machine import State
from portal.local import paths
from tests.clients.server import environment
from tests.faults.test_kill import SEEDS, ripe, state
from tests.world import World

pytestmark = pytest.mark.faults
CELERY = [sys.executable, "-m", "celery", "-A", "portal"]


def broker() -> str:
    """A Redis database for the pytest worker that this is, and none of another's tasks in it."""
    number = str(1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))
    with redis.Redis(unix_socket_path=str(paths.redis_socket()), db=int(number)) as client:
        client.flushdb()
    return number


@contextmanager
def celery(log: Path, *arguments: str, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery process with all that it starts; what is still there at the end is killed."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*CELERY, *arguments],
            cwd=paths.PROJECT_ROOT,
            env=environment(DJANGO_SETTINGS_MODULE="portal.settings", TICK_SECONDS="1", **extra),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, 9)
        process.wait(10)


def eventually(is_so: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 40
    while not is_so():
        assert time.monotonic() < deadline, log.read_text()[-3_000:]
        time.sleep(0.1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("point", ["rollouts.found", "rollout.written", "rollouts.committed"])
def test_worker_and_beat_die_and_those_that_follow_carry_on(
    live_world: World, tmp_path: Path, point: str, seed: int
) -> None:
    rollout = ripe(live_world, failing=False)
    before = state(live_world, rollout.id)
    stepped = (State.RUNNING, 1, 2, [*before[3], before[3][-1] + 1])
    log, db = tmp_path / "celery.log", broker()
    worker = ("worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "warning")
    beat = ("beat", "--schedule", str(tmp_path / "schedule"), "--pidfile", "", "--loglevel", "warning")

    with (
        celery(log, *beat, CAUSEWAY_REDIS_DB=db) as first_beat,
        celery(log, *worker, CAUSEWAY_REDIS_DB=db, CAUSEWAY_FAULT=point) as first_worker,
    ):
        eventually(lambda: "signal 9 (SIGKILL)" in log.read_text(), log)
        kill(first_worker)
        kill(first_beat)
    assert state(live_world, rollout.id) in [before, stepped]

    with celery(log, *beat, CAUSEWAY_REDIS_DB=db), celery(log, *worker, CAUSEWAY_REDIS_DB=db):
        eventually(lambda: state(live_world, rollout.id)[1] == 1, log)
        time.sleep(2.5)
    assert state(live_world, rollout.id) == stepped
