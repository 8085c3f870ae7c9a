"""Daily partitions of the action records: made ahead of time, and on demand for a replay of the past.

The application's role may not create tables; one function of the owner makes a partition, on which the application
gets no right of its own (partitions don't inherit row policies, only the parent is reachable).
"""

from collections.abc import Iterable
from datetime import date, timedelta

from django.db import connection

AHEAD = timedelta(days=3)
_known: set[date] = set()


def ensure(days: Iterable[date]) -> None:
    """Make the partitions of these days, where this process doesn't know that they stand."""
    missing = sorted(set(days) - _known)
    if not missing:
        return
    with connection.cursor() as cursor:
        cursor.execute("select telemetry_make_partition(day) from unnest(%s::date[]) as day", [missing])
    _known.update(missing)


def forget() -> None:
    """After a test's rollback: what was made is gone."""
    _known.clear()
