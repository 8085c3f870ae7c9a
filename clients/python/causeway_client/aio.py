"""The client for event loops: the same conversations, and one task that says later what could not be said at once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, Unpack

import httpx

from causeway_client.call import AsyncCall
from causeway_client.errors import CausewayError
from causeway_client.outbox import Outbox, log, settled
from causeway_client.retry import AGAIN, Retries, Talk, asked, asked_once
from causeway_client.transport import SETTLE_SECONDS, lost, options, reply_of, sending
from causeway_client.wire import Ask, Decision, Question, Reply, Settlement, decision_of, dispatch


class AsyncClient:
    """For one event loop, any number of tasks. Close it, or use it in an ``async with`` block."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout: float = 2.0,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        outbox: Outbox | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._http = httpx.AsyncClient(**options(base_url, token, timeout), transport=transport)
        self._timeout, self._retries = timeout, retries or Retries()
        self._sleep, self._clock, self._chance = sleep, clock, chance
        self._outbox = Outbox() if outbox is None else outbox
        self._news = asyncio.Event()
        self._courier: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def request(self, **question: Unpack[Question]) -> AsyncCall:
        """One request, dispatched when its ``async with`` block is entered and settled when it is left."""
        return AsyncCall(self, dispatch(**question))

    async def admit(self, ask: Ask) -> Decision:
        """Asks until there is a decision. Whatever a lost question may hold is given back in the background."""
        try:
            reply = await self._converse(asked(ask, self._retries, self._chance), self._timeout)
            decision = decision_of(reply)
        except CausewayError as error:
            if error.perhaps_held:
                self.later(ask, undo=True)
            raise
        except asyncio.CancelledError:
            self.later(ask, undo=True)
            raise
        if reply.unsure and decision.reservation is None:
            self.later(ask, undo=True)  # blocked now, but an earlier try may have been admitted
        return decision

    async def settle(self, ask: Ask, *, wait: bool = True) -> Settlement | None:
        """Tries once, quickly; None if it is left to the outbox. Never raises: the user has their answer already."""
        if wait:
            try:
                reply = await self._converse(asked_once(ask), min(self._timeout, SETTLE_SECONDS))
            except asyncio.CancelledError:
                self.later(ask)
                raise
            if reply.status not in AGAIN:
                return settled(ask, reply)
        self.later(ask)
        return None

    def later(self, ask: Ask, *, undo: bool = False) -> None:
        self._outbox.put(ask, undo=undo, now=self._clock())
        if self._courier is None or self._courier.done():
            self._courier = asyncio.create_task(self._deliver(), name="causeway-outbox")
        self._news.set()

    async def close(self, patience: float = 10.0) -> None:
        """Delivers what is in the outbox, for ``patience`` seconds at most, and closes the connections."""
        self._outbox.hasten(self._clock())
        self._news.set()
        if self._courier is not None:
            await asyncio.wait([self._courier], timeout=patience)
            self._courier.cancel()
        if self._outbox:
            log.warning("%s errands were not delivered: their holds stand until they expire.", len(self._outbox))
        await self._http.aclose()

    async def _converse(self, talk: Talk, timeout: float) -> Reply:
        step: Ask | float = next(talk)
        while True:
            reply: Reply | None = None
            if isinstance(step, Ask):
                reply = await self._send(step, timeout)
            else:
                await self._sleep(step)
            try:
                step = talk.send(reply)
            except StopIteration as done:
                result: Reply = done.value
                return result

    async def _send(self, ask: Ask, timeout: float) -> Reply:
        try:
            return reply_of(await self._http.post(**sending(ask), timeout=timeout))
        except httpx.RequestError as error:
            return lost(error)

    async def _deliver(self) -> None:
        """The courier: whatever is due, until the outbox is empty; it is started anew when there is more."""
        while (wait := self._outbox.wait(self._clock())) is not None:
            if wait > 0:
                await self._nap(wait)
                continue
            errand = self._outbox.take()
            reply = await self._converse(errand.talk(), self._timeout)
            self._outbox.answered(errand, reply, now=self._clock(), chance=self._chance())

    async def _nap(self, wait: float) -> None:
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), wait)
        except TimeoutError:
            return
