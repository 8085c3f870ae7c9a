"""Soft failures: what a report says, how it moves, and how much a support desk has to carry (FEED-1, FEED-2, FEED-5).

Pure. A *soft failure* is an answer that is technically right and practically unhelpful.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

BETTER_AFTER = timedelta(days=7)
LIVE_SUPPORT = timedelta(days=30)
# Of all reports of the first 30 days, how many percent come in which week: the first is the heaviest.
WEEKLY_SHARES = (40, 25, 20, 15)


class Category(StrEnum):
    UNHELPFUL = "unhelpful"
    TONE = "wrong_tone"
    REDONE = "redone"
    RECHECKED = "rechecked"
    SLOW = "too_slow"
    WRONG = "wrong"
    UNSAFE = "unsafe"


CATEGORIES: dict[Category, str] = {
    Category.UNHELPFUL: "Didn't help me",
    Category.TONE: "Wrong tone",
    Category.REDONE: "I redid it by hand",
    Category.RECHECKED: "I re-checked everything",
    Category.SLOW: "Too slow to be of use",
    Category.WRONG: "It was wrong",
    Category.UNSAFE: "It was unsafe",
}


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


SEVERITIES: dict[Severity, str] = {
    Severity.LOW: "A nuisance",
    Severity.MEDIUM: "It cost me time",
    Severity.HIGH: "It stopped my work, or did harm",
}


class State(StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    PLANNED = "planned"
    FIXED = "fixed"
    DECLINED = "declined"


STATES: dict[State, str] = {
    State.NEW: "new",
    State.ACKNOWLEDGED: "acknowledged",
    State.PLANNED: "planned",
    State.FIXED: "fixed",
    State.DECLINED: "declined",
}
MOVES: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.ACKNOWLEDGED, State.PLANNED, State.FIXED, State.DECLINED}),
    State.ACKNOWLEDGED: frozenset({State.ACKNOWLEDGED, State.PLANNED, State.FIXED, State.DECLINED}),
    State.PLANNED: frozenset({State.ACKNOWLEDGED, State.PLANNED, State.FIXED, State.DECLINED}),
    State.FIXED: frozenset({State.ACKNOWLEDGED}),
    State.DECLINED: frozenset({State.ACKNOWLEDGED}),
}
OPEN = frozenset({State.NEW, State.ACKNOWLEDGED, State.PLANNED})


class Reaction(StrEnum):
    """What somebody did with one answer. The first three come from the application, the last with a report."""

    USED = "used"
    RECHECKED = "rechecked"
    REDONE = "redone"
    UNHELPFUL = "unhelpful"


DOUBTS = frozenset({Reaction.RECHECKED, Reaction.REDONE})


def reactions_of(category: Category) -> tuple[Reaction, ...]:
    """What a report says about the answer it names: a soft failure always, and a doubt where it says so (FEED-3)."""
    doubt = {Category.REDONE: Reaction.REDONE, Category.RECHECKED: Reaction.RECHECKED}.get(category)
    return (Reaction.UNHELPFUL, doubt) if doubt else (Reaction.UNHELPFUL,)


@dataclass(frozen=True, slots=True)
class Hours:
    """When a desk is open on a weekday (Monday is 0): half-open, on the desk's own clock, within one day."""

    weekday: int
    opens: time
    closes: time


def hours_problem(hours: Sequence[Hours]) -> str:
    """What is wrong with opening hours, or nothing."""
    if not hours:
        return "Give at least one opening time."
    if any(not 0 <= each.weekday <= 6 or each.opens >= each.closes for each in hours):
        return "A desk opens before it closes, on one day; split hours that go past midnight."
    ordered = sorted(hours, key=lambda each: (each.weekday, each.opens))
    for former, later in pairwise(ordered):
        if former.weekday == later.weekday and later.opens < former.closes:
            return "Two opening times overlap."
    return ""


def is_open(hours: Sequence[Hours], zone: ZoneInfo, now: datetime) -> bool:
    there = now.astimezone(zone)
    return any(h.weekday == there.weekday() and h.opens <= there.time() < h.closes for h in hours)


def open_time(hours: Sequence[Hours], zone: ZoneInfo, since: datetime, until: datetime) -> timedelta:
    """How long the desk was open within ``[since, until)``: what a first response is measured in.

    Summed over instants, so that an hour that a clock change leaves out isn't counted.
    """
    total, day = timedelta(), since.astimezone(zone).date()
    last = until.astimezone(zone).date()
    while day <= last:
        for each in hours:
            if each.weekday == day.weekday():
                begin = max(_at(day, each.opens, zone), since)
                total += max(min(_at(day, each.closes, zone), until) - begin, timedelta())
        day += timedelta(days=1)
    return total


def opened_for(hours: Sequence[Hours], zone: ZoneInfo, now: datetime, length: timedelta) -> datetime:
    """The latest instant since which the desk was open for ``length``: what came before it has waited longer.

    Found by halving: opening time only grows the further one looks back. Sixty days bound it for a desk that hardly
    opens.
    """
    late, early = now, now - timedelta(days=60)
    if open_time(hours, zone, early, now) < length:
        return early
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if open_time(hours, zone, middle, now) >= length:
            early = middle
        else:
            late = middle
    return early


def forecast(total: int, shares: Sequence[int] = WEEKLY_SHARES) -> list[float]:
    """Reports a day over the 30 days of live support; the days after the fourth week are as the fourth."""
    weeks = [total * share / 100 / _days(place, len(shares)) for place, share in enumerate(shares)]
    return [weeks[min(day // 7, len(weeks) - 1)] for day in range(LIVE_SUPPORT.days)]


def shares_problem(shares: Sequence[int]) -> str:
    """What is wrong with weekly shares, or nothing."""
    if len(shares) != len(WEEKLY_SHARES) or sum(shares) != 100 or any(share < 0 for share in shares):
        return "Give four shares, in percent, that make 100."
    return "" if shares[0] == max(shares) else "The first week is the heaviest: give it the largest share (ROLL-10)."


def _days(place: int, weeks: int) -> int:
    return 7 if place < weeks - 1 else LIVE_SUPPORT.days - 7 * (weeks - 1)


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    # Through UTC: wall times of one zone would be subtracted as if no clock ever changed.
    return datetime.combine(day, clock, zone).astimezone(ZoneInfo("UTC"))
