from collections.abc import Iterator

import pytest

from apps.events import sending
from tests.events.cast import LOOPBACK
from tests.ownership.alerts.receiver import Receiver, receiver


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with LOOPBACK, receiver() as found:
        yield found


@pytest.fixture(autouse=True)
def _turns_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a slow machine changes nothing of what is counted."""
    monkeypatch.setattr(sending, "TURN", 60.0)
