"""Child processes that don't outlive their parent, and strangers recognised before they are touched."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class StartFailed(RuntimeError):
    """A server didn't come up; the message says why in one sentence."""


@dataclass
class Child:
    """One process in a group of its own, with its output in a log file."""

    name: str
    command: Sequence[str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    env: dict[str, str] | None = None
    cwd: Path | None = None
    user: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user is not None else None,
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent, self.stop_signal),
            )

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, patience: float = 8.0) -> None:
        """Ask, wait, insist; then clear whatever is left of the group."""
        if self.process is None:
            return
        if self.alive:
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self, lines: int = 5) -> str:
        """The end of the log, for the sentence that says why."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def wait_until(ready: Callable[[], bool], child: Child, seconds: float) -> None:
    """Poll until ``ready``.

    Raises:
        StartFailed: the child died, or the time is up.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return
        if not child.alive:
            raise StartFailed(f"{child.name} stopped while starting; the end of {child.log}:\n{child.tail()}")
        time.sleep(0.02)
    raise StartFailed(f"{child.name} didn't answer within {seconds:.0f} s; see {child.log}.")


def command_line(pid: int) -> str:
    """What a process runs, or nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def end_survivor(pid: int, marker: str, stop_signal: signal.Signals, patience: float = 8.0) -> None:
    """End a process that a former start left behind, if it is one: its command line has to name ``marker``."""
    for number in (stop_signal, signal.SIGKILL):
        if marker not in command_line(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and marker in command_line(pid):
            time.sleep(0.05)


def _die_with(parent: int, number: signal.Signals) -> None:
    """In the child, before exec: get ``number`` when the parent dies, even by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:
        os._exit(1)
