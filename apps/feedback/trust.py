"""The trust signal: what share of a workload's users re-check or redo its work, and whether that rises (FEED-3). Pure.

People stop trusting before anything fails that a dashboard would show. A day's share is its users who doubted over
all its users. A rise is judged against the four weeks before: the last days have to be convincingly above
:data:`RISE` times the share of before, by the same always-valid bound as a rollout's guardrails
(:func:`apps.rollouts.statistics.against_control`), so that looking every hour raises no false alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from apps.rollouts import statistics as stats

RISE = 1.5
# A few doubters more are no rise where there were nearly none before.
TOLERANCE = 0.02
RECENT = timedelta(days=3)
BEFORE = timedelta(days=28)
ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one workload: how many users it had, and how many of them doubted."""

    day: date
    users: int
    doubting: int

    @property
    def share(self) -> float | None:
        return self.doubting / self.users if self.users else None


@dataclass(frozen=True, slots=True)
class Trend:
    """User-days of the last days and of the four weeks before. ``is_rising`` is a verdict, ``needed`` what it lacks."""

    doubting: int
    users: int
    doubting_before: int
    users_before: int
    is_rising: bool
    needed: int = 0

    @property
    def share(self) -> float | None:
        return self.doubting / self.users if self.users else None

    @property
    def share_before(self) -> float | None:
        return self.doubting_before / self.users_before if self.users_before else None


def trend(days: Sequence[Day], today: date) -> Trend:
    """The last three days, today among them, against the 28 before."""
    edge = today - RECENT
    recent = [day for day in days if edge < day.day <= today]
    before = [day for day in days if edge - BEFORE < day.day <= edge]
    k, n = sum(day.doubting for day in recent), sum(day.users for day in recent)
    kb, nb = sum(day.doubting for day in before), sum(day.users for day in before)
    least = stats.LEAST_FOR_ASYMPTOTICS
    if min(n, nb) < least:
        return Trend(k, n, kb, nb, is_rising=False, needed=least - min(n, nb))
    found = stats.against_control(stats.Mean.of_rate(k, n), stats.Mean.of_rate(kb, nb), RISE, ALPHA, TOLERANCE)
    return Trend(k, n, kb, nb, is_rising=found.is_worse)
