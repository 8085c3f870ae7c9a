"""The blocking client: one pool of connections, and one thread that says later what could not be said at once."""

import random
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, Unpack

import httpx

from causeway_client.call import Call
from causeway_client.errors import CausewayError
from causeway_client.outbox import Outbox, log, settled
from causeway_client.retry import AGAIN, Retries, Talk, asked, asked_once
from causeway_client.transport import SETTLE_SECONDS, lost, options, reply_of, sending
from causeway_client.wire import Ask, Decision, Question, Reply, Settlement, decision_of, dispatch


class Client:
    """Safe to share between threads. Close it, or use it in a ``with`` block, so that what is left is delivered."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout: float = 2.0,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
        outbox: Outbox | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._http = httpx.Client(**options(base_url, token, timeout), transport=transport)
        self._timeout, self._retries = timeout, retries or Retries()
        self._sleep, self._clock, self._chance = sleep, clock, chance
        self._outbox = Outbox() if outbox is None else outbox
        self._news = threading.Condition()
        self._courier: threading.Thread | None = None
        self._closing_until: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def request(self, **question: Unpack[Question]) -> Call:
        """One request, dispatched when its ``with`` block is entered and settled when it is left."""
        return Call(self, dispatch(**question))

    def admit(self, ask: Ask) -> Decision:
        """Asks until there is a decision. Whatever a lost question may hold is given back in the background."""
        try:
            reply = self._converse(asked(ask, self._retries, self._chance), self._timeout)
            decision = decision_of(reply)
        except CausewayError as error:
            if error.perhaps_held:
                self.later(ask, undo=True)
            raise
        except (KeyboardInterrupt, SystemExit):
            self.later(ask, undo=True)
            raise
        if reply.unsure and decision.reservation is None:
            self.later(ask, undo=True)  # blocked now, but an earlier try may have been admitted
        return decision

    def settle(self, ask: Ask, *, wait: bool = True) -> Settlement | None:
        """Tries once, quickly; None if it is left to the outbox. Never raises: the user has their answer already."""
        if wait:
            reply = self._converse(asked_once(ask), min(self._timeout, SETTLE_SECONDS))
            if reply.status not in AGAIN:
                return settled(ask, reply)
        self.later(ask)
        return None

    def later(self, ask: Ask, *, undo: bool = False) -> None:
        with self._news:
            self._outbox.put(ask, undo=undo, now=self._clock())
            if self._courier is None or not self._courier.is_alive():
                self._courier = threading.Thread(target=self._deliver, name="causeway-outbox", daemon=True)
                self._courier.start()
            self._news.notify()

    def close(self, patience: float = 10.0) -> None:
        """Delivers what is in the outbox, for ``patience`` seconds at most, and closes the connections."""
        with self._news:
            self._closing_until = self._clock() + patience
            self._outbox.hasten(self._clock())
            courier = self._courier
            self._news.notify()
        if courier is not None:
            courier.join(patience + self._timeout)
        if self._outbox:
            log.warning("%s errands were not delivered: their holds stand until they expire.", len(self._outbox))
        self._http.close()

    def _converse(self, talk: Talk, timeout: float) -> Reply:
        step: Ask | float = next(talk)
        while True:
            reply: Reply | None = None
            if isinstance(step, Ask):
                reply = self._send(step, timeout)
            else:
                self._sleep(step)
            try:
                step = talk.send(reply)
            except StopIteration as done:
                result: Reply = done.value
                return result

    def _send(self, ask: Ask, timeout: float) -> Reply:
        try:
            return reply_of(self._http.post(**sending(ask), timeout=timeout))
        except httpx.RequestError as error:
            return lost(error)

    def _deliver(self) -> None:
        """The courier: whatever is due, until the outbox is empty; it is started anew when there is more."""
        while True:
            with self._news:
                wait = self._outbox.wait(self._clock())
                if wait is None or self._is_late():
                    self._courier = None
                    return
                if wait > 0:
                    self._news.wait(wait)
                    continue
                errand = self._outbox.take()
            reply = self._converse(errand.talk(), self._timeout)
            with self._news:
                self._outbox.answered(errand, reply, now=self._clock(), chance=self._chance())

    def _is_late(self) -> bool:
        return self._closing_until is not None and self._clock() >= self._closing_until
