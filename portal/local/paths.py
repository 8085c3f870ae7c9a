"""Where local mode keeps things. Pure path arithmetic: importing this starts nothing and makes no folder."""

import hashlib
import os
import tempfile
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
DATABASE_NAME = "causeway"


def state_dir() -> Path:
    """Data and logs: ``.local/`` in the project, or CAUSEWAY_STATE_DIR."""
    return Path(os.environ.get("CAUSEWAY_STATE_DIR", PROJECT_ROOT / ".local")).resolve()


def socket_dir() -> Path:
    """A short private folder for sockets: a socket's path may have 107 bytes, a project's path may be longer."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    name = hashlib.sha256(str(state_dir()).encode()).hexdigest()[:10]
    return Path(base) / f"causeway-{os.getuid()}-{name}"


def postgres_socket_dir() -> Path:
    return socket_dir()


def redis_socket() -> Path:
    return socket_dir() / "redis.sock"


def redis_url(db: int = 0) -> str:
    return f"unix://{redis_socket()}?db={db}"
