"""Who has which stretch of time: lanes of bars, with nobody's time shown as such."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from portal.charts.clock import Span
from portal.charts.drawing import NARROW, WIDE, Chart, Table, Tick, text_width
from portal.charts.words import exact_instant, instant, listed, plural

# A lane's name, its bars, and the space below.
NAME, BAR, SPACE = 16, 22, 8
LANE = NAME + BAR + SPACE
# How many people are told apart by colour; those beyond share. Their names are on the bars and in the table.
LOOKS = 6
_MARGIN = 8.0


@dataclass(frozen=True, slots=True)
class Shift:
    """``[start, end)`` of a lane. ``who`` empty: nobody's. ``look`` picks the colour."""

    start: datetime
    end: datetime
    who: str
    look: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """``wide`` and ``narrow`` are what fits on it in a wide and in the narrowest drawing: name, initials or nothing."""

    x: float
    width: float
    label: str
    css: str
    wide: str
    narrow: str


@dataclass(frozen=True, slots=True)
class Lane:
    """``y`` is the foot of its name, ``top`` the top of its bars."""

    name: str
    y: int
    top: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline(Chart):
    """``now`` is where now is, if it is inside."""

    lanes: tuple[Lane, ...]
    times: tuple[Tick, ...]
    now: float | None
    height: int

    kind = "shifts"


def timeline(
    title: str,
    lanes: Sequence[tuple[str, Sequence[Shift]]],
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    zone: tzinfo,
) -> Timeline:
    """What of the lanes lies in ``[start, end)``. The sentence is about the first lane: it is the one that counts.

    Raises:
        ValueError: ``end`` isn't after ``start``.
    """
    if end <= start:
        raise ValueError("A timeline needs an end after its start.")
    time = Span(start, end)
    cut = [(name, _inside(shifts, start, end)) for name, shifts in lanes]
    rows = tuple(
        (name, exact_instant(s.start, zone), exact_instant(s.end, zone), s.who or "nobody")
        for name, shifts in cut
        for s in shifts
    )
    drawn = tuple(
        Lane(name, n * LANE + 12, n * LANE + NAME, tuple(_bar(s, time) for s in shifts))
        for n, (name, shifts) in enumerate(cut)
    )
    return Timeline(
        title=title,
        said=_said(cut[0][1], now, zone) if rows else "Nothing is planned yet.",
        table=Table(("Lane", f"From ({zone})", "Until", "Who"), rows),
        lanes=drawn,
        times=time.ticks(zone),
        now=time.x(now) if start <= now < end else None,
        height=max(len(drawn), 1) * LANE,
    )


def _inside(shifts: Sequence[Shift], start: datetime, end: datetime) -> list[Shift]:
    cut = [Shift(max(s.start, start), min(s.end, end), s.who, s.look) for s in shifts]
    return sorted((s for s in cut if s.start < s.end), key=lambda s: s.start)


def _bar(shift: Shift, time: Span) -> Bar:
    x, last = time.x(shift.start), time.x(shift.end)
    width = round(last - x, 3)
    who = shift.who or "nobody"
    css = f"p{shift.look % LOOKS}" if shift.who else "gap"
    return Bar(x, width, who, css, _fitting(who, width * WIDE / 100), _fitting(who, width * NARROW / 100))


def _fitting(name: str, pixels: float) -> str:
    """The name where it fits, else its initials, else nothing."""
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    return next((text for text in (name, initials) if text_width(text) + _MARGIN <= pixels), "")


def _said(shifts: Sequence[Shift], now: datetime, zone: tzinfo) -> str:
    current = [s for s in shifts if s.start <= now < s.end]
    people = list(dict.fromkeys(s.who for s in current if s.who))
    empty = [s for s in shifts if not s.who]
    if people:
        until = instant(min(s.end for s in current if s.who), zone)
        said = f"{listed(people)} {'are' if len(people) > 1 else 'is'} on until {until}"
    else:
        said = "Nobody is on now"
    ahead = [s for s in empty if s.end > now]
    if not ahead:
        return f"{said}; no gap ahead."
    first = max(ahead[0].start, now)
    return f"{said}; {plural(len(ahead), 'gap')} ahead, the first from {instant(first, zone)}."
