"""A budget's month: a calendar month in the tenant's time zone, named so that it is part of a counter's identity.

Nothing is ever reset (COST-1): another month is another row. Instants are UTC; the boundaries come from the zone
database, so a month with a clock change is an hour longer or shorter.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
THIS, LAST = "this", "last"


@dataclass(frozen=True, slots=True)
class Month:
    """``start <= instant < end``, both in UTC. ``key`` is like ``2026-11@Europe/Berlin``."""

    key: str
    start: datetime
    end: datetime

    @property
    def resets_at(self) -> str:
        """When the next begins, on the tenant's own clock."""
        return _on_the_wall(self.end, self.key.partition("@")[2])

    def elapsed(self, now: datetime) -> float:
        """The share of the month that is over, never below one day of it (COST-3), never above 1."""
        return min(max(now - self.start, DAY) / (self.end - self.start), 1.0)


def month_at(now: datetime, zone: str) -> Month:
    """The month in which ``now`` lies where ``zone`` is the clock on the wall."""
    local = now.astimezone(ZoneInfo(zone))
    return _month(local.year, local.month, zone)


def month_named(key: str) -> Month:
    """The month of that key.

    Raises:
        ValueError: it is no key of a month.
    """
    date, _, zone = key.partition("@")
    year, month = date.split("-")
    return _month(int(year), int(month), zone)


def month_before(month: Month) -> Month:
    _, _, zone = month.key.partition("@")
    return month_at(month.start - timedelta(seconds=1), zone)


def month_chosen(which: str, now: datetime, zone: str) -> Month:
    """The month of ``now``, or the one before it where ``which`` is :data:`LAST`."""
    this = month_at(now, zone)
    return month_before(this) if which == LAST else this


# On the path of every decision, and always the same few.
@lru_cache(maxsize=1_024)
def _month(year: int, month: int, zone: str) -> Month:
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return Month(f"{year:04}-{month:02}@{zone}", _first(year, month, zone), _first(*following, zone))


@lru_cache(maxsize=1_024)
def _on_the_wall(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).isoformat()


def _first(year: int, month: int, zone: str) -> datetime:
    return datetime(year, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
