"""The portal these tests talk to: ``open_portal`` is the one place to put other ``Books`` behind their door."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

# Before litellm is first imported: it would fetch its list of prices.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from tests.clients.gate.ledger import Gate, Ledger
from tests.clients.gate.serving import Model, Portal, model, portal


@pytest.fixture
def open_portal() -> Iterator[Callable[..., Portal]]:
    """A portal with one workload, W-01, whose gate is as named."""
    with ExitStack() as stack:
        yield lambda **gate: stack.enter_context(portal(Ledger(Gate(**gate))))


@pytest.fixture
def open_model() -> Iterator[Callable[..., Model]]:
    with ExitStack() as stack:

        def make(**options: Any) -> Model:
            return stack.enter_context(model(**options))

        yield make


@pytest.fixture(autouse=True)
def nothing_goes_online(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Only loopback is reached, whatever a library would like to fetch; the attempts that were stopped."""
    resolve, stopped = socket.getaddrinfo, []

    def local(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in {"127.0.0.1", b"127.0.0.1", "localhost"}:
            stopped.append(host)
            raise OSError(f"{host} is not on this machine")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", local)
    return stopped
