"""Local mode: a start that survives the crash of the one before, and roles without power."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.local import paths, postgres, supervisor


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CAUSEWAY_STATE_DIR", str(tmp_path / "state"))
    yield tmp_path / "state"


def test_the_three_roles_have_no_power_to_bypass(state: Path) -> None:
    child = postgres.start()
    try:
        with postgres.connect("portal_owner") as connection:
            rows = connection.execute(
                "select rolname, rolsuper, rolbypassrls, rolcreatedb from pg_roles "
                "where rolname like 'portal%' order by 1"
            ).fetchall()
        assert rows == [
            ("portal_app", False, False, False),
            ("portal_bootstrap", True, True, True),
            ("portal_ops", False, False, False),
            ("portal_owner", False, False, True),
        ]
        with postgres.connect("portal_app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table anything (id int)")
    finally:
        child.stop()


def test_a_server_killed_with_its_postmaster_starts_again_with_its_data(state: Path) -> None:
    child = postgres.start()
    with postgres.connect("portal_owner") as connection:
        connection.execute("create table kept (id int)")
    assert child.process is not None
    os.kill(child.process.pid, signal.SIGKILL)
    again = postgres.start()
    try:
        with postgres.connect("portal_owner") as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (0,)
    finally:
        again.stop()
        child.process.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has to become somebody else")
def test_root_without_user_namespaces_runs_the_server_as_somebody_else(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres.shutil, "which", lambda name: None)
    child = postgres.start()
    try:
        assert "as the user daemon" in child.name
        assert postgres.answers()
    finally:
        child.stop()


def test_a_stale_pid_file_that_names_somebody_else_hurts_nobody(state: Path) -> None:
    postgres.start().stop()
    bystander = subprocess.Popen(["sleep", "60"])
    data = next(p.parent for p in [*state.rglob("PG_VERSION")] if p.parent.name == "postgres")
    (data / "postmaster.pid").write_text(f"{bystander.pid}\n{data}\n")
    child = postgres.start()
    try:
        assert bystander.poll() is None
    finally:
        child.stop()
        bystander.kill()
        bystander.wait()


def test_a_half_made_cluster_is_made_anew(state: Path) -> None:
    for name in ("postgres", "postgres.new"):
        (state / name).mkdir(parents=True)
        (state / name / "rubbish").write_text("half")
    child = postgres.start()
    child.stop()
    assert not (state / "postgres" / "rubbish").exists()


def test_only_one_supervisor_holds_the_state_folder(state: Path) -> None:
    with supervisor.only_one(), pytest.raises(supervisor.Busy, match=str(os.getpid())), supervisor.only_one():
        pass


def test_kill_dash_nine_of_the_supervisor_leaves_no_server(state: Path) -> None:
    environment = {**os.environ, "CAUSEWAY_STATE_DIR": str(state)}
    up = subprocess.Popen([sys.executable, "-m", "portal.local", "up"], env=environment, stdout=subprocess.PIPE)
    assert up.stdout is not None
    assert b"are up" in up.stdout.readline()
    up.kill()
    up.wait()
    with supervisor.servers() as started:
        assert all(child.alive for child in started)
        assert postgres.answers()
    time.sleep(0.1)
    assert not postgres.answers()


def test_a_long_project_path_still_gets_short_socket_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAUSEWAY_STATE_DIR", str(tmp_path / ("long" * 40)))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert len(str(paths.socket_dir() / ".s.PGSQL.5432.lock")) <= 107
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/" + "x" * 100)
    with pytest.raises(ValueError, match="TMPDIR"):
        paths.socket_dir()
