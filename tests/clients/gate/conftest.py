"""The portal these tests talk to: ``open_portal(ceiling=...)`` is the one place to put a real one behind them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.clients.gate.ledger import Gate
from tests.clients.gate.serving import Model, Portal, model, portal


@pytest.fixture
def open_portal() -> Iterator[Callable[..., Portal]]:
    """A portal with one workload, W-01, whose gate is as named."""
    with ExitStack() as stack:
        yield lambda **gate: stack.enter_context(portal(Gate(**gate)))


@pytest.fixture
def open_model() -> Iterator[Callable[..., Model]]:
    with ExitStack() as stack:

        def make(**options: Any) -> Model:
            return stack.enter_context(model(**options))

        yield make
