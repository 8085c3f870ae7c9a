"""Reading somebody's calendar: whose turn it says, and where it has holes and doubles (CALL-2). Pure.

Other systems store local hours with a length, and lose or double an hour where the clock changes; here that is shown
before anybody relies on it. Events are expanded by ``recurring-ical-events``, between two instants, with bounds on
what a small file can make of itself. A length in hours is that many hours (RFC 5545, 3.3.6), whatever the clock does;
an end is the wall time that people see in their calendars.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar

from apps.ownership.rotation import MIDNIGHT, Span, resolve
from portal.errors import Invalid

LONGEST = 1024 * 1024
MOST_EVENTS, MOST_DATES, MOST_SPANS = 200, 2_000, 5_000
# What repeats is counted from its first day on, so that day can't lie any number of years back.
LONGEST_BACK, LONGEST_EVENT = timedelta(days=2 * 366), timedelta(days=31)
_REGULAR = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_TOO_FINE = {"BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"}
_UID = re.compile(r"^UID[^:\r\n]*:([^\r\n]+)", re.MULTILINE)
_LENGTH = re.compile(r"^DURATION[^:\r\n]*:([^\r\n]+)", re.MULTILINE)
_ADDRESS = re.compile(r"[^\s<>:;,\"']+@[^\s<>:;,\"']+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """``[start, end)`` in UTC, and who: nobody is a hole, more than one a double."""

    start: datetime
    end: datetime
    people: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What a calendar says between two instants. ``unknown`` are the words of events that name nobody we know."""

    spans: tuple[Span, ...]
    unknown: tuple[str, ...]
    holes: tuple[Stretch, ...]
    doubles: tuple[Stretch, ...]


def read(text: str, start: datetime, end: datetime, zone: ZoneInfo, people: Mapping[str, UUID]) -> Read:
    """``people``: ids by e-mail address and by name, in lower case. Times without a zone are ``zone``'s.

    Raises:
        Invalid: no calendar, or one that repeats too finely or is too large.
    """
    spans, unknown, exact = [], [], _exact(text)
    for event in _events(text, start, end):
        first, last = (_instant(event.get(name), zone) for name in ("DTSTART", "DTEND"))
        if first is None or last is None or not first < last:
            continue
        if str(event.get("UID", "")) in exact:
            # Both in one zone: their difference is that of their wall times, the length as it was written.
            last = first + (event["DTEND"].dt - event["DTSTART"].dt)
        who = _person(event, people)
        cut = Span(first, last, who).cut(start, end)
        if cut is None:
            continue
        if who is None:
            unknown.append(str(event.get("SUMMARY", "an event without a name"))[:100])
        else:
            spans.append(cut)
    spans.sort(key=lambda span: (span.start, span.end))
    stretches = _stretches(spans, start, end)
    return Read(
        spans=tuple(spans),
        unknown=tuple(sorted(set(unknown))),
        holes=tuple(each for each in stretches if not each.people),
        doubles=tuple(each for each in stretches if len(each.people) > 1),
    )


def _exact(text: str) -> frozenset[str]:
    """Ids of the events whose length is written in hours, minutes and seconds alone."""
    found: dict[str, bool] = {}
    for block in re.split(r"^BEGIN:VEVENT", re.sub(r"\r?\n[ \t]", "", text), flags=re.MULTILINE)[1:]:
        uid, length = _UID.search(block), _LENGTH.search(block)
        if uid is not None:
            is_exact = length is not None and length[1].upper().lstrip("+").startswith("PT")
            found[uid[1].strip()] = is_exact and found.get(uid[1].strip(), True)
    return frozenset(uid for uid, is_exact in found.items() if is_exact)


def _events(text: str, start: datetime, end: datetime) -> Sequence[Any]:
    if len(text) > LONGEST:
        raise Invalid("too_large", f"A calendar has at most {LONGEST // 1024} KiB.")
    try:
        found = Calendar.from_ical(text)
        _refuse_floods(found, start)
        expanded = recurring_ical_events.of(found, skip_bad_series=False).between(start, end)
    except Invalid:
        raise
    except Exception as error:
        # The readers raise whatever their parsers stumble over; none of it is more than "not a calendar" to a person.
        raise Invalid("calendar", "This can't be read as a calendar (iCalendar, RFC 5545).") from error
    if len(expanded) > MOST_SPANS:
        raise Invalid("too_many", f"More than {MOST_SPANS:,} events in that time; import a shorter one.")
    return list(expanded)


def _refuse_floods(found: Any, start: datetime) -> None:
    events = list(found.walk("VEVENT"))
    if not events or len(events) > MOST_EVENTS:
        raise Invalid("events", f"A calendar for a rota has 1 to {MOST_EVENTS} events.")
    dates = 0
    for event in events:
        _refuse_length(event)
        rules = event.get("RRULE", [])
        for rule in rules if isinstance(rules, list) else [rules]:
            if not set(rule.get("FREQ", [])) <= _REGULAR or _TOO_FINE & set(rule):
                raise Invalid("repeats", "An event repeats daily, weekly, monthly or yearly, once each time.")
            if _day(event["DTSTART"].dt) < (start - LONGEST_BACK).date():
                raise Invalid("repeats", "What repeats began over two years ago; let it begin later.")
        extra = event.get("RDATE", [])
        dates += sum(len(each.dts) for each in (extra if isinstance(extra, list) else [extra]))
    if dates > MOST_DATES:
        raise Invalid("repeats", f"At most {MOST_DATES:,} extra dates.")


def _refuse_length(event: Any) -> None:
    first, length, last = (event.get(name) for name in ("DTSTART", "DURATION", "DTEND"))
    lasts = length.dt if length is not None else (_day(last.dt) - _day(first.dt) if first and last else timedelta())
    if lasts > LONGEST_EVENT:
        raise Invalid("length", f"A shift lasts at most {LONGEST_EVENT.days} days.")


def _day(at: date) -> date:
    return at.date() if isinstance(at, datetime) else at


def _instant(found: Any, zone: ZoneInfo) -> datetime | None:
    if found is None:
        return None
    at = found.dt
    if isinstance(at, datetime):
        return at.astimezone(UTC) if at.tzinfo else resolve(at, zone)
    return resolve(datetime.combine(at, MIDNIGHT), zone) if isinstance(at, date) else None


def _person(event: Any, people: Mapping[str, UUID]) -> UUID | None:
    """By an attendee's address, by an address in its words, by a name in its title; the first that we know."""
    attendees = event.get("ATTENDEE", [])
    named = attendees if isinstance(attendees, list) else [attendees]
    words = " ".join(str(event.get(name, "")) for name in ("SUMMARY", "DESCRIPTION"))
    for address in _ADDRESS.findall(" ".join([*map(str, named), words]).lower()):
        known = people.get(address.removeprefix("mailto:"))
        if known is not None:
            return known
    title = str(event.get("SUMMARY", "")).lower()
    found = {people[name] for name in people if "@" not in name and name in title}
    return found.pop() if len(found) == 1 else None


def _stretches(spans: Sequence[Span], start: datetime, end: datetime) -> list[Stretch]:
    """The whole of ``[start, end)``, cut wherever somebody begins or ends; neighbours that are alike are one."""
    cuts = sorted({start, end, *(span.start for span in spans), *(span.end for span in spans)})
    made: list[Stretch] = []
    for first, last in pairwise(cuts):
        people = tuple(sorted(_present(spans, first)))
        if made and made[-1].people == people:
            made[-1] = Stretch(made[-1].start, last, people)
        else:
            made.append(Stretch(first, last, people))
    return made


def _present(spans: Sequence[Span], at: datetime) -> Iterator[UUID]:
    yield from {span.person for span in spans if span.start <= at < span.end and span.person is not None}
