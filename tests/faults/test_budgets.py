"""COST-4 under ``kill -9``: whatever instant a web process, a worker or a database session dies at, a hold is there
with its entry and its counters, or not at all; nothing stands over the ceiling; said again is said once.
"""

import http.client
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.db.models import Sum

from apps.budgets import counters
from apps.budgets.models import Entry, Reservation, UserMonth
from portal.local import postgres
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated
from tests.clients.server import running, served
from tests.dispatch.test_entry import ASK, in_service, post
from tests.faults.test_kill import SEEDS, tick
from tests.world import World

pytestmark = pytest.mark.faults
CEILING, HELD = 1_200, 500
Found = tuple[str, int, int]


@pytest.fixture
def token(live_world: World) -> str:
    in_service(live_world)
    gated(live_world, ceiling=CEILING)
    return live_world.token("decide")


def asked(address: str, token: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/v1/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, json.load(answer)


def dies(token: str, point: str, path: str, body: dict[str, Any]) -> None:
    with served(CAUSEWAY_FAULT=point) as address, pytest.raises((OSError, http.client.HTTPException)):
        asked(address, token, path, body)


def reservations(world: World) -> int:
    with tenant_transaction(world.tenant.id):
        return Reservation.objects.count()


def book(world: World) -> list[Found]:
    """State, tokens held and tokens settled of each reservation, after the promise was looked at."""
    with tenant_transaction(world.tenant.id):
        rows = list(Reservation.objects.order_by("id").annotate(h=Sum("entries__held"), s=Sum("entries__settled")))
        holds = dict(Entry.objects.filter(kind="hold").values_list("reservation_id", "held"))
        assert holds == {row.id: row.held for row in rows}, "each with its entry, and no entry without"
        assert counters.differences(world.tenant.id) == []
        assert all(month.settled + month.held <= CEILING for month in UserMonth.objects.all())
    return [(row.state, row.h, row.s) for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("point", "left"), [("budget.asked", []), ("budget.held", [("held", HELD, 0)])])
def test_a_hold_is_whole_or_absent_whatever_instant_the_web_process_dies_at(
    live_world: World, token: str, point: str, left: list[Found], seed: int
) -> None:
    body = {**ASK, "idempotency_key": f"k-{seed}"}
    dies(token, point, "dispatch", body)
    assert book(live_world) == left
    first, again = (post(token, "dispatch", body).json() for _ in range(2))
    assert first["reservation"] == again["reservation"] and first["decision"] == "admitted"
    assert book(live_world) == [("held", HELD, 0)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("point", "left"),
    [
        ("budget.entered", ("held", HELD, 0)),
        ("budget.posted", ("held", HELD, 0)),
        ("budget.settled", ("settled", 0, 160)),
    ],
)
def test_a_settlement_is_posted_once_whatever_instant_the_web_process_dies_at(
    live_world: World, token: str, point: str, left: Found, seed: int
) -> None:
    hold = post(token, "dispatch", ASK).json()["reservation"]["id"]
    used = {"reservation": hold, "input_tokens": 100, "output_tokens": 60}
    dies(token, point, "settle", used)
    assert book(live_world) == [left]
    first, again = (post(token, "settle", used).json() for _ in range(2))
    assert (first["repeated"], again["repeated"]) == (left[0] == "settled", True)
    assert book(live_world) == [("settled", 0, 160)]


@pytest.mark.parametrize("seed", SEEDS)
def test_holds_expire_together_or_not_at_all_when_the_worker_dies_among_them(
    live_world: World, token: str, seed: int
) -> None:
    for _ in range(2):
        assert post(token, "dispatch", ASK).status_code == 200
    with tenant_transaction(live_world.tenant.id):
        Reservation.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert tick("budgets", "budget.posted@2") == -9
    assert book(live_world) == [("held", HELD, 0)] * 2
    assert tick("budgets") == tick("budgets") == 0
    assert book(live_world) == [("estimated", 0, HELD)] * 2
    assert post(token, "dispatch", ASK).json()["max_output_tokens"] == CEILING - 2 * HELD - ASK["input_tokens"]


def test_a_reservation_under_way_is_whole_or_absent_when_its_session_or_its_caller_is_killed(
    live_world: World, token: str
) -> None:
    """Its statement waits for the user's month. A session that is killed has held nothing, and says so; a web process
    that is killed leaves a statement behind that still ends, and the same key finds its hold.
    """
    hold = post(token, "dispatch", ASK).json()["reservation"]["id"]
    post(token, "settle", {"reservation": hold, "outcome": "not_sent"})
    body = {**ASK, "idempotency_key": "k"}
    with running() as (address, process):
        with month_locked(live_world):
            call = Call(address, token, body)
            end_waiting()
            call.join(20)
        assert (call.status, call.answer["decision"], call.answer["reservation"]) == (200, "blocked", None)
        assert book(live_world) == [("released", 0, 0)]
        with month_locked(live_world):
            call = Call(address, token, body)
            eventually(waiting)
            os.killpg(process.pid, signal.SIGKILL)
            call.join(20)
        assert call.answer == {}, "nobody heard"
    eventually(lambda: reservations(live_world) == 2)
    assert book(live_world) == [("released", 0, 0), ("held", HELD, 0)]
    assert post(token, "dispatch", body).json()["decision"] == "admitted"
    assert len(book(live_world)) == 2


class Call(threading.Thread):
    """A question that is asked beside the test; without an answer ``status`` stays 0."""

    def __init__(self, address: str, token: str, body: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.about = address, token, "dispatch", body
        self.status, self.answer = 0, dict[str, Any]()
        self.start()

    def run(self) -> None:
        try:
            self.status, self.answer = asked(*self.about)
        except (OSError, http.client.HTTPException):
            return


@contextmanager
def month_locked(world: World) -> Iterator[None]:
    """Somebody else holds the user's month, for the length of the block."""
    with postgres.connect("portal_owner", database()) as connection, connection.transaction():
        connection.execute("select 1 from budgets_usermonth where tenant_id = %s for update", [world.tenant.id])
        yield


def database() -> str:
    return str(connections["owner"].settings_dict["NAME"])


def waiting() -> list[int]:
    """Sessions in this database that wait for a lock."""
    with powerful() as connection:
        rows = connection.execute(
            "select a.pid from pg_stat_activity a where a.datname = %s and a.wait_event_type = 'Lock'", [database()]
        ).fetchall()
    return [int(str(row[0])) for row in rows]


def end_waiting() -> None:
    eventually(waiting)
    with powerful() as connection:
        for pid in waiting():
            connection.execute("select pg_terminate_backend(%s)", [pid])


def powerful() -> "psycopg.Connection[tuple[object, ...]]":
    return postgres.connect(postgres.BOOTSTRAP, "postgres")


def eventually(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
