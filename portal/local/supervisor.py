"""The supervisor: starts servers and processes in order, watches them, and takes all of them down again.

One supervisor a state folder, held by a lock that dies with its holder. ``exec`` beside a running supervisor uses
its servers.
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from portal.local import paths, postgres, redis
from portal.local.process import Child, StartFailed, end_survivor

MANAGE = [sys.executable, str(paths.PROJECT_ROOT / "manage.py")]


class Stop(Exception):
    """Somebody asked us to stop."""


class Busy(RuntimeError):
    """Another supervisor holds the lock."""


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the state folder's lock.

    Raises:
        Busy: somebody else does.
    """
    paths.state_dir().mkdir(parents=True, exist_ok=True)
    with (paths.state_dir() / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise Busy(file.read().strip()) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def servers() -> Iterator[list[Child]]:
    """PostgreSQL and Redis, for as long as the block lasts."""
    started: list[Child] = []
    try:
        for start in (postgres.start, redis.start):
            started.append(start())
        yield started
    finally:
        for child in reversed(started):
            child.stop()


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn Ctrl-C, a terminal that closes and a polite kill into :class:`Stop`."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stop

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@dataclass
class Service:
    """A process of ours that is started again when it dies, later each time."""

    child: Child
    restarts: int = 0
    not_before: float = 0.0

    def watch(self, now: float) -> str:
        """Start it again if it died. Returns what to tell the person, or nothing."""
        if self.child.alive:
            return ""
        if self.not_before == 0.0:
            self.not_before = now + min(2.0**self.restarts, 30.0)
            return f"{self.child.name} stopped; it starts again. The end of {self.child.log}:\n{self.child.tail()}"
        if now >= self.not_before:
            self.restarts, self.not_before = self.restarts + 1, 0.0
            self.child.start()
        return ""


@dataclass
class Portal:
    """Everything `make run` starts beside the servers."""

    port: int
    demo: bool = True
    services: list[Service] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def children(self) -> Iterator[Child]:
        granian = ["granian", "--interface", "wsgi", "portal.wsgi:application", "--host", "127.0.0.1"]
        granian += ["--port", str(self.port), "--workers", "1", "--blocking-threads", "4", "--no-ws"]
        celery = ["celery", "-A", "portal.celery"]
        yield _python("web", granian)
        yield _python("worker", [*celery, "worker", "--concurrency", "2", "--loglevel", "warning"])
        schedule = str(paths.state_dir() / "celerybeat-schedule")
        yield _python("beat", [*celery, "beat", "--schedule", schedule, "--loglevel", "warning", "--pidfile", ""])
        if self.demo:
            yield _python("simulator", ["demo.simulator", "--base-url", self.address])

    def start(self) -> None:
        _end_survivors()
        for child in self.children():
            child.start()
            self.services.append(Service(child))
        _remember([service.child for service in self.services])

    def watch(self) -> None:
        """Until somebody says stop."""
        while True:
            for service in self.services:
                message = service.watch(time.monotonic())
                if message:
                    print(message, file=sys.stderr, flush=True)
            time.sleep(0.5)

    def stop(self) -> None:
        for service in reversed(self.services):
            if service.child.process and service.child.alive:
                service.child.process.send_signal(service.child.stop_signal)
        for service in reversed(self.services):
            service.child.stop()


def run(port: int, *, demo: bool) -> None:
    """What `make run` does after the install."""
    if not _port_is_free(port):
        raise StartFailed(f"Port {port} is taken; choose another: PORT=8001 make run.")
    portal = Portal(port, demo=demo)
    with only_one(), servers() as started:
        print(f"{started[0].name} and {started[1].name} are up; data in {paths.state_dir()}.", flush=True)
        manage("migrate", "--database=owner", "--verbosity=0")
        if demo:
            manage("demo_data")
        try:
            portal.start()
            _wait_for_web(portal)
            print(
                f"\nCauseway is at {portal.address} (Ctrl-C stops everything; logs in {paths.logs_dir()}).", flush=True
            )
            if demo:
                manage("demo_data", "--show")
            portal.watch()
        finally:
            portal.stop()


def execute(command: Sequence[str]) -> int:
    """Run a command with the servers up, and stop what was started for it. Returns the command's exit code."""
    if "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ:
        return _call(command)
    try:
        with only_one(), servers():
            return _call(command)
    except Busy:
        if not (postgres.answers() and redis.answers()):
            raise
        return _call(command)


def manage(*arguments: str) -> None:
    done = subprocess.run([*MANAGE, *arguments], check=False, cwd=paths.PROJECT_ROOT, env=_environment())
    if done.returncode:
        raise StartFailed(f"manage.py {arguments[0]} failed; what it said stands above.")


def _call(command: Sequence[str]) -> int:
    process = subprocess.Popen(list(command), env=_environment())
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        raise


def _python(name: str, command: list[str]) -> Child:
    """``python -m`` a module, or one of the virtual environment's scripts as a module."""
    return Child(
        name,
        [sys.executable, "-m", *command],
        paths.logs_dir() / f"{name}.log",
        env=_environment(),
        cwd=paths.PROJECT_ROOT,
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(paths.PROJECT_ROOT), "PYTHONUNBUFFERED": "1"}


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _wait_for_web(portal: Portal) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", portal.port), 1) as connection:
            connection.settimeout(5)
            connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            if b" 200 " in connection.recv(64):
                return
        time.sleep(0.1)
    raise StartFailed(f"The portal doesn't answer; see {paths.logs_dir() / 'web.log'}.")


def _remember(children: list[Child]) -> None:
    pids = [str(child.process.pid) for child in children if child.process]
    (paths.state_dir() / "pids").write_text("\n".join(pids))


def _end_survivors() -> None:
    """After a kill -9 of the supervisor its children get a signal; this is for one that ignored it."""
    file = paths.state_dir() / "pids"
    if not file.exists():
        return
    for line in file.read_text().split():
        if line.isdigit() and _is_ours(int(line)):
            end_survivor(int(line), sys.executable, signal.SIGTERM)
    file.unlink()


def _is_ours(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "cwd").readlink() == paths.PROJECT_ROOT
    return False
