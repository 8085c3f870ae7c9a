"""The supervisor: starts servers and processes in order, watches them, and takes all of them down again.

One supervisor a state folder, held by a lock that dies with its holder. ``exec`` beside a running supervisor is its
guest: it uses the servers, and an ``exec`` that started them keeps them until its guests are gone.
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
from types import FrameType

from portal.local import paths, postgres, redis
from portal.local.process import PATIENCE, StartFailed, dying_with_us
from portal.local.services import (
    Service,
    begin,
    end_survivors,
    environment,
    portal_children,
    stop_services,
)

_GUEST_PATIENCE = 90.0


class Stop(Exception):
    """Somebody asked us to stop, by the signal ``number``."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Busy(RuntimeError):
    """Another supervisor holds the lock; ``pid`` is its process, or 0 while that is unknown."""

    def __init__(self, pid: int) -> None:
        super().__init__(
            f"Another Causeway (process {pid or 'unknown'}) runs on {paths.state_dir()}:"
            " stop it with Ctrl-C there, or with `python -m portal.local down`."
        )
        self.pid = pid


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
            holder = file.read().strip()
            raise Busy(int(holder) if holder.isdigit() else 0) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def servers() -> Iterator[list[Service]]:
    """PostgreSQL and Redis, for as long as the block lasts."""
    if sys.platform != "linux":
        raise StartFailed("Local mode needs Linux: elsewhere, set DATABASE_URL and REDIS_URL to servers of your own.")
    started: list[Service] = []
    try:
        for start in (postgres.start, redis.start):
            started.append(begin(start))
        yield started
    finally:
        for service in reversed(started):
            service.child.stop(PATIENCE / 2)
        with contextlib.suppress(OSError):
            paths.socket_dir().rmdir()


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn Ctrl-C, a terminal that closes and a polite kill into :class:`Stop`, once.

    What comes after the first is ignored: an impatient second Ctrl-C must not leave half of the processes behind.
    """
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise Stop(number)

    # Under nohup a hang-up is none of our business.
    hang_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, *hang_up)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def run(port: int, *, demo: bool) -> None:
    """What `make run` does after the install."""
    if _is_configured():
        raise StartFailed("DATABASE_URL is set, and `run` is local mode: unset it, or start the processes yourself.")
    with only_one():
        end_survivors()
        if not _port_is_free(port):
            raise StartFailed(f"Port {port} is taken; choose another: PORT={port + 1} make run.")
        with servers() as started:
            say(*(f"{service.child.name} is up." for service in started))
            manage("migrate", "--database=owner", "--verbosity=0")
            signs = manage("demo_data") if demo else ""
            _portal(port, started, signs, demo=demo)


def up() -> None:
    """The servers alone, until somebody says stop."""
    with only_one(), servers() as started:
        say(*(f"{service.child.name} is up." for service in started))
        say(f"PostgreSQL and Redis are up in {paths.socket_dir()}; Ctrl-C stops them.")
        watch(started)


def execute(command: Sequence[str]) -> int:
    """Run a command with the servers up, and stop what was started for it. Returns the command's exit code."""
    if not command:
        raise StartFailed("exec wants a command: python -m portal.local exec -- COMMAND.")
    if _is_configured():
        return _call(command)
    deadline = time.monotonic() + _GUEST_PATIENCE
    while True:
        try:
            # Guests are kept out until the servers are down, so the gate closes inside and opens last.
            with only_one(), contextlib.ExitStack() as gate, servers():
                code = _call(command)
                gate.enter_context(_without_guests())
                return code
        except Busy:
            with _as_guest() as welcome:
                if welcome and postgres.answers() and redis.answers():
                    return _call(command)
            if time.monotonic() > deadline:
                raise
        # Its servers are still starting, or stopping already.
        time.sleep(0.1)


def stop_running() -> None:
    """Ask a running supervisor to stop, and wait until it has."""
    asked = 0
    for _ in range(300):
        try:
            with only_one():
                return
        except Busy as error:
            if error.pid and error.pid != asked:
                asked = error.pid
                with contextlib.suppress(ProcessLookupError):
                    os.kill(asked, signal.SIGTERM)
            time.sleep(0.1)
    raise StartFailed(f"Process {asked} doesn't stop.")


def watch(services: list[Service]) -> None:
    """Start again what dies, until somebody says stop."""
    while True:
        _look(services)
        time.sleep(0.5)


def manage(*arguments: str) -> str:
    """Run a management command, its output shown and returned."""
    command = [sys.executable, str(paths.PROJECT_ROOT / "manage.py"), *arguments]
    with subprocess.Popen(
        command,
        cwd=paths.PROJECT_ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=dying_with_us(signal.SIGTERM),
    ) as process:
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            say(line.rstrip("\n"))
    if process.returncode:
        raise StartFailed(f"manage.py {arguments[0]} failed; what it said stands above.")
    return "".join(lines)


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def _portal(port: int, running: list[Service], signs: str, *, demo: bool) -> None:
    portal: list[Service] = []
    # Commands beside it write links too, and have to know where they lead.
    paths.address_file().write_text(f"http://127.0.0.1:{port}")
    try:
        for child in portal_children(port, demo=demo):
            portal.append(begin(child.start))
        _wait_for_web(port, running + portal)
        say(f"\nCauseway is at http://127.0.0.1:{port} (Ctrl-C stops everything; logs in {paths.logs_dir()}).", signs)
        watch(running + portal)
    finally:
        stop_services(portal)


def _look(services: list[Service]) -> None:
    for service in services:
        message = service.watch(time.monotonic())
        if message:
            print(message, file=sys.stderr, flush=True)


def _wait_for_web(port: int, services: list[Service]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if _ready(port):
            return
        _look(services)
        time.sleep(0.1)
    raise StartFailed(f"The portal doesn't answer; see {paths.logs_dir() / 'web.log'}.")


def _ready(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.settimeout(5)
        connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _is_configured() -> bool:
    """Whether somebody else's servers are named, as in production and in CI services."""
    return "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ


@contextlib.contextmanager
def _as_guest() -> Iterator[bool]:
    """Whether the servers stay up for as long as the block lasts."""
    with (paths.state_dir() / "guests").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def _without_guests() -> Iterator[None]:
    """Wait until no guest is left, and let no new one in."""
    with (paths.state_dir() / "guests").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another command uses the servers; they stop when it ends.", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _call(command: Sequence[str]) -> int:
    """Run it in the foreground. Returns its exit code, as a shell counts."""
    try:
        process = subprocess.Popen(list(command), env=environment(), preexec_fn=dying_with_us(signal.SIGTERM))
    except OSError as error:
        print(f"{command[0]} can't be run: {error.strerror}.", file=sys.stderr)
        return 127
    try:
        code = process.wait()
        return code if code >= 0 else 128 - code
    except Stop as stop:
        _end_call(process, stop.number)
        raise


def _end_call(process: subprocess.Popen[bytes], number: int) -> None:
    """Pass the signal on, and insist later. A Ctrl-C from the terminal has reached the command already."""
    if number != signal.SIGINT or not os.isatty(0):
        process.send_signal(number)
    for insist in (process.terminate, process.kill):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
            return
        insist()
    process.wait()
