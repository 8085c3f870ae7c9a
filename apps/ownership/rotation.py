"""Rotations in closed form: every boundary is computed from the anchor, none from the one before (CALL-2). Pure.

A rotation hands over at ``anchor + k * length`` on the local clock of its zone, for every whole k, negative ones too.
``boundary(k)`` is that local time as an instant: the first of two where the clock goes back, the first after the gap
where the clock jumps over it. It never decreases in k, so each instant lies in exactly one shift,
``[boundary(k), boundary(k + 1))``, in every zone and at every clock change; a shift that a gap swallows has no length,
and nobody's turn comes in it.

Where a daily rotation is restricted to some weekdays, it may count those days alone, so that Monday's person follows
Friday's; otherwise it counts the calendar, in which some people's days are never active ones.
"""

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

_SECOND, _HOUR, _DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ALL_DAYS = frozenset(range(7))
MIDNIGHT = time()


class Unit(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """Somebody's turn, or nobody's: ``[start, end)`` in UTC."""

    start: datetime
    end: datetime
    person: UUID | None = None

    def cut(self, start: datetime, end: datetime) -> "Span | None":
        """What of it lies in ``[start, end)``."""
        first, last = max(self.start, start), min(self.end, end)
        return Span(first, last, self.person) if first < last else None


def resolve(local: datetime, zone: ZoneInfo) -> datetime:
    """A local wall time as an instant in UTC: the first of two, or the first one after a gap."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    # In a gap the two readings lie on either side of the jump: find it between them.
    before, after = local.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle <= before:
            break
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def add_months(local: datetime, months: int) -> datetime:
    """So many months later, on the same day or the month's last."""
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return local.replace(year=year, month=month + 1, day=min(local.day, last))


@dataclass(frozen=True, slots=True)
class Hours:
    """Days (0 is Monday) and a window of local time: when a rotation is active, or what has to be covered.

    The same time twice is the whole day; a window that ends before it starts ends on the next day, and belongs to the
    day on which it begins.
    """

    zone: ZoneInfo
    days: frozenset[int] = ALL_DAYS
    starts: time = MIDNIGHT
    ends: time = MIDNIGHT

    @property
    def is_always(self) -> bool:
        return self.days == ALL_DAYS and self.starts == self.ends

    def holds(self, at: datetime) -> bool:
        if self.is_always:
            return True
        day = at.astimezone(self.zone).date()
        return any(start <= at < end for start, end in self._windows(day - _DAY, day))

    def within(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The pieces of ``[start, end)`` in which they hold, in order; neighbours that touch are one."""
        if start >= end:
            return
        if self.is_always:
            yield start, end
            return
        first, last = start.astimezone(self.zone).date() - _DAY, end.astimezone(self.zone).date()
        for opens, closes in self._windows(first, last):
            if max(opens, start) < min(closes, end):
                yield max(opens, start), min(closes, end)

    def _windows(self, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
        """Those that begin on these local days."""
        held: tuple[datetime, datetime] | None = None
        for day in (first + n * _DAY for n in range((last - first).days + 1)):
            if day.weekday() not in self.days:
                continue
            over = day + _DAY if self.ends <= self.starts else day
            opens = resolve(datetime.combine(day, self.starts), self.zone)
            closes = resolve(datetime.combine(over, self.ends), self.zone)
            if held and held[1] >= opens:
                held = held[0], max(held[1], closes)
                continue
            if held and held[0] < held[1]:
                yield held
            held = opens, closes
        if held and held[0] < held[1]:
            yield held


@dataclass(frozen=True)
class Rotation:
    """Who takes turns, from when, in which zone, for how long.

    ``anchor`` is a local wall time, kept as it was written even if the clock jumps over it. ``hours`` say when the
    rotation is active; None is always.
    """

    anchor: datetime
    zone: ZoneInfo
    unit: Unit
    length: int
    participants: tuple[UUID, ...]
    hours: Hours | None = None
    counts_active_days: bool = True

    def boundary(self, k: int) -> datetime:
        """When the k-th shift begins."""
        return resolve(self._local(k), self.zone)

    def index(self, at: datetime) -> int:
        """The number of the shift in which an instant lies."""
        k = self._guess(at.astimezone(self.zone).replace(tzinfo=None))
        while self.boundary(k) > at:
            k -= 1
        while self.boundary(k + 1) <= at:
            k += 1
        return k

    def holder(self, at: datetime) -> UUID | None:
        """Whose turn it is; None outside the active days and hours, or without anybody."""
        if not self.participants or not (self.hours is None or self.hours.holds(at)):
            return None
        return self.participants[self.index(at) % len(self.participants)]

    def person_of(self, k: int) -> UUID | None:
        return self.participants[k % len(self.participants)] if self.participants else None

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[int, Span]]:
        """Every turn in ``[start, end)`` with its shift's number, cut to it and to the active times, in order."""
        if not self.participants or start >= end:
            return
        k = self.index(start)
        begins = self.boundary(k)
        while begins < end:
            ends = self.boundary(k + 1)
            for first, last in self._within(max(begins, start), min(ends, end)):
                yield k, Span(first, last, self.person_of(k))
            k, begins = k + 1, ends

    def _within(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        if self.hours is not None:
            yield from self.hours.within(start, end)
        elif start < end:
            yield start, end

    def _local(self, k: int) -> datetime:
        steps = k * self.length
        if self.unit is Unit.MONTH:
            return add_months(self.anchor, steps)
        if self._skips_days:
            return datetime.combine(self._active_date(steps), self.anchor.time())
        return self.anchor + steps * _LENGTHS[self.unit]

    def _guess(self, local: datetime) -> int:
        """The shift's number as if the clock never changed: at most one or two off."""
        if self.unit is Unit.MONTH:
            months = (local.year - self.anchor.year) * 12 + local.month - self.anchor.month
            return months // self.length
        if self._skips_days:
            return self._active_days_to(local.date()) // self.length
        return int((local - self.anchor) // (self.length * _LENGTHS[self.unit]))

    @cached_property
    def _skips_days(self) -> bool:
        days = self.hours.days if self.hours is not None else ALL_DAYS
        return self.unit is Unit.DAY and self.counts_active_days and bool(days) and days != ALL_DAYS

    @cached_property
    def _week(self) -> Sequence[int]:
        """The active days of the anchor's week, counted from the anchor's day: it comes first if it is active."""
        days = self.hours.days if self.hours is not None else ALL_DAYS
        return [n for n in range(7) if (self.anchor.weekday() + n) % 7 in days]

    def _active_date(self, steps: int) -> date:
        """The day that lies so many active days after the anchor's (or after the first active one from it on)."""
        weeks, rest = divmod(steps, len(self._week))
        return self.anchor.date() + timedelta(days=7 * weeks + self._week[rest])

    def _active_days_to(self, day: date) -> int:
        weeks, rest = divmod((day - self.anchor.date()).days, 7)
        return weeks * len(self._week) + sum(n <= rest for n in self._week) - 1


_LENGTHS = {Unit.HOUR: _HOUR, Unit.DAY: _DAY, Unit.WEEK: 7 * _DAY}
