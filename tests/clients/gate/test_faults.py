"""Whatever is lost on the way, each attempt is held once and settled once, and nothing is left standing (COST-4)."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from causeway_client import AsyncClient, Client, Limited, Outbox, Retries, Unavailable
from tests.clients.gate.both import LoopClient
from tests.clients.gate.serving import Portal

Maker = Callable[..., Any]
QUESTION = {"workload": "W-01", "user": "u42", "input_tokens": 30}
FAULTS = ["", "", "", "lost", "lost_after", "502", "502_after", "503", "504", "429"]
QUICK = Retries(first=0.005, longest=0.02)


def impatient() -> Outbox:
    return Outbox(patience=QUICK)


@pytest.mark.parametrize("kind", [Client, LoopClient], ids=["threads", "loop"])
@pytest.mark.parametrize("seed", range(6))
def test_any_mixture_of_faults_settles_everything_once(open_portal: Maker, kind: Any, seed: int) -> None:
    chance, portal = random.Random(seed), open_portal(ceiling=100_000)
    portal.ledger.faults.extend(chance.choices(FAULTS, k=100))
    client = kind(portal.address, portal.token, retries=QUICK, outbox=impatient())
    used: list[int] = []
    callers = [threading.Thread(target=several, args=(client, used, number)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    client.close(20.0)
    book = portal.book()
    assert len(used) > 20 and len(set(used)) == len(used) and not portal.ledger.faults
    assert (book.settled, book.held, book.is_closed) == (sum(used), 0, False)
    assert sorted(row.settled for row in book.rows if row.outcome != "not_sent") == sorted(used)


def several(client: Any, used: list[int], number: int) -> None:
    """Ten requests of two attempts, each using a number of tokens that no other does."""
    for turn in range(10):
        try:
            with client.request(**QUESTION, max_output_tokens=1000) as call:
                spend(call, used, number * 200 + turn * 2)
                call.again(input_tokens=30, max_output_tokens=1000)
                spend(call, used, number * 200 + turn * 2 + 1)
        except (Limited, Unavailable):
            continue


def spend(call: Any, used: list[int], output: int) -> None:
    call.used(input_tokens=30, output_tokens=output)
    used.append(30 + output)


def test_a_slow_settlement_keeps_no_user_waiting_and_counts_once(open_portal: Maker) -> None:
    portal = open_portal()
    with Client(portal.address, portal.token, timeout=0.3, outbox=impatient()) as client:
        started = time.monotonic()
        with client.request(**QUESTION) as call:
            portal.ledger.faults.append("slow")
            call.used(input_tokens=30, output_tokens=2)
        assert time.monotonic() - started < 0.8
    assert portal.book().outcomes() == [(1, "ok", (30, 2))]
    assert [path for path, _, _ in portal.ledger.asked].count("/api/v1/settle") >= 2


def test_an_interrupt_keeps_the_hold_and_waits_for_nothing(open_portal: Maker) -> None:
    portal = open_portal()
    client = Client(portal.address, portal.token)
    with pytest.raises(KeyboardInterrupt), client, client.request(**QUESTION):
        raise KeyboardInterrupt
    assert portal.book().outcomes() == [(1, "cancelled", None)]


async def cancelled_when(is_there: Callable[[], bool], portal: Portal, work: Callable[[AsyncClient], Any]) -> None:
    """Starts the work, and cancels it at that moment; then everything is said to the portal."""
    async with AsyncClient(portal.address, portal.token, outbox=impatient()) as client:
        task = asyncio.ensure_future(work(client))
        while not is_there():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def a_call(client: AsyncClient, *, at_work: threading.Event | None = None) -> None:
    async with client.request(workload="W-01", user="u42", input_tokens=30) as call:
        if at_work is not None:
            at_work.set()
            await asyncio.sleep(60)
        call.used(input_tokens=30, output_tokens=2)


def test_a_cancelled_task_keeps_its_hold(open_portal: Maker) -> None:
    portal, at_work = open_portal(), threading.Event()
    asyncio.run(cancelled_when(at_work.is_set, portal, lambda client: a_call(client, at_work=at_work)))
    assert portal.book().outcomes() == [(1, "cancelled", None)]


def test_a_task_cancelled_while_it_asks_gives_back_what_it_never_heard_of(open_portal: Maker) -> None:
    portal = open_portal()
    portal.ledger.faults.append("slow")
    asyncio.run(cancelled_when(lambda: bool(portal.book().rows), portal, a_call))
    assert portal.book().outcomes() == [(1, "not_sent", None)]


def test_a_task_cancelled_while_it_settles_settles_all_the_same(open_portal: Maker) -> None:
    portal = open_portal()
    portal.ledger.faults.extend(["", "slow"])
    asyncio.run(cancelled_when(lambda: portal.book().settled > 0, portal, a_call))
    assert portal.book().outcomes() == [(1, "ok", (30, 2))]
    assert [path for path, _, _ in portal.ledger.asked].count("/api/v1/settle") == 2
