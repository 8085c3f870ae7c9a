"""A rota as a person reads it: who now, who next, what nobody covers, and the picture of the weeks ahead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.db.models.functions import JSONObject

from apps.accounts.models import User
from apps.ownership import queries
from apps.ownership import schedule as rules
from apps.ownership.alerts.scene import usable
from apps.ownership.channels.queries import absences
from apps.ownership.models import Rota, RotationVersion
from apps.ownership.rules import lint
from apps.ownership.schedule import Duty, Fairness
from portal.charts import Shift, Timeline, timeline
from portal.tenancy.together import instant, together

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
    told = _told(rota, people, now)
    named = {UUID(row["id"]): row["name"] for row in told["people"]}

    def turn(duty: Duty) -> Turn:
        return Turn(duty.start, duty.end, tuple(named.get(p, "somebody who left") for p in duty.people))

    taking = sorted(queries.everybody(schedule))
    zones = {UUID(row["id"]): row["zone"] or rota.zone for row in told["people"]}
    reachable = {UUID(row["person"]) for row in told["reachable"] if row["person"]}
    findings = lint(
        people=[named.get(person, "somebody") for person in taking],
        gone=[named.get(person, "somebody") for person in taking if person in schedule.gone],
        gaps=len(empty),
        needless=len(rules.needless(schedule)),
        has_target=rota.has_target,
        unreachable=[named.get(p, "somebody") for p in taking if p not in reachable and p not in schedule.gone],
        clashes=_clashes(told["absences"], duties, named),
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


def _told(rota: Rota, people: set[UUID], now: datetime) -> dict[str, list[Any]]:
    """Who these people are and where, whom a message reaches, and who will be away; in one statement."""
    return together(
        {
            "people": (User.objects.filter(id__in=people), JSONObject(id="id", name="name", zone="time_zone")),
            "reachable": (usable(rota.tenant_id), JSONObject(person="person")),
            "absences": (
                absences(rota.tenant_id, now).filter(person__in=people),
                JSONObject(person="person", start="start", end="end"),
            ),
        }
    )


def _clashes(away: list[dict[str, str]], duties: list[Duty], named: dict[UUID, str]) -> list[str]:
    """Shifts in which somebody said that they would be away, the first of each absence."""
    found = []
    for row in sorted(away, key=lambda row: row["start"]):
        person, start, end = (
            UUID(row["person"]),
            instant(row["start"]),
            instant(row["end"]),
        )
        for duty in duties:
            if person in duty.people and duty.start < end and start < duty.end:
                first = max(duty.start, start)
                found.append(f"{named.get(person, 'Somebody')} is away and on call from {first:%d %b %H:%M} UTC.")
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
