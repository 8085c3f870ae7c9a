"""The portal's processes, watched and started again as local mode does it, and killed as nothing polite would."""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import ready
from portal.local import paths, postgres, supervisor
from portal.local.process import Child, processes, wait_until
from portal.local.services import Service, begin, environment, stop_services

WEB = 2
LOOK_EVERY = 0.5
CONDITION = (
    f"{WEB} web processes (granian WSGI, 1 worker, 4 blocking threads each) share one port of loopback TCP; PostgreSQL "
    "and they are started again by local mode's own supervision"
)


@dataclass(slots=True)
class Machine:
    """``servers``: PostgreSQL first. ``said`` is what the supervision had to tell."""

    servers: list[Service]
    web: list[Service]
    address: str
    said: list[str]

    def look(self) -> None:
        """Start again what died; call it all the time."""
        for service in [*self.servers, *self.web]:
            told = service.watch(time.monotonic())
            if told:
                self.said.append(told)

    def checkpoint(self) -> None:
        """As the server makes every five minutes: a recovery needn't make the whole database once more."""
        with postgres.connect(postgres.BOOTSTRAP) as connection:
            connection.execute("checkpoint")

    def kill_web(self) -> None:
        process = self.web[0].child.process
        assert process is not None, "a web process is up"
        os.killpg(process.pid, signal.SIGKILL)

    def kill_postgres(self) -> int:
        """All of it at once, as a power cut would. Returns how many processes that were."""
        process = self.servers[0].child.process
        assert process is not None, "PostgreSQL is up"
        found = [process.pid, *_below(process.pid)]
        for pid in reversed(found):  # nobody is left who could tell the others
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(found)


@contextmanager
def web(servers: list[Service]) -> Iterator[Machine]:
    """The web processes in front of the servers, for as long as the block lasts."""
    port = _free_port()
    services: list[Service] = []
    try:
        for number in range(WEB):
            services.append(begin(_web(number, port).start))
            wait_until(lambda: ready(port), services[-1].child, 60)
        yield Machine(servers, services, f"http://127.0.0.1:{port}", [])
    finally:
        stop_services(services)


@contextmanager
def servers() -> Iterator[list[Service]]:
    """PostgreSQL and Redis of this benchmark's own, which nobody else loses when they are killed."""
    with supervisor.only_one(), supervisor.servers() as started:
        yield started


def _web(number: int, port: int) -> Child:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "portal.wsgi:application", "--no-ws"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "4"]
    log = paths.logs_dir() / f"web-{number}.log"
    return Child(f"web {number}", [*command, "--no-access-log"], log, env=environment(), cwd=paths.PROJECT_ROOT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _below(pid: int) -> Iterator[int]:
    """Every process that this one has started, and theirs."""
    for child in [int(entry.name) for entry in processes() if _parent(entry) == pid]:
        yield child
        yield from _below(child)


def _parent(entry: Path) -> int:
    with contextlib.suppress(OSError):
        # The name in brackets may hold anything.
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return 0
