"""Who is on call: one rota at an instant, and a year of it, from what decides to the answer; nothing is read."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from statistics import median
from time import perf_counter
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.ownership.rotation import Rotation, Unit
from apps.ownership.schedule import Change, Layer, Override, Schedule, Version, final, people_at
from benchmarks.measure import Effort, Measure, Result

PEOPLE = tuple(UUID(int=n) for n in range(1, 4))
START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
OVERRIDES = 26


def run(effort: Effort) -> Result:
    schedule = _schedule()
    instants = [START + timedelta(hours=7 * n) for n in range(effort.executions)]
    at = [_took(lambda at=at: people_at(schedule, at)) for at in instants]  # type: ignore[misc]
    year = [_took(lambda: final(schedule, START, START + 52 * WEEK)) for _ in range(effort.executions)]
    conditions = [
        f"a weekly rotation of three in Europe/Berlin, {OVERRIDES} replacements of a day each in the year",
        f"median of {effort.executions} executions, in one process; what decides is there, nothing is read",
    ]
    measures = [
        Measure("on call at an instant", "ms", ours=median(at), judged=median(at), at_most=0.5),
        Measure("52 weeks of it", "ms", ours=median(year), judged=median(year), at_most=5.0),
    ]
    return Result("who is on call", effort.repeats, conditions, measures)


def _schedule() -> Schedule:
    rotation = Rotation(datetime.combine(START.date(), time(9)), ZoneInfo("Europe/Berlin"), Unit.WEEK, 1, PEOPLE)
    overrides = tuple(
        Override(
            Change.REPLACE,
            START + 2 * n * WEEK,
            START + 2 * n * WEEK + timedelta(days=1),
            START - timedelta(days=n + 1),
            PEOPLE[(n + 1) % 3],
            PEOPLE[n % 3],
        )
        for n in range(OVERRIDES)
    )
    return Schedule((Layer(1, (Version(rotation, START - WEEK),)),), overrides)


def _took(act: Callable[[], object]) -> float:
    """Milliseconds."""
    started = perf_counter()
    act()
    return (perf_counter() - started) * 1_000
