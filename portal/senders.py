"""Threads that send, no tenant with more than half of them: what a slow receiver holds is never everybody's."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

Send = Callable[[UUID, UUID], None]


class Senders:
    """``send`` gets a tenant and the id of a row; a row is worked on by one thread at a time."""

    def __init__(self, send: Send, threads: int) -> None:
        self._send = send
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sender")
        # One whose receivers hang leaves the others theirs.
        self._of_one_tenant = threads // 2
        self._lock = threading.Lock()
        self._busy: set[UUID] = set()
        self._tenants: Counter[UUID] = Counter()
        self._freed = threading.Event()

    def offer(self, due: dict[UUID, list[UUID]]) -> int:
        """Take what there is room for; what isn't taken is still due at the next look. Returns how many were taken."""
        taken = 0
        for tenant_id, ids in due.items():
            for row_id in ids:
                if not self._reserve(tenant_id, row_id):
                    continue
                sending = self._pool.submit(self._send, tenant_id, row_id)
                sending.add_done_callback(self._release(tenant_id, row_id))
                taken += 1
        return taken

    def wait(self, seconds: float) -> None:
        """Until a thread is free again, at most so long."""
        self._freed.wait(seconds)
        self._freed.clear()

    @property
    def is_busy(self) -> bool:
        return bool(self._busy)

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _reserve(self, tenant_id: UUID, row_id: UUID) -> bool:
        with self._lock:
            if row_id in self._busy or self._tenants[tenant_id] >= self._of_one_tenant:
                return False
            self._busy.add(row_id)
            self._tenants[tenant_id] += 1
            return True

    def _release(self, tenant_id: UUID, row_id: UUID) -> Callable[[Future[Any]], None]:
        def release(done: Future[Any]) -> None:
            with self._lock:
                self._busy.discard(row_id)
                self._tenants[tenant_id] -= 1
            self._freed.set()

        return release
