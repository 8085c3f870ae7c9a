"""One web process, as the portal is served: granian, one worker, four blocking threads."""

import socket
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.local import paths
from portal.local.process import Child, wait_until
from portal.local.services import environment

CONDITION = "granian WSGI, 1 worker, 4 blocking threads, no access log, loopback TCP, keep-alive"
_GRANIAN = ("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--no-ws", "--no-access-log", "--workers", "1")


@contextmanager
def served(application: str) -> Iterator[int]:
    """Serve a WSGI application. Yields the port."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        command = [sys.executable, "-m", *_GRANIAN, "--blocking-threads", "4", "--port", str(port), application]
        log = Path(folder) / "web.log"
        child = Child(application, command, log, env=environment(), cwd=paths.PROJECT_ROOT).start()
        try:
            wait_until(lambda: ready(port), child, 60)
            yield port
        finally:
            child.stop()


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:
        return False
