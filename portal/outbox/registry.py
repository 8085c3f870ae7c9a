"""Who delivers what. A handler is called outside any transaction and raises to be tried again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a handler gets. ``key`` is the idempotency key to hand on; the same message may come twice."""

    tenant_id: UUID
    message_id: UUID
    topic: str
    key: str
    payload: dict[str, Any]
    attempt: int


class TryLater(Exception):
    """Not now: what a handler raises when the receiver answers that it should be tried again, ``after`` so long."""

    def __init__(self, message: str, after: timedelta = timedelta()) -> None:
        super().__init__(message)
        self.after = after


Handler = Callable[[Envelope], None]
_handlers: dict[str, Handler] = {}


def handles(topic: str) -> Callable[[Handler], Handler]:
    """Register the one handler of ``topic``."""

    def register(handler: Handler) -> Handler:
        if topic in _handlers:
            raise RuntimeError(f"{topic} has a handler already: {_handlers[topic].__module__}.")
        _handlers[topic] = handler
        return handler

    return register


def topics() -> list[str]:
    return sorted(_handlers)


def handler(topic: str) -> Handler:
    return _handlers[topic]
