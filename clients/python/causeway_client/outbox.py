"""What could not be said at once and is said later: settlements, and holds whose admission was lost on the way.

A settlement that never arrives costs nobody money: the hold stands until it expires and is then estimated (COST-4). So
the outbox is bounded, in memory, and never makes a user wait. It knows no threads; the clients guard it.
"""

import heapq
import itertools
import logging
from dataclasses import dataclass, field

from causeway_client.retry import AGAIN, Retries, Talk, asked_once, undone
from causeway_client.wire import Ask, Reply, Settlement, settlement_of

log = logging.getLogger("causeway_client")

LIMIT = 1000
LIFE = 3600.0
PATIENCE = Retries(first=0.5, longest=30.0)
# The longest pause while the client closes.
HURRY = 0.5


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to be said. ``undo``: not to be asked for its own sake, but to give back what it may hold."""

    ask: Ask
    undo: bool
    since: float
    tried: int = 0

    def talk(self) -> Talk:
        return undone(self.ask) if self.undo else asked_once(self.ask)

    def describe(self) -> str:
        return "giving back a hold" if self.undo else f"settling {self.ask.body.get('reservation')}"


@dataclass(slots=True)
class Outbox:
    """At most ``limit`` errands, each tried for ``life`` seconds; times are those of the client's clock."""

    limit: int = LIMIT
    life: float = LIFE
    patience: Retries = PATIENCE
    _heap: list[tuple[float, int, Errand]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)
    _is_hurried: bool = False

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, ask: Ask, *, undo: bool, now: float) -> bool:
        """False: it is full, and the hold will stand until it expires."""
        if len(self) >= self.limit:
            log.warning("The outbox is full with %s errands: the hold of this one stands until it expires.", self.limit)
            return False
        self._push(now, Errand(ask, undo, since=now))
        return True

    def wait(self, now: float) -> float | None:
        """Seconds until the next errand is due; None if there is none."""
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    def take(self) -> Errand:
        return heapq.heappop(self._heap)[2]

    def hasten(self, now: float) -> None:
        """Everything is due now, and soon again if it fails, what is under way too: there won't be a later."""
        self._is_hurried = True
        self._heap = [(now, order, errand) for _, order, errand in sorted(self._heap)]

    def answered(self, errand: Errand, reply: Reply, *, now: float, chance: float) -> None:
        """Done, or to be tried once more, or too late."""
        if reply.status == 200:
            return
        if reply.status not in AGAIN or now - errand.since >= self.life:
            log.warning("%s failed: %s %s", errand.describe(), reply.status, reply.body.get("code") or reply.error)
            return
        later = Errand(errand.ask, errand.undo, errand.since, errand.tried + 1)
        pause = self.patience.backoff(later.tried, chance)
        self._push(now + (min(pause, HURRY) if self._is_hurried else pause), later)

    def _push(self, due: float, errand: Errand) -> None:
        heapq.heappush(self._heap, (due, next(self._order), errand))


def settled(ask: Ask, reply: Reply) -> Settlement | None:
    """A final answer to a settlement. A refusal is for whoever runs this to see, not for the user who has an answer."""
    if reply.status == 200:
        return settlement_of(reply)
    log.warning("settling %s failed: %s %s", ask.body.get("reservation"), reply.status, reply.body.get("code"))
    return None
