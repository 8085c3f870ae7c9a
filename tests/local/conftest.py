"""Local mode is tried in state folders of its own, so that the servers this suite runs on are left alone."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.local import paths, postgres


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A state folder that isn't there yet, with sockets below a short path.

    Asks for ``tmp_path`` so that pytest makes its own folder before the temporary folder is another.
    """
    base = Path(tempfile.mkdtemp(prefix="cw", dir="/tmp"))
    base.chmod(0o755)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(base))
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    monkeypatch.setenv("CAUSEWAY_STATE_DIR", str(base / "state"))
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    yield base / "state"
    shutil.rmtree(base)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A cluster made once and stopped, to be copied."""
    with tempfile.TemporaryDirectory(prefix="cw", dir="/tmp") as base:
        # Only while it is made: a variable left set would send every later process of the session here.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CAUSEWAY_STATE_DIR", base)
            postgres.start().stop()
            paths.socket_dir().rmdir()
        yield Path(base) / "postgres"


@pytest.fixture
def used_state(cluster: Path, state: Path) -> Path:
    """The state folder of a second start."""
    shutil.copytree(cluster, state / "postgres")
    return state


@pytest.fixture
def out_of_reach(state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same below a folder that only its owner may enter, as root's home is. Yields where else data may go."""
    private = state.parent / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setenv("CAUSEWAY_STATE_DIR", str(private / "state"))
    elsewhere = Path("/var/tmp") / paths.socket_dir().name
    yield elsewhere
    if os.getuid() == 0:
        shutil.rmtree(elsewhere, ignore_errors=True)
