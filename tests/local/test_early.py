"""Decision 0010: locks go at the commit, and what was answered survives a server killed in that very instant."""

import importlib
import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.ids import uuid7
from portal.local import postgres
from portal.local.process import Child
from portal.tenancy import early

MIGRATION = importlib.import_module("apps.budgets.migrations.0006_early_release")
CALL = "call budgets_reserve_durably('{}'::jsonb, null)"
LATE = "begin; set local synchronous_commit = off; select budgets_reserve('{}'); commit"


@pytest.fixture
def server(used_state: Path) -> Child:
    """A server whose log nobody brings to the disk but the commits themselves."""
    child = postgres.start()
    with postgres.connect("portal_owner") as owner:
        owner.execute("create table kept (id int generated always as identity, held int)")
        owner.execute("create table counter (held int)")
        owner.execute("insert into counter values (0)")
        owner.execute("grant select, insert, update on kept, counter to portal_app")
        owner.execute(
            "create function budgets_reserve(ask jsonb) returns jsonb language sql as "
            "$$ update counter set held = held + 1; insert into kept (held) select held from counter "
            "returning jsonb_build_object('id', id) $$"
        )
        owner.execute(MIGRATION.DURABLY)
    with postgres.connect(postgres.BOOTSTRAP) as bootstrap:
        bootstrap.execute("checkpoint")
        (writer,) = bootstrap.execute(
            "select pid from pg_stat_activity where backend_type = 'walwriter'"
        ).fetchone() or (0,)
    os.kill(int(str(writer)), signal.SIGSTOP)
    return child


def killed(child: Child) -> int:
    """Everything at once, as when the power goes. How many rows are there after the next start."""
    assert child.process is not None
    with postgres.connect(postgres.BOOTSTRAP) as bootstrap:
        pids = [
            int(str(pid))
            for (pid,) in bootstrap.execute("select pid from pg_stat_activity where pid <> pg_backend_pid()")
        ]
    for pid in [child.process.pid, *pids]:
        os.kill(pid, signal.SIGKILL)
    child.process.wait()
    again = postgres.start()
    try:
        with postgres.connect("portal_owner") as owner:
            rows = owner.execute("select count(*), max(k.held), max(c.held) from kept k, counter c").fetchone()
        assert rows is not None
        found, last, counted = rows
        assert found == 0 or found == last == counted, "a row is there with its counter, or neither"
        return int(str(found))
    finally:
        again.stop()


def test_what_commits_without_waiting_can_be_lost(server: Child) -> None:
    """Else the next tests would show nothing."""
    with postgres.connect("portal_app") as app:
        for _ in range(3):
            app.execute(LATE)
        assert app.execute("select count(*) from kept").fetchone() == (3,)
        assert killed(server) == 0


def test_an_answered_reservation_is_there_whatever_dies_next(server: Child) -> None:
    with postgres.connect("portal_app") as app:
        for number in range(1, 4):
            assert app.execute(CALL).fetchone() == ({"id": number},)
        assert killed(server) == 3


def test_an_answer_that_builds_on_another_ones_row_brings_it_to_the_disk_too(server: Child) -> None:
    with postgres.connect("portal_app") as slow, postgres.connect("portal_app") as app:
        slow.execute(LATE)
        assert app.execute(CALL).fetchone() == ({"id": 2},)
        assert killed(server) == 2


def test_a_settlement_is_on_the_disk_when_its_block_has_ended(server: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.connect("portal_app") as app:
        monkeypatch.setattr(early, "connections", {"default": _Plain(app)})
        monkeypatch.setattr(early, "tenant_transaction", lambda tenant_id: app.transaction())
        with early.released_early(uuid7()):
            app.execute("select budgets_reserve('{}')")
        assert killed(server) == 1


class _Plain:
    """As much of Django's connection as the block needs."""

    in_atomic_block = False

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def cursor(self) -> psycopg.Cursor[Any]:
        return self._connection.cursor()
