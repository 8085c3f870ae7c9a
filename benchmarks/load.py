"""A load generator: so many keep-alive connections, each with one request under way; requests are bytes made before.

One asyncio loop in this process, several times faster than what it asks; the same for a path and for its floor.
"""

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE = 60.0


class Broken(RuntimeError):
    """A server that didn't answer as it should: then there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it; times in milliseconds."""

    count: int
    seconds: float
    p50: float
    p99: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def post(path: str, body: bytes, token: str, content_type: str, encoding: str = "") -> bytes:
    """A request as bytes."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *([f"Content-Encoding: {encoding}"] if encoding else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def for_seconds(port: int, requests: Sequence[bytes], seconds: float, connections: int) -> Load:
    """The requests over and over, until the time is up."""
    deadline = time.perf_counter() + seconds
    endless = itertools.takewhile(lambda _: time.perf_counter() < deadline, itertools.cycle(requests))
    return once(port, endless, connections)


def once(port: int, requests: Iterable[bytes], connections: int) -> Load:
    """Each request once.

    Raises:
        Broken: an answer that isn't 200, or none.
    """
    return asyncio.run(_run(port, iter(requests), connections))


def at_rate(port: int, requests: Sequence[bytes], per_second: float, seconds: float, connections: int) -> Load:
    """The requests at even intervals, whether or not the server keeps up; each is timed from when it was due.

    Raises:
        Broken: an answer that isn't 200, or none.
    """
    count = int(per_second * seconds)
    paced = _Paced(itertools.islice(itertools.cycle(requests), count), 1 / per_second)
    return asyncio.run(_run(port, paced, connections))


class _Paced:
    """Requests with the instant at which each is due; one after the other for whoever asks next."""

    def __init__(self, requests: Iterator[bytes], every: float) -> None:
        self._requests, self._every = requests, every
        self._due = 0.0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        request = next(self._requests)
        self._due = self._due + self._every if self._due else time.perf_counter()
        return request

    @property
    def due(self) -> float:
        """When the request that was taken last is to be sent."""
        return self._due


async def _run(port: int, requests: Iterator[bytes], connections: int) -> Load:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    statuses: Counter[bytes] = Counter()
    senders = [_Sender(requests, times, statuses, loop.create_future()) for _ in range(connections)]
    started = time.perf_counter()
    for sender in senders:
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", port)  # type: ignore[misc]
    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(*(sender.done for sender in senders))
    seconds = time.perf_counter() - started
    if set(statuses) != {b"200"}:
        raise Broken(f"answers were {dict(statuses)}, and all should be 200")
    times.sort()
    return Load(len(times), seconds, _quantile(times, 0.5), _quantile(times, 0.99))


class _Sender(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends the next."""

    def __init__(
        self, requests: Iterator[bytes], times: list[float], statuses: Counter[bytes], done: asyncio.Future[None]
    ) -> None:
        self.requests, self.times, self.statuses, self.done = requests, times, statuses, done
        self.received = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not _is_whole(self.received):
            return
        self.times.append(time.perf_counter() - self.sent_at)
        self.statuses[self.received[9:12]] += 1
        self.received = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the server closed the connection: {error}")

    def _send(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.done.set_result(None)
            self.transport.close()
            return
        self.sent_at = getattr(self.requests, "due", 0.0) or time.perf_counter()
        wait = self.sent_at - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.transport.write, request)
        else:
            self.transport.write(request)

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(Broken(why))


def _is_whole(answer: bytes) -> bool:
    """Whether all of an answer is there, of a stated length or in chunks."""
    head = answer.find(b"\r\n\r\n")
    length = _LENGTH.search(answer, 0, head) if head >= 0 else None
    if length is None:
        return head >= 0 and answer.endswith(b"0\r\n\r\n")
    return len(answer) >= head + 4 + int(length[1])


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1_000
