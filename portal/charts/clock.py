"""Ticks at round times of the reader's own clock, also on the days on which it changes.

Round times are counted on the wall clock and turned into instants one by one: one that a clock skips is the first
instant after the gap, and one that it shows twice is the first of the two.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from portal.charts.drawing import Tick, across, lay_out

MOST = 8
_DAY = 86_400
_WITHIN_DAY = (1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time across the drawing. With no length, everything stands in the middle of it."""

    first: datetime
    last: datetime

    def x(self, at: datetime) -> float:
        """The place of an instant in %; instants outside stay at the edge."""
        length = (self.last - self.first).total_seconds()
        return across((at - self.first).total_seconds() / length) if length > 0 else 50.0

    def ticks(self, zone: tzinfo) -> tuple[Tick, ...]:
        return lay_out([(self.x(at), label) for at, label in time_ticks(self.first, self.last, zone)])


def span(instants: Sequence[datetime]) -> Span:
    return Span(min(instants), max(instants))


def time_ticks(first: datetime, last: datetime, zone: tzinfo) -> list[tuple[datetime, str]]:
    """At most ``MOST`` round times inside, or the first instant alone where there is none."""
    length = (last - first).total_seconds()
    found: list[tuple[datetime, str]] = []
    for wall, form in _walls(first.astimezone(zone).replace(tzinfo=None), length / MOST):
        at = wall.replace(tzinfo=zone).astimezone(UTC)
        if at > last:
            break
        if at >= first and (not found or at > found[-1][0]):
            found.append((at, _label(at.astimezone(zone), form)))
    return found or [(first, _label(first.astimezone(zone), "%H:%M:%S" if length < MOST else "%H:%M"))]


def _walls(start: datetime, apart: float) -> Iterator[tuple[datetime, str]]:
    """Round times of a wall clock from before ``start`` on, at least ``apart`` seconds from one another; their form."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    for size in _WITHIN_DAY:
        if size >= apart:
            gone = int((start - midnight).total_seconds()) // size * size
            form = "%H:%M:%S" if size < 60 else "%H:%M"
            return ((midnight + timedelta(seconds=gone + n * size), form) for n in range(4 * MOST))
    for days in _DAYS:
        if days * _DAY >= apart:
            # Counted from a Monday, so that weeks begin with one.
            back = (midnight.toordinal() - 1) % days
            return ((midnight + timedelta(days=n * days - back), "day") for n in range(4 * MOST))
    months = next((size for size in _MONTHS if size * 28 * _DAY >= apart), _MONTHS[-1])
    gone = (start.year * 12 + start.month - 1) // months * months
    form = "%b %Y" if months < 12 else "%Y"
    return ((_month(gone + n * months), form) for n in range(4 * MOST))


def _month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1)  # noqa: DTZ001 (a wall clock's time; its zone comes later)


def _label(there: datetime, form: str) -> str:
    """Midnight is said as the day that begins."""
    if form == "day" or (form == "%H:%M" and there.hour == there.minute == 0):
        return f"{there.day} {there:%b}"
    return f"{there:{form}}"
