"""One replay: the clients in a process of their own, the portal watched, its regular work done, and what came of it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from django.db import InterfaceError, OperationalError

from apps.budgets import tasks
from apps.budgets.models import HoldSize, LedgerCheck
from benchmarks.overshoot import ground as grounds
from benchmarks.overshoot.clients import SPEED, Replayed, Wanted, replay
from benchmarks.overshoot.ground import Ground
from benchmarks.overshoot.judge import Verdict, judge
from benchmarks.overshoot.machine import LOOK_EVERY, Machine
from benchmarks.overshoot.trace import Trace
from portal.connections import drop_dead
from portal.tenancy.context import tenant_transaction

# The portal learns and compares every ten minutes; the trace runs at twenty times its speed.
KEEP_EVERY = 600 / SPEED
START_SECONDS = 8.0


@dataclass(slots=True)
class Kill:
    """``at``: seconds after the start of the replay, as planned and then as it was. ``do`` says what was killed."""

    at: float
    do: Callable[[], str]
    said: str = ""


@dataclass(slots=True)
class Keeper:
    """The portal's regular work, done by its real task: learn how much to hold, compare counters and ledger."""

    ground: Ground
    due: float
    checks: int = 0
    differing: int = 0
    unreachable: int = 0
    learned: list[int] = field(default_factory=list)

    def look(self, now: float) -> None:
        if now < self.due:
            return
        self.due = now + KEEP_EVERY
        drop_dead()
        try:
            self._keep()
        except (InterfaceError, OperationalError):
            self.unreachable += 1

    def _keep(self) -> None:
        tasks.keep.apply(kwargs={"tenant_id": str(self.ground.tenant_id)}, throw=True)
        with tenant_transaction(self.ground.tenant_id):
            self.differing += LedgerCheck.objects.get(tenant=self.ground.tenant_id).differing
            self.learned += HoldSize.objects.filter(tenant=self.ground.tenant_id).values_list("output", flat=True)
        self.checks += 1


@dataclass(frozen=True, slots=True)
class Outcome:
    trace: Trace
    ground: Ground
    replayed: Replayed
    verdict: Verdict
    keeper: Keeper
    kills: list[Kill]


def play(machine: Machine, trace: Trace, slug: str, *, with_kills: bool) -> Outcome:
    ground = grounds.lay(slug, trace.caps())
    kills = list(_kills(machine, trace)) if with_kills else []
    machine.checkpoint()
    begins = time.time() + START_SECONDS
    keeper = Keeper(ground, time.time() + START_SECONDS + KEEP_EVERY)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        future = pool.submit(replay, machine.address, ground.token(), _wanted(trace), begins)
        while not future.done():
            _look(machine, keeper, kills, begins)
            time.sleep(LOOK_EVERY / 5)
    drop_dead()
    return Outcome(trace, ground, future.result(), judge(ground), keeper, kills)


def _look(machine: Machine, keeper: Keeper, kills: list[Kill], begins: float) -> None:
    now = time.time()
    for kill in kills:
        if not kill.said and now >= begins + kill.at:
            kill.at, kill.said = now - begins, kill.do()
    keeper.look(now)
    machine.look()


def _wanted(trace: Trace) -> list[Wanted]:
    return [
        Wanted(call.at / SPEED, grounds.name(call.user), call.input_tokens, call.output_tokens) for call in trace.calls
    ]


def _kills(machine: Machine, trace: Trace) -> Iterator[Kill]:
    """When two fifths and three fifths of the calls have arrived."""

    def web() -> str:
        machine.kill_web()
        return "one of the web processes"

    def postgres() -> str:
        return f"all {machine.kill_postgres()} processes of PostgreSQL"

    for share, do in ((0.4, web), (0.6, postgres)):
        yield Kill(trace.calls[int(share * len(trace.calls))].at / SPEED, do)
