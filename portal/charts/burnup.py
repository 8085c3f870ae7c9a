"""What a month has used so far, against its pace, its thresholds and its ceiling; and when it would run out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby

from portal.charts.clock import Span
from portal.charts.drawing import Chart, Key, Mark, Number, Table, Tick, clean
from portal.charts.scale import LimitLine, Scale, limit_line, scale
from portal.charts.series import Point
from portal.charts.thin import thin
from portal.charts.words import NO_DATA, PERCENT, PLAIN, Unit, exact_instant, instant, when

HEIGHT = 180
THRESHOLDS = (0.7, 0.9)
# A projection is drawn this far over the ceiling and no further.
OVER = 1.25
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BurnUp(Chart):
    """``used``, ``pace`` and ``ahead`` (the projection) are paths in % across and pixels down."""

    used: str
    pace: str
    ahead: str
    ceiling: LimitLine | None
    thresholds: tuple[LimitLine, ...]
    values: tuple[Tick, ...]
    times: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    legend: tuple[Key, ...]
    exhausted_at: datetime | None
    height: int = HEIGHT

    kind = "burnup"

    @property
    def is_empty(self) -> bool:
        return not self.used


@dataclass(frozen=True, slots=True)
class _Month:
    """The stretch, its ceiling (None: there is none that could be reached) and how far it has come.

    ``rate`` is how much an hour it goes on with; None: as it has gone so far.
    """

    start: datetime
    end: datetime
    ceiling: float | None
    as_of: datetime
    used: float
    rate: float | None = None

    @property
    def gone(self) -> float:
        return (self.as_of - self.start) / (self.end - self.start)

    @property
    def projected(self) -> float | None:
        """What the whole of it would use at this rate."""
        if self.rate is not None:
            return self.used + self.rate * ((self.end - self.as_of) / _HOUR)
        return self.used / self.gone if self.gone > 0 else None

    def pace(self, at: datetime) -> float | None:
        part = min(max((at - self.start) / (self.end - self.start), 0.0), 1.0)
        return None if self.ceiling is None else self.ceiling * part

    @property
    def exhausted_at(self) -> datetime | None:
        """When the ceiling is reached at this rate, if that is before the end."""
        if self.ceiling is None or self.projected is None or not self.used < self.ceiling < self.projected:
            return None
        return self.at(self.ceiling)

    def at(self, level: float) -> datetime:
        """When the projection comes to ``level``, which it has not come to yet and will."""
        if self.rate is not None:
            return self.as_of + _HOUR * ((level - self.used) / self.rate)
        return self.start + (self.end - self.start) * (level / (self.projected or 1.0))


def burn_up(
    title: str,
    used: Sequence[Point],
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    ceiling: Number,
    zone: tzinfo,
    unit: Unit = PLAIN,
    thresholds: Sequence[float] = THRESHOLDS,
    rate: Number = None,
) -> BurnUp:
    """``used``: the sum so far, at instants of ``[start, end]``. ``thresholds`` are shares of the ceiling; ``rate`` is
    how much an hour it goes on with, where that is another than that of the whole time so far.

    Raises:
        ValueError: ``end`` isn't after ``start``.
    """
    if end <= start:
        raise ValueError("A burn-up needs an end after its start.")
    points = sorted(used, key=lambda p: p.at)
    known = [(p.at, value) for p in points if (value := clean(p.value)) is not None]
    bound = clean(ceiling)
    bound = bound if bound is not None and bound > 0 else None
    month = _Month(start, end, bound, min(max(now, start), end), known[-1][1] if known else 0.0, clean(rate))
    table = _table(points, month, unit, zone)
    if not known:
        return BurnUp(title, "Nothing has been used yet.", table, "", "", "", None, (), (), (), (), (), None)
    levels = [] if bound is None else [bound, *(bound * share for share in thresholds)]
    top = [] if bound is None or month.projected is None else [min(month.projected, bound * OVER)]
    to, time = scale([v for _, v in known] + top, HEIGHT, levels), Span(start, end)
    return BurnUp(
        title=title,
        said=_said(month, known, unit, zone),
        table=table,
        used=_used(points, month, time, to),
        pace="" if bound is None else _pace(bound, to),
        ahead=_ahead(month, time, to),
        ceiling=limit_line(bound, f"ceiling {unit.say(bound)}", to) if bound is not None else None,
        thresholds=tuple(limit_line(bound * s, PERCENT.say(s), to) for s in thresholds) if bound is not None else (),
        values=to.ticks(unit),
        times=time.ticks(zone),
        marks=_marks(known, month, thresholds, time, to),
        legend=_legend(bound is not None),
        exhausted_at=month.exhausted_at,
    )


def _pace(bound: float, to: Scale) -> str:
    """From nothing to the ceiling; where that is too far off to be drawn, to where the line leaves the picture."""
    shown = min(bound, to.high)
    return f"M0 {to.y(0)} L{round(100 * shown / bound, 3):g} {to.y(shown)}"


def _used(points: Sequence[Point], month: _Month, time: Span, to: Scale) -> str:
    """A line through the sums, broken where they aren't known; level from the last one to now."""
    places, values = [time.x(p.at) for p in points], [clean(p.value) for p in points]
    kept = [(places[n], values[n]) for n in thin(places, values)]
    runs = [list(group) for has_value, group in groupby(kept, lambda pair: pair[1] is not None) if has_value]
    paths = ["M" + " L".join(f"{x} {to.y(v)}" for x, v in run if v is not None) for run in runs]
    if values and values[-1] is not None:
        paths[-1] += f" H{max(time.x(month.as_of), places[-1])}"
    return " ".join(paths)


def _ahead(month: _Month, time: Span, to: Scale) -> str:
    if month.projected is None or month.as_of >= month.end or month.used <= 0:
        return ""
    most = to.high
    if month.projected <= most:
        return f"M{time.x(month.as_of)} {to.y(month.used)} L100 {to.y(month.projected)}"
    leaves = max(month.at(most), month.as_of)
    return f"M{time.x(month.as_of)} {to.y(month.used)} L{time.x(leaves)} {to.y(most)}"


def _marks(
    known: Sequence[tuple[datetime, float]], month: _Month, thresholds: Sequence[float], time: Span, to: Scale
) -> tuple[Mark, ...]:
    """Where each threshold, and the ceiling, was first reached."""
    found = []
    for share in (*thresholds, 1.0) if month.ceiling is not None else ():
        level = (month.ceiling or 0.0) * share
        at = next((at for at, value in known if value >= level), None)
        if at is not None:
            found.append(Mark(time.x(at), to.y(level), f"{PERCENT.say(share)} reached"))
    return tuple(found)


def _legend(has_ceiling: bool) -> tuple[Key, ...]:
    paced = (Key("pace", "pace"), Key("ahead", "at this rate"), Key("limit", "ceiling")) if has_ceiling else ()
    return (Key("s0", "used"), *paced) if has_ceiling else (Key("s0", "used"), Key("ahead", "at this rate"))


def _said(month: _Month, known: Sequence[tuple[datetime, float]], unit: Unit, zone: tzinfo) -> str:
    at = instant(month.as_of, zone)
    if month.ceiling is None:
        return f"{unit.say(month.used)} used by {at}; there is no ceiling."
    said = f"{unit.say(month.used)} of {unit.say(month.ceiling)} used by {at}, {_paced(month, unit)}"
    if month.used >= month.ceiling:
        reached = next((when for when, value in known if value >= (month.ceiling or 0.0)), month.as_of)
        return f"{said}; the ceiling was reached at {instant(reached, zone)}."
    if month.exhausted_at is not None:
        return f"{said}; at this rate it runs out at {instant(month.exhausted_at, zone)}."
    return f"{said}; at this rate it lasts until the end."


def _paced(month: _Month, unit: Unit) -> str:
    ahead = month.used - (month.pace(month.as_of) or 0.0)
    if ahead == 0:
        return "just on the pace"
    return f"{unit.say(abs(ahead))} {'over' if ahead > 0 else 'under'} the pace"


def _table(points: Sequence[Point], month: _Month, unit: Unit, zone: tzinfo) -> Table:
    rows = []
    for p in points:
        value, pace = clean(p.value), month.pace(p.at)
        part = NO_DATA if value is None or month.ceiling is None else PERCENT.exact(value / month.ceiling)
        paced = (unit.exact(pace), part) if month.ceiling is not None else ()
        rows.append((exact_instant(p.at, zone), unit.exact(value), *paced))
    headers = (when(zone), "Used", *(("Pace", "Of the ceiling") if month.ceiling is not None else ()))
    return Table(headers, tuple(rows))
