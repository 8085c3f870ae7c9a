"""How many units an hour a workload usually carries: whoever keeps the records registers the answer."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

Volume = Callable[[UUID, UUID, datetime], int]
_source: list[Volume] = []


def measures(source: Volume) -> Volume:
    _source[:] = [source]
    return source


def usual(tenant_id: UUID, workload_id: UUID, now: datetime) -> int:
    """Units an hour, by the mean of the last week; 0 where nobody knows."""
    return _source[0](tenant_id, workload_id, now) if _source else 0
