"""The callers: 64 of the client that is shipped, each with one call at a time, as processes beside the portal have it.

They run in a process of their own, so nothing of Django is in here. What they write down is what was really spent:
what the model was sent and what it said, whatever the portal has heard of it.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "clients" / "python"))

from causeway_client import AsyncClient, CausewayError, Outbox

CLIENTS, SPEED = 64, 20.0
BEGIN_SECONDS, TOKEN_SECONDS = 0.4, 0.025
DELIVERY_SECONDS = 60.0
WORKLOAD = "W-01"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One call of the trace; ``at`` in seconds after the start of the replay."""

    at: float
    user: str
    input_tokens: int
    output_tokens: int


@dataclass(slots=True)
class Seen:
    """What came of it. ``late`` is how long the arrival waited for a free client, ``asked`` how long the decision took;
    ``room`` is what the settled part of the budget left, where it was refused.
    """

    user: str
    input_tokens: int
    output_tokens: int
    late: float = 0.0
    asked: float = 0.0
    what: str = ""
    spent_input: int = 0
    spent_output: int = 0
    room: int | None = None
    from_: float = 0.0
    until: float = 0.0

    @property
    def spent(self) -> int:
        return self.spent_input + self.spent_output

    @property
    def is_cut(self) -> bool:
        return self.what == "answered" and self.spent_output < self.output_tokens


@dataclass(slots=True)
class Replayed:
    """``undelivered``: settlements and releases that nobody heard of in the end."""

    calls: list[Seen] = field(default_factory=list)
    undelivered: int = 0
    seconds: float = 0.0


def replay(address: str, token: str, calls: Sequence[Wanted], begins: float) -> Replayed:
    """Send each call at its time after ``begins``, a time of the wall clock, as soon as a client is free."""
    return asyncio.run(_replay(address, token, calls, begins))


async def _replay(address: str, token: str, calls: Sequence[Wanted], begins: float) -> Replayed:
    arrivals: asyncio.Queue[Wanted | None] = asyncio.Queue()
    done, outboxes = Replayed(), [Outbox() for _ in range(CLIENTS)]
    clients = [AsyncClient(address, token, outbox=outbox) for outbox in outboxes]
    started = time.monotonic() + max(0.0, begins - time.time())
    callers = [asyncio.create_task(_caller(client, arrivals, started, done.calls)) for client in clients]
    for call in calls:
        await asyncio.sleep(max(0.0, started + call.at - time.monotonic()))
        arrivals.put_nowait(call)
    for _ in callers:
        arrivals.put_nowait(None)
    await asyncio.gather(*callers)
    done.seconds = time.monotonic() - started
    await asyncio.gather(*(client.close(DELIVERY_SECONDS) for client in clients))
    done.undelivered = sum(len(outbox) for outbox in outboxes)
    return done


async def _caller(
    client: AsyncClient, arrivals: "asyncio.Queue[Wanted | None]", started: float, seen: list[Seen]
) -> None:
    while (call := await arrivals.get()) is not None:
        row = Seen(call.user, call.input_tokens, call.output_tokens, from_=time.monotonic() - started)
        row.late = row.from_ - call.at
        seen.append(row)
        try:
            await _call(client, row)
        except CausewayError as error:
            row.what = error.code or "unavailable"
            row.room = _room(error)
        row.until = time.monotonic() - started
        row.asked = row.asked or row.until - row.from_


async def _call(client: AsyncClient, row: Seen) -> None:
    """Ask, wait as long as the answer takes, say what it used."""
    begun = time.monotonic()
    async with client.request(workload=WORKLOAD, user=row.user, input_tokens=row.input_tokens) as call:
        row.asked = time.monotonic() - begun
        if not call.is_agent:
            row.what = call.decision.decision
            return
        said = min(row.output_tokens, call.max_output_tokens or 0)
        row.what, row.spent_input, row.spent_output = "answered", row.input_tokens, said
        await asyncio.sleep(BEGIN_SECONDS + TOKEN_SECONDS * said)
        call.used(input_tokens=row.input_tokens, output_tokens=said)


def _room(error: CausewayError) -> int | None:
    budget = error.body.get("budget") or {}
    return int(budget["limit"]) - int(budget["used"]) if budget else None
