"""PostgreSQL without installation: roles without power, and a start that survives whatever came before."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from portal.local import paths, postgres, ways
from portal.local.process import Child, StartFailed, private_folder

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root has to become somebody else")


@contextmanager
def running() -> Iterator[Child]:
    child = postgres.start()
    try:
        yield child
    finally:
        child.stop()


def kept_rows() -> object:
    with postgres.connect("portal_owner") as connection:
        connection.execute("create table if not exists kept (id int)")
        connection.execute("insert into kept values (1)")
        return connection.execute("select count(*) from kept").fetchone()


def test_the_three_roles_can_log_in_and_have_no_power_to_bypass(state: Path) -> None:
    columns = "rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolreplication, rolcreatedb"
    with running(), postgres.connect("portal_owner") as connection:
        rows = connection.execute(f"select {columns} from pg_roles where rolname like 'portal%' order by 1").fetchall()
        owner = connection.execute("select datdba::regrole::text from pg_database where datname = 'causeway'")
        assert owner.fetchone() == ("portal_owner",)
    assert rows == [
        ("portal_app", True, False, False, False, False, False),
        ("portal_bootstrap", True, True, True, True, True, True),
        ("portal_ops", True, False, False, False, False, False),
        ("portal_owner", True, False, False, False, False, True),
    ]


def test_the_application_makes_no_table_and_no_database_but_uses_the_owners(state: Path) -> None:
    with running():
        with postgres.connect("portal_owner") as owner:
            owner.execute("create database test_causeway")
        for database in ("causeway", "test_causeway"):
            with postgres.connect("portal_owner", database) as owner:
                owner.execute("create table shown as select 7 as id")
                owner.execute("grant select on shown to portal_app")
            with postgres.connect("portal_app", database) as app:
                assert app.execute("select id from shown").fetchone() == (7,)
                for statement in ("create table anything (id int)", "create database anything", "drop table shown"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        app.execute(statement)


@as_root
def test_another_user_of_the_machine_logs_in_as_nobody_of_ours(used_state: Path) -> None:
    with running():
        paths.socket_dir().chmod(0o777)
        (paths.socket_dir() / ".s.PGSQL.5432").chmod(0o777)
        address = f"host={paths.socket_dir()} dbname=postgres user="
        for role in (postgres.BOOTSTRAP, *postgres.ROLES):
            with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
                _connect_as(65534, address + role)


def _connect_as(uid: int, address: str) -> None:
    os.seteuid(uid)
    try:
        psycopg.connect(address).close()
    finally:
        os.seteuid(0)


def test_a_server_killed_with_its_postmaster_starts_again_with_its_data(used_state: Path) -> None:
    child = postgres.start()
    assert kept_rows() == (1,)
    assert child.process is not None
    # Not reaped yet: a zombie still holds the pid that postmaster.pid names.
    os.kill(child.process.pid, signal.SIGKILL)
    with running():
        assert kept_rows() == (2,)
    child.process.wait()


def test_a_server_that_outlived_its_supervisor_is_ended_first(used_state: Path) -> None:
    former = postgres.start()
    with running():
        assert not former.alive
        assert postgres.answers()


def test_a_stale_pid_file_that_names_somebody_else_hurts_nobody(used_state: Path) -> None:
    postgres.start().stop()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (used_state / "postgres" / "postmaster.pid").write_text(f"{bystander.pid}\n{used_state / 'postgres'}\n")
        with running():
            assert postgres.answers()
            assert bystander.poll() is None
        bystander.kill()


def test_a_half_made_cluster_is_made_anew(state: Path) -> None:
    for name in ("postgres", "postgres.new"):
        (state / name).mkdir(parents=True)
        (state / name / "rubbish").write_text("half")
    with running():
        assert kept_rows() == (1,)
    assert not (state / "postgres" / "rubbish").exists()
    assert not (state / "postgres.new").exists()


@as_root
def test_each_way_to_run_without_root_carries_on_with_the_same_data(
    used_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for way in ways.possible(postgres.find_server()):
        monkeypatch.setattr(postgres, "possible", lambda bin_dir, only=way: [only])
        with running() as child:
            assert way.description in child.name
            counts.append(kept_rows())
    assert counts == [(number,) for number in range(1, len(counts) + 1)]


@as_root
def test_out_of_reach_folders_move_data_where_the_servers_user_can_go(
    out_of_reach: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(ways, "_open_to_all", lambda path: False)
    for expected in ((1,), (2,)):
        with running() as child:
            assert str(out_of_reach) in child.name
            assert kept_rows() == expected


def test_data_of_another_major_version_is_refused_and_kept(state: Path) -> None:
    (state / "postgres").mkdir(parents=True)
    (state / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(StartFailed, match="needs PostgreSQL 9, which is not here"):
        postgres.start()
    assert (state / "postgres" / "PG_VERSION").read_text() == "9\n"


def test_a_socket_folder_that_is_a_strangers_link_is_refused(state: Path, tmp_path: Path) -> None:
    paths.socket_dir().symlink_to(tmp_path)
    before = tmp_path.stat().st_mode
    with pytest.raises(StartFailed, match="belongs to somebody else"):
        private_folder(paths.socket_dir())
    assert tmp_path.stat().st_mode == before


def test_a_long_project_path_still_gets_short_socket_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAUSEWAY_STATE_DIR", str(tmp_path / ("long" * 40)))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", "/run/user/1000")
    assert len(str(paths.socket_dir() / ".s.PGSQL.5432.lock")) <= 107
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * 100)
    with pytest.raises(ValueError, match="TMPDIR"):
        paths.socket_dir()
