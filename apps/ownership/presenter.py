"""A rota as a person reads it: who now, who next, what nobody covers, and the picture of the weeks ahead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.ownership import queries
from apps.ownership import schedule as rules
from apps.ownership.models import Rota, RotationVersion
from apps.ownership.rules import lint
from apps.ownership.schedule import Duty, Fairness
from portal import charts

WEEKS = timedelta(days=28)
AHEAD = timedelta(days=30)
# As many colours as can be told apart; people beyond them share.
COLOURS = 6


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch as a row of the table: when, on the rota's own clock, and who."""

    start: datetime
    end: datetime
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """All that a rota's page says."""

    current: Turn
    following: Turn | None
    turns: list[Turn]
    gaps: list[Turn]
    findings: list[str]
    chart: charts.Timeline
    fairness: Fairness
    hours: list[tuple[str, float]]
    versions: list[tuple[RotationVersion, list[str]]]


def present(rota: Rota, now: datetime) -> Shown:
    """The next four weeks, in a number of statements that doesn't grow with them."""
    schedule = queries.schedules([rota])[rota.id]
    duties = rules.final(schedule, now, now + AHEAD)
    empty = rules.gaps(duties, queries.target(rota))
    versions = queries.open_versions(rota)
    people = {p for version in versions for p in version.participants} | {p for d in duties for p in d.people}
    named = queries.names(rota.tenant_id, people)

    def turn(duty: Duty) -> Turn:
        return Turn(duty.start, duty.end, tuple(named.get(p, "somebody who left") for p in duty.people))

    taking = sorted(queries.everybody(schedule))
    findings = lint(
        people=[named.get(person, "somebody") for person in taking],
        gone=[named.get(person, "somebody") for person in taking if person in schedule.gone],
        gaps=len(empty),
        needless=len(rules.needless(schedule)),
        has_target=rota.has_target,
    )
    fair = rules.fairness(duties, taking)
    return Shown(
        current=turn(duties[0]),
        following=turn(duties[1]) if len(duties) > 1 else None,
        turns=[turn(duty) for duty in duties],
        gaps=[turn(duty) for duty in empty],
        findings=findings,
        chart=_chart(rota, schedule, duties, empty, named, now),
        fairness=fair,
        hours=sorted((named.get(person, "somebody who left"), hours) for person, hours in fair.hours.items()),
        versions=[(version, [named.get(p, "somebody who left") for p in version.participants]) for version in versions],
    )


def _chart(
    rota: Rota,
    schedule: rules.Schedule,
    duties: list[Duty],
    empty: list[Duty],
    named: dict[UUID, str],
    now: datetime,
) -> charts.Timeline:
    """Three kinds of lane: what counts, each rotation as it would be, and what overrides it."""
    end = now + WEEKS
    colour = {person: f"p{n % COLOURS}" for n, person in enumerate(sorted(named))}

    def bars(stretches: Iterable[tuple[datetime, datetime, UUID | None]]) -> list[tuple[datetime, datetime, str, str]]:
        return [
            (max(a, now), min(b, end), named.get(p, "nobody") if p else "nobody", colour.get(p, "gap") if p else "gap")
            for a, b, p in stretches
            if max(a, now) < min(b, end)
        ]

    final = [(d.start, d.end, p) for d in duties for p in d.people]
    lanes = [("On call", [*bars(final), *bars((g.start, g.end, None) for g in empty)])]
    for n, layer in enumerate(schedule.layers, start=1):
        turns = [(s.start, s.end, s.person) for version in layer.versions for s in version.turns(now, end)]
        lanes.append((f"Rotation {n}", bars(turns)))
    lanes.append(("Overrides", bars((o.start, o.end, o.person) for o in schedule.overrides)))
    zone = ZoneInfo(rota.zone)
    mondays = [
        now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=n) for n in range(28)
    ]
    ticks = [(at, f"{at:%d %b}") for at in mondays if at.weekday() == 0 and at >= now]
    return charts.timeline(lanes, now, end, ticks, now)
