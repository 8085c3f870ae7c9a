"""Child processes that don't outlive their parent, and strangers recognised before they are touched."""

import contextlib
import ctypes
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec, less is safer.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PATIENCE = 8.0


class StartFailed(RuntimeError):
    """Something didn't come up; the message says why in one sentence."""


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
    group: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                user=self.user,
                group=self.group,
                extra_groups=[] if self.user is not None else None,
                start_new_session=True,
                preexec_fn=dying_with_us(self.stop_signal),
            )
        return self

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ask(self) -> None:
        """Ask it to stop, and return at once."""
        if self.process is not None and self.alive:
            self.process.send_signal(self.stop_signal)

    def finish(self, deadline: float) -> None:
        """Wait until the deadline, then insist; clear whatever is left of the group."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, patience: float = PATIENCE) -> None:
        self.ask()
        self.finish(time.monotonic() + patience)

    def tail(self, lines: int = 5) -> str:
        """The end of the log, for the sentence that says why."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def stop_together(children: Iterable[Child], patience: float) -> None:
    """Ask all of them at once and wait for all within one and the same patience."""
    asked = list(children)
    for child in asked:
        child.ask()
    deadline = time.monotonic() + patience
    for child in asked:
        child.finish(deadline)


def dying_with_us(number: signal.Signals) -> Callable[[], None]:
    """For ``preexec_fn``: the child gets ``number`` when this process dies, even by kill -9."""
    parent = os.getpid()

    def arrange() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)

    return arrange


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


def processes() -> Iterator[Path]:
    """Every process's folder under /proc."""
    return (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())


def command_line(pid: int) -> str:
    """What a process runs, or nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def end_survivor(pid: int, marker: str, stop_signal: signal.Signals, patience: float = PATIENCE) -> None:
    """End a process that a former start left behind, if it is one: its command line has to name ``marker``."""
    for number in (stop_signal, signal.SIGKILL):
        if marker not in command_line(pid):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and marker in command_line(pid):
            time.sleep(0.05)


def private_folder(path: Path, mode: int = 0o700, group: int = -1) -> None:
    """Make a folder of ours, or make sure that it is one.

    The temporary folder is everybody's: a stranger may have put a folder, or a link, of this name there first.

    Raises:
        StartFailed: it belongs to somebody else, or is no folder.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StartFailed(f"{path} belongs to somebody else: remove it, or set TMPDIR to a folder of yours.")
    os.chown(path, -1, group)
    path.chmod(mode)
