"""The real server on a real socket, on the test's own database, as a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections

from portal.local import paths


def environment(**extra: str) -> dict[str, str]:
    """Settings of a process that works on the test database."""
    name = connections["owner"].settings_dict["NAME"]
    return {**os.environ, "CAUSEWAY_DATABASE_NAME": str(name), "PYTHONPATH": str(paths.PROJECT_ROOT), **extra}


@contextmanager
def served(**extra: str) -> Iterator[str]:
    """A granian process; yields its address."""
    with running(**extra) as (address, _):
        yield address


@contextmanager
def running(**extra: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The same for whoever wants to kill it: it has a process group of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "portal.wsgi:application"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "4", "--no-ws"]
    process = subprocess.Popen(
        command,
        cwd=paths.PROJECT_ROOT,
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address, process
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: Any) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(process.stdout.read().decode())
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{address} doesn't answer with {settings.DATABASES['default']['NAME']}")
