"""The client for event loops behind the blocking one's face, so that each promise is tested of both."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from causeway_client import AsyncCall, AsyncClient


class LoopClient:
    """An AsyncClient on an event loop of its own, in a thread."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client: AsyncClient = self.run(self._make(*arguments, **options))

    async def _make(self, *arguments: Any, **options: Any) -> AsyncClient:
        return AsyncClient(*arguments, **options)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def request(self, **question: Any) -> "LoopCall":
        return LoopCall(self, self._client.request(**question))

    def close(self, patience: float = 10.0) -> None:
        if self._loop.is_closed():
            return
        self.run(self._client.close(patience))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class LoopCall:
    def __init__(self, client: LoopClient, call: AsyncCall) -> None:
        self._client, self._call = client, call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __enter__(self) -> Self:
        self._client.run(self._call.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.run(self._call.__aexit__(kind, error, trace))

    def again(self, **question: Any) -> Self:
        self._client.run(self._call.again(**question))
        return self

    def stream(self, chunks: Iterable[Any]) -> Iterator[Any]:
        source = self._call.stream(_fed(chunks))
        while True:
            try:
                yield self._client.run(source.__anext__())
            except StopAsyncIteration:
                return


async def _fed(chunks: Iterable[Any]) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk
