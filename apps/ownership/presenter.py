"""A rota as a person reads it: who now, who next, what nobody covers, and the picture of the weeks ahead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from apps.accounts.models import User
from apps.ownership import queries
from apps.ownership import schedule as rules
from apps.ownership.alerts.scene import usable
from apps.ownership.channels.queries import absences
from apps.ownership.models import Rota, RotationVersion
from apps.ownership.rules import lint
from apps.ownership.schedule import Duty, Fairness
from portal.charts import Shift, Timeline, timeline

WEEKS = timedelta(days=28)
AHEAD = timedelta(days=30)


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
    chart: Timeline
    fairness: Fairness
    hours: list[tuple[str, float]]
    versions: list[tuple[RotationVersion, list[str]]]
    places: list[tuple[str, str]]


def present(rota: Rota, now: datetime, zone: tzinfo) -> Shown:
    """The next four weeks, in a number of statements that doesn't grow with them; ``zone`` is the reader's."""
    schedule = queries.schedules([rota])[rota.id]
    duties = rules.final(schedule, now, now + AHEAD)
    empty = rules.gaps(duties, queries.target(rota))
    versions = queries.open_versions(rota)
    people = {p for version in versions for p in version.participants} | {p for d in duties for p in d.people}
    named = queries.names(rota.tenant_id, people)

    def turn(duty: Duty) -> Turn:
        return Turn(duty.start, duty.end, tuple(named.get(p, "somebody who left") for p in duty.people))

    taking = sorted(queries.everybody(schedule))
    zones, reachable = _zones(rota, people), {row.person_id for row in usable(rota.tenant_id)}
    findings = lint(
        people=[named.get(person, "somebody") for person in taking],
        gone=[named.get(person, "somebody") for person in taking if person in schedule.gone],
        gaps=len(empty),
        needless=len(rules.needless(schedule)),
        has_target=rota.has_target,
        unreachable=[named.get(p, "somebody") for p in taking if p not in reachable and p not in schedule.gone],
        clashes=_clashes(rota, duties, named, now),
    )
    fair = rules.fairness(duties, taking)
    return Shown(
        current=turn(duties[0]),
        following=turn(duties[1]) if len(duties) > 1 else None,
        turns=[turn(duty) for duty in duties],
        gaps=[turn(duty) for duty in empty],
        findings=findings,
        chart=_chart(schedule, duties, empty, named, now, zone),
        fairness=fair,
        hours=sorted((named.get(person, "somebody who left"), hours) for person, hours in fair.hours.items()),
        places=sorted((named.get(person, "somebody who left"), zone) for person, zone in zones.items()),
        versions=[(version, [named.get(p, "somebody who left") for p in version.participants]) for version in versions],
    )


def _zones(rota: Rota, people: set[UUID]) -> dict[UUID, str]:
    """Where everybody is: their own zone, or else the rota's."""
    rows = User.objects.filter(id__in=people).values_list("id", "time_zone")
    return {person: zone or rota.zone for person, zone in rows}


def _clashes(rota: Rota, duties: list[Duty], named: dict[UUID, str], now: datetime) -> list[str]:
    """Shifts in which somebody said that they would be away, the first of each absence."""
    found = []
    for absence in absences(rota.tenant_id, now)[:500]:
        for duty in duties:
            if absence.person_id in duty.people and duty.start < absence.end and absence.start < duty.end:
                first = max(duty.start, absence.start)
                found.append(
                    f"{named.get(absence.person_id, 'Somebody')} is away and on call from {first:%d %b %H:%M} UTC."
                )
                break
    return found


def _chart(
    schedule: rules.Schedule,
    duties: list[Duty],
    empty: list[Duty],
    named: dict[UUID, str],
    now: datetime,
    zone: tzinfo,
) -> Timeline:
    """Three kinds of lane: what counts, each rotation as it would be, and what overrides it."""
    end = now + WEEKS
    look = {person: n for n, person in enumerate(sorted(named))}

    def shifts(stretches: Iterable[tuple[datetime, datetime, UUID | None]]) -> list[Shift]:
        return [Shift(a, b, named.get(p, "") if p else "", look.get(p, 0) if p else 0) for a, b, p in stretches]

    final = [(d.start, d.end, p) for d in duties for p in d.people]
    lanes = [("On call", shifts([*final, *((g.start, g.end, None) for g in empty)]))]
    for n, layer in enumerate(schedule.layers, start=1):
        turns = [(s.start, s.end, s.person) for version in layer.versions for s in version.turns(now, end)]
        lanes.append((f"Rotation {n}", shifts(turns)))
    lanes.append(("Overrides", shifts((o.start, o.end, o.person) for o in schedule.overrides)))
    return timeline("Who is on call in the next four weeks", lanes, start=now, end=end, now=now, zone=zone)
