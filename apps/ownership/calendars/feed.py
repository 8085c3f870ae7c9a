"""Duties as an iCalendar feed (RFC 5545): what any calendar shows is exactly the final schedule (CALL-2). Pure.

Instants in UTC, so that no reader's idea of a zone moves a shift; ids that stay as long as a shift keeps its beginning
and its person; SEQUENCE grows with every change of the rota.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event

from apps.ownership.schedule import Duty

REFRESH = "PT1H"


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of one person's; ``rota`` names it for people."""

    rota_id: UUID
    rota: str
    person_id: UUID
    start: datetime
    end: datetime
    sequence: int = 0


def turns(rota_id: UUID, rota: str, duties: Iterable[Duty], sequence: int) -> list[Turn]:
    """Each person's stretches, neighbours that touch as one, however often somebody else came or went meanwhile."""
    open_ones: dict[UUID, Turn] = {}
    done: list[Turn] = []
    for duty in duties:
        for person in duty.people:
            former = open_ones.get(person)
            if former is not None and former.end == duty.start:
                start = former.start
            else:
                done += [former] if former is not None else []
                start = duty.start
            open_ones[person] = Turn(rota_id, rota, person, start, duty.end, sequence)
    return sorted([*done, *open_ones.values()], key=lambda turn: (turn.start, turn.person_id))


def calendar(name: str, found: Sequence[Turn], people: Mapping[UUID, str], now: datetime) -> bytes:
    """The feed, ready to be served."""
    made = Calendar()
    made.add("prodid", "-//Causeway//on call//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", name)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"}, encode=False)
    for turn in found:
        made.add_component(_event(turn, people.get(turn.person_id, "somebody who left"), now))
    return bytes(made.to_ical())


def _event(turn: Turn, person: str, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{turn.rota_id}-{turn.start:%Y%m%dT%H%M%SZ}-{turn.person_id}@causeway")
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("sequence", turn.sequence)
    event.add("dtstart", _whole(turn.start))
    event.add("dtend", _whole(turn.end))
    event.add("summary", f"{person} on call: {turn.rota}")
    event.add("transp", "TRANSPARENT")
    return event


def _whole(at: datetime) -> datetime:
    """To the second, upwards: iCalendar knows no parts of one."""
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)
