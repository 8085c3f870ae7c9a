"""When to ask again, and the conversations that follow: values and generators, without socket, clock or chance.

A conversation yields an ``Ask`` to be sent or a number of seconds to wait, and is given the ``Reply`` (None after a
wait). Both clients drive the same conversations, one with a thread and one with an event loop.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace

from causeway_client.wire import Ask, Reply, Usage, may_not_be_repeated, seconds, settle

AGAIN = frozenset({0, 429, 502, 503, 504})  # 0: no answer at all

Talk = Generator[Ask | float, Reply | None, Reply]


@dataclass(frozen=True, slots=True)
class Retries:
    """``most`` further tries; pauses double from ``first`` to ``longest`` seconds, the upper half of each by chance.

    A ``Retry-After`` is waited for in full; one longer than ``longest`` isn't waited for at all: the caller gets the
    error, and knows how long, instead of a person getting no answer.
    """

    most: int = 3
    first: float = 0.1
    longest: float = 5.0

    def backoff(self, tried: int, chance: float) -> float:
        """Seconds before the next try; ``tried`` from 1, ``chance`` in [0, 1)."""
        full = min(self.longest, self.first * 2.0 ** min(tried - 1, 60))
        return full * (1 + chance) / 2

    def pause(self, reply: Reply, tried: int, chance: float) -> float | None:
        """Seconds to wait before asking again, or None: this answer is final."""
        if tried > self.most or reply.status not in AGAIN or may_not_be_repeated(reply):
            return None
        asked = seconds(reply.headers.get("retry-after")) or 0.0
        return None if asked > self.longest else max(asked, self.backoff(tried, chance))


def asked(ask: Ask, retries: Retries, chance: Callable[[], float]) -> Talk:
    """The same question until its answer is final. It stays unsure if any answer on the way was."""
    tried, unsure = 0, False
    while True:
        reply = yield ask
        assert reply is not None, "an Ask is always answered, if only by a Reply of status 0"
        tried, unsure = tried + 1, unsure or reply.unsure
        wait = retries.pause(reply, tried, chance())
        if wait is None:
            return replace(reply, unsure=unsure)
        yield wait


def asked_once(ask: Ask) -> Talk:
    reply = yield ask
    assert reply is not None, "an Ask is always answered, if only by a Reply of status 0"
    return reply


def undone(admission: Ask) -> Talk:
    """Gives back what a lost admission may hold: asked again, the portal names the reservation; nothing was sent."""
    reply = yield from asked_once(admission)
    if reply.body.get("decision") == "blocked":
        return replace(reply, status=503)  # nobody could look whether it holds anything
    found = reply.body.get("reservation") if reply.status == 200 else None
    if not isinstance(found, Mapping) or "id" not in found:
        return reply
    return (yield from asked_once(settle(reservation=str(found["id"]), outcome="not_sent", usage=Usage())))
