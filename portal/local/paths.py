"""Where local mode keeps things. Pure path arithmetic: importing this starts nothing and makes no folder."""

import hashlib
import os
import tempfile
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
# A test that starts processes of ours points them at its own database.
DATABASE_NAME = os.environ.get("CAUSEWAY_DATABASE_NAME", "causeway")
# sun_path has 108 bytes with the closing zero; PostgreSQL adds "/.s.PGSQL.5432.lock" while it starts.
LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.5432.lock")


def state_dir() -> Path:
    """Data and logs: ``.local/`` in the project, or CAUSEWAY_STATE_DIR."""
    return Path(os.environ.get("CAUSEWAY_STATE_DIR") or PROJECT_ROOT / ".local").resolve()


def logs_dir() -> Path:
    return state_dir() / "logs"


def socket_dir() -> Path:
    """A short private folder for sockets, however long the project's own path is.

    Root's is always in the temporary folder: PostgreSQL's own user can't reach root's runtime folder, and `sudo`
    and a root login, which differ in XDG_RUNTIME_DIR, have to find the same servers.

    Raises:
        ValueError: the temporary folder's own path leaves no room for a socket's name.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR") if os.getuid() else None
    base = runtime or tempfile.gettempdir()
    name = hashlib.sha256(str(state_dir()).encode()).hexdigest()[:10]
    path = Path(base) / f"causeway-{os.getuid()}-{name}"
    if len(os.fsencode(path)) > LONGEST_SOCKET_DIR:
        raise ValueError(f"{base} is too long a path for Unix sockets: set TMPDIR to a shorter one, such as /tmp.")
    return path


def postgres_socket_dir() -> Path:
    return socket_dir()


def redis_socket() -> Path:
    return socket_dir() / "redis.sock"


def redis_url() -> str:
    """Database 0, or CAUSEWAY_REDIS_DB: processes that a test starts get one of their own."""
    return f"unix://{redis_socket()}?db={os.environ.get('CAUSEWAY_REDIS_DB', '0')}"


def address_file() -> Path:
    return state_dir() / "address"


def address() -> str:
    """Where the portal is reached in local mode: where it ran last."""
    try:
        return address_file().read_text()
    except OSError:
        return "http://127.0.0.1:8000"
