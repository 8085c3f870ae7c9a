"""Processes that are started again when they die, and those that make up the portal."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.local import paths
from portal.local.process import PATIENCE, Child, StartFailed, processes, stop_together

# In the environment of each of the portal's processes and of all that they start, with the state folder's path.
MARK = "CAUSEWAY_SUPERVISED"
_LONGEST_PAUSE = 30.0
# Whoever lived this long is given a quick restart again.
_STEADY = 60.0


@dataclass
class Service:
    """A process that is started again when it dies, later each time."""

    start: Callable[[], Child]
    child: Child
    restarts: int = 0
    since: float = 0.0
    not_before: float | None = None

    def watch(self, now: float) -> str:
        """Start it again if it died. Returns what to tell the person, or nothing."""
        if self.child.alive:
            return ""
        if self.not_before is None:
            # What it had started itself may have outlived it, and would serve beside the next.
            self.child.finish(now)
            self.restarts = 0 if now - self.since > _STEADY else self.restarts
            return self._postpone(now, f"{self.child.name} stopped; the end of {self.child.log}:\n{self.child.tail()}")
        if now < self.not_before:
            return ""
        try:
            self.child = self.start()
        except StartFailed as error:
            return self._postpone(now, str(error))
        self.since, self.not_before = now, None
        return f"{self.child.name} runs again."

    def _postpone(self, now: float, message: str) -> str:
        pause = min(2.0**self.restarts, _LONGEST_PAUSE)
        self.restarts, self.not_before = self.restarts + 1, now + pause
        return f"{message}\nNext start in {pause:.0f} s."


def begin(start: Callable[[], Child]) -> Service:
    return Service(start, start(), since=time.monotonic())


def environment(**more: str) -> dict[str, str]:
    """Ours, without libpq's own variables: a PGPORT meant for another server must not lead away from this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    modules = os.pathsep.join(filter(None, (str(paths.PROJECT_ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": modules, "PYTHONUNBUFFERED": "1", **more}


def portal_children(port: int, *, demo: bool) -> Iterator[Child]:
    """Web, worker, beat, pager, courier and, with demo data, the simulator."""
    granian = ["granian", "--interface", "wsgi", "portal.wsgi:application", "--host", "127.0.0.1", "--no-ws"]
    yield _module("web", *granian, "--port", str(port), "--workers", "1", "--blocking-threads", "4", "--no-access-log")
    celery = ["celery", "-A", "portal"]
    yield _module("worker", *celery, "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "warning")
    schedule = str(paths.state_dir() / "celerybeat-schedule")
    yield _module("beat", *celery, "beat", "--schedule", schedule, "--pidfile", "", "--loglevel", "warning")
    for name in ("pager", "courier"):
        yield _command(name, [sys.executable, str(paths.PROJECT_ROOT / "manage.py"), name])
    if demo:
        yield _module("simulator", "demo.simulator", "--base-url", f"http://127.0.0.1:{port}")


def _module(name: str, *command: str) -> Child:
    return _command(name, [sys.executable, "-m", *command])


def _command(name: str, command: list[str]) -> Child:
    return Child(
        name,
        command,
        paths.logs_dir() / f"{name}.log",
        env=environment(**{MARK: str(paths.state_dir())}),
        cwd=paths.PROJECT_ROOT,
    )


def stop_services(services: list[Service]) -> None:
    """The last started first, together."""
    stop_together([service.child for service in reversed(services)], PATIENCE - 2)


def end_survivors() -> None:
    """After a kill -9 of the supervisor its children get a signal; this is for one that ignored it.

    They are known by the mark in their environment, which no stranger has whatever its number is.
    """
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        for pid in survivors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while survivors() and time.monotonic() < deadline:
            time.sleep(0.05)


def survivors() -> list[int]:
    mark = f"{MARK}={paths.state_dir()}".encode()
    return [int(entry.name) for entry in processes() if mark in _environment_of(entry)]


def _environment_of(entry: Path) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (entry / "environ").read_bytes().split(b"\0")
    return []
