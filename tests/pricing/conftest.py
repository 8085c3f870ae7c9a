"""These tests begin without prices: they set their own."""

import pytest


@pytest.fixture(autouse=True)
def bare() -> None:
    """The cast without cost gates and prices (:mod:`tests.ground`)."""
