"""One request as its caller sees it: an attempt, perhaps further ones, and what each has really used.

The rule that decides everything here (COST-4): never give back what may have been spent. So an attempt that ends
without a word about its usage - an exception, a stream broken off - keeps its hold; only the caller, who knows, can say
that nothing was sent.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from causeway_client.usage import Reading
from causeway_client.wire import Ask, Decision, Outcome, Settlement, Usage, reserve, settle

if TYPE_CHECKING:
    from causeway_client.aio import AsyncClient
    from causeway_client.client import Client

Chunk = TypeVar("Chunk")
BROKEN_OFF = (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)


@dataclass(slots=True)
class Attempt:
    """What is known of one model call until now."""

    reservation: str | None
    usage: Usage = field(default_factory=Usage)
    outcome: Outcome | None = None
    model: str | None = None
    reading: Reading | None = None

    def ending(self, error: BaseException | None) -> Ask | None:
        """How to settle it when the block is left, with ``error`` if that is why; None if nothing is held."""
        if self.reservation is None:
            return None
        usage = self.usage
        if not usage.is_known and self.reading is not None:
            usage = self.reading.known
        outcome = self.outcome or self._outcome(usage, error)
        return settle(reservation=self.reservation, outcome=outcome, usage=usage, model=self.model)

    def _outcome(self, usage: Usage, error: BaseException | None) -> Outcome:
        if usage.is_known:
            return "ok"
        broken_off = self.reading is not None and not self.reading.is_over
        if broken_off or isinstance(error, BROKEN_OFF):
            return "cancelled"
        return "failed" if error is not None else "ok"


class CallState:
    """What both kinds of call know. Readable once the block is entered."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._decision: Decision | None = None
        self._attempt = Attempt(None)
        self._number = 1
        self.settlement: Settlement | None = None

    @property
    def decision(self) -> Decision:
        if self._decision is None:
            raise RuntimeError("The call is not admitted yet: use it in a with block.")
        return self._decision

    @property
    def is_agent(self) -> bool:
        """Whether the agent answers; otherwise take ``fallback``. Nothing is held then."""
        return self.decision.handler == "agent" and self.decision.reservation is not None

    @property
    def is_shadow(self) -> bool:
        """Whether the agent is to answer too, and nothing it says is acted upon (DISP-2). Its budget is held."""
        return self.decision.handler == "shadow" and self.decision.reservation is not None

    @property
    def is_pilot(self) -> bool:
        """Whether the agent answers as a pilot: the user is in its cohort, and is to be told so (DISP-2)."""
        return self.is_agent and bool(self.decision.body.get("pilot"))

    @property
    def model(self) -> str | None:
        return self.decision.model

    @property
    def max_output_tokens(self) -> int | None:
        """Send this limit to the model: with it the cap holds exactly."""
        return self.decision.max_output_tokens

    @property
    def request_id(self) -> str:
        return self.decision.request_id

    @property
    def disclosure(self) -> str:
        """What to tell the user when a smaller model answers; otherwise empty."""
        return self.decision.disclosure

    @property
    def fallback(self) -> Mapping[str, Any]:
        return self.decision.fallback

    def used(self, *, input_tokens: int | None, output_tokens: int | None, model: str | None = None) -> None:
        """What the provider reports for this attempt; ``model`` if another than asked for has answered."""
        self._attempt.usage, self._attempt.model = Usage(input_tokens, output_tokens), model

    def failed(self, *, input_tokens: int | None = None, output_tokens: int | None = None) -> None:
        """The model's side failed. Say 0 and 0 only if its provider certainly bills nothing; unknown keeps the hold."""
        self._attempt.usage, self._attempt.outcome = Usage(input_tokens, output_tokens), "failed"

    def not_sent(self) -> None:
        """Nothing of this attempt went out, and nothing will: its hold is given back."""
        self._attempt.usage, self._attempt.outcome = Usage(), "not_sent"

    def _admitted(self, decision: Decision) -> None:
        self._decision = decision
        self._attempt = Attempt(decision.reservation.id if decision.reservation else None)

    def _ending(self, error: BaseException | None) -> Ask | None:
        """How to settle what is open; from then on nothing is."""
        ending = self._attempt.ending(error)
        self._attempt = Attempt(None)
        return ending

    def _next(self, input_tokens: int, max_output_tokens: int | None) -> Ask:
        """The question for another attempt, under a number that none had, whatever becomes of it."""
        self._number += 1
        return reserve(
            request_id=self.request_id,
            attempt=self._number,
            input_tokens=input_tokens,
            max_output_tokens=max_output_tokens,
        )

    def _read(self) -> Reading:
        self._attempt.reading = Reading()
        return self._attempt.reading


class Call(CallState):
    """A request of the blocking client."""

    def __init__(self, client: "Client", ask: Ask) -> None:
        super().__init__(ask)
        self._client = client

    def __enter__(self) -> Self:
        self._admitted(self._client.admit(self._ask))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._settle(error)

    def again(self, *, input_tokens: int, max_output_tokens: int | None = None) -> Self:
        """The next turn, or a retry: settles what is open, then holds for one more attempt of this request."""
        self._settle(None)
        self._admitted(self._client.admit(self._next(input_tokens, max_output_tokens)))
        return self

    def stream(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Hands the chunks on and reads their usage. Broken off, the attempt keeps its hold."""
        reading = self._read()
        for chunk in chunks:
            reading.see(chunk)
            yield chunk
        reading.end()

    def _settle(self, error: BaseException | None) -> None:
        ending = self._ending(error)
        if ending is not None:
            self.settlement = self._client.settle(ending, wait=not isinstance(error, BROKEN_OFF))


class AsyncCall(CallState):
    """A request of the client for event loops."""

    def __init__(self, client: "AsyncClient", ask: Ask) -> None:
        super().__init__(ask)
        self._client = client

    async def __aenter__(self) -> Self:
        self._admitted(await self._client.admit(self._ask))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._settle(error)

    async def again(self, *, input_tokens: int, max_output_tokens: int | None = None) -> Self:
        """The next turn, or a retry: settles what is open, then holds for one more attempt of this request."""
        await self._settle(None)
        self._admitted(await self._client.admit(self._next(input_tokens, max_output_tokens)))
        return self

    async def stream(self, chunks: AsyncIterable[Chunk]) -> AsyncIterator[Chunk]:
        """Hands the chunks on and reads their usage. Broken off, the attempt keeps its hold."""
        reading = self._read()
        async for chunk in chunks:
            reading.see(chunk)
            yield chunk
        reading.end()

    async def _settle(self, error: BaseException | None) -> None:
        ending = self._ending(error)
        if ending is not None:
            self.settlement = await self._client.settle(ending, wait=not isinstance(error, BROKEN_OFF))
