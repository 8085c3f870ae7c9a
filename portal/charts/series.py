"""Figures over time against a limit: one line or several, with intervals where they are known, and gaps as gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby, pairwise

from portal.charts.clock import Span, span
from portal.charts.drawing import Chart, Key, Mark, Number, Stretch, Table, Tick, clean
from portal.charts.scale import LimitLine, Scale, limit_line, scale
from portal.charts.thin import thin
from portal.charts.words import PLAIN, Unit, exact_instant, instant, times, when

HEIGHT = 160
# Looks that are told apart: each a colour, a dash and a marker of its own.
LOOKS = 4
# Where there are few points, each is marked.
FEW = 24


@dataclass(frozen=True, slots=True)
class Point:
    """A figure at an instant, with its interval if it has one. No value, or one that isn't a number, is a gap.

    ``limit`` is what it was judged against, where that isn't the same all the time.
    """

    at: datetime
    value: Number
    low: Number = None
    high: Number = None
    limit: Number = None


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Limit:
    """What figures may reach: a ceiling, or a floor that they may not fall below."""

    value: float
    label: str = "limit"
    is_floor: bool = False

    def is_crossed(self, value: float, then: float | None) -> bool:
        """``then`` is what the limit was at that time, if it was another."""
        bound = self.value if then is None else then
        return value < bound if self.is_floor else value > bound


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Whisker:
    """The interval of one point."""

    x: float
    top: float
    foot: float


@dataclass(frozen=True, slots=True)
class Line:
    """One series as drawn. Paths are in % across and pixels down; ``end`` is its last point."""

    name: str
    css: str
    path: str
    band: str
    whiskers: tuple[Whisker, ...]
    dots: tuple[Dot, ...]
    end: Dot | None


@dataclass(frozen=True, slots=True)
class SeriesChart(Chart):
    lines: tuple[Line, ...]
    limit: LimitLine | None
    limit_path: str
    values: tuple[Tick, ...]
    times: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    gaps: tuple[Stretch, ...]
    legend: tuple[Key, ...]
    height: int

    kind = "series"

    @property
    def is_empty(self) -> bool:
        return not self.lines


@dataclass(frozen=True, slots=True)
class _Known:
    """A point with figures fit to draw."""

    at: datetime
    value: float | None
    low: float | None
    high: float | None
    limit: float | None


def series_chart(
    title: str,
    series: Sequence[Series],
    *,
    zone: tzinfo,
    unit: Unit = PLAIN,
    limit: Limit | None = None,
    marks: Sequence[tuple[datetime, str]] = (),
    every: timedelta | None = None,
    end: datetime | None = None,
    height: int = HEIGHT,
) -> SeriesChart:
    """``limit``: the one that holds now. ``end``: up to when it is shown. ``every``: points further apart than one and
    a half times this leave a gap.

    A limit far off the data is named at the edge and doesn't press the data flat.
    """
    found = [_known(one.points) for one in series]
    bound = limit if limit is not None and clean(limit.value) is not None else None
    table = _table(series, zone, unit, bound)
    if not any(found):
        return SeriesChart(title, "No data yet.", table, (), None, "", (), (), (), (), (), height)
    time = span([p.at for points in found for p in points] + ([end] if end else []))
    values = [v for points in found for p in points for v in (p.value, p.low, p.high) if v is not None]
    limits = [bound.value, *(p.limit for points in found for p in points if p.limit is not None)] if bound else []
    to = scale(values, height, limits)
    named = enumerate(zip(series, found, strict=True))
    lines = tuple(_line(one.name, n, points, time, to, every) for n, (one, points) in named)
    return SeriesChart(
        title=title,
        said=_said(series, found, unit, bound, zone),
        table=table,
        lines=lines,
        limit=limit_line(bound.value, f"{bound.label} {unit.say(bound.value)}", to) if bound else None,
        limit_path=_limit_path(found[0], time, to) if bound else "",
        values=to.ticks(unit),
        times=time.ticks(zone),
        marks=tuple(Mark(time.x(at), 0.0, label) for at, label in sorted(marks) if time.first <= at <= time.last),
        gaps=_gaps(found[0], time, every) if len(found) == 1 else (),
        legend=_legend(lines, bound),
        height=height,
    )


def _known(points: Sequence[Point]) -> list[_Known]:
    """In the order of time. An interval without a value, or the wrong way round, isn't drawn."""
    found = []
    for p in sorted(points, key=lambda p: p.at):
        value, low, high = clean(p.value), clean(p.low), clean(p.high)
        whole = value is not None and low is not None and high is not None and low <= high
        found.append(_Known(p.at, value, low if whole else None, high if whole else None, clean(p.limit)))
    return found


def _runs(points: Sequence[_Known], every: timedelta | None) -> Iterator[list[_Known]]:
    """Stretches without a gap in them."""
    for has_value, group in groupby(points, lambda p: p.value is not None):
        run: list[_Known] = []
        for p in group if has_value else ():
            if run and every is not None and p.at - run[-1].at > every * 1.5:
                yield run
                run = []
            run.append(p)
        if run:
            yield run


def _gaps(points: Sequence[_Known], time: Span, every: timedelta | None) -> tuple[Stretch, ...]:
    """From the last figure before to the first one after each gap; to the edges where there is none."""
    runs = list(_runs(points, every))
    if not runs:
        return (Stretch(0.0, 100.0),)
    edges = [(time.x(a[-1].at), time.x(b[0].at)) for a, b in pairwise(runs)]
    if points[0].value is None:
        edges.insert(0, (0.0, time.x(runs[0][0].at)))
    if points[-1].value is None or (every is not None and time.last - points[-1].at > every * 1.5):
        edges.append((time.x(runs[-1][-1].at), 100.0))
    return tuple(Stretch(a, round(b - a, 3)) for a, b in edges if b > a)


def _line(name: str, n: int, points: Sequence[_Known], time: Span, to: Scale, every: timedelta | None) -> Line:
    places = [time.x(p.at) for p in points]
    kept = thin(places, *([getattr(p, part) for p in points] for part in ("value", "low", "high")))
    # What thinning leaves out is no gap: breaks are those of all the points.
    starts = {id(run[0]) for run in _runs(points, every)}
    shown = [points[n] for n in kept]
    runs: list[list[_Known]] = []
    for p, before in zip(shown, [None, *shown], strict=False):
        if p.value is None:
            continue
        if before is None or before.value is None or id(p) in starts or not runs:
            runs.append([])
        runs[-1].append(p)
    known = [p for run in runs for p in run]
    lone = [run[0] for run in runs if len(run) == 1]
    marked = known if len(known) <= FEW else lone
    return Line(
        name=name,
        css=f"s{n % LOOKS}",
        path=" ".join(_path(run, time, to) for run in runs if len(run) > 1),
        band=" ".join(_band(run, time, to) for run in runs),
        whiskers=tuple(
            Whisker(time.x(p.at), to.y(p.high), to.y(p.low)) for p in marked if p.low is not None and p.high is not None
        ),
        dots=tuple(Dot(time.x(p.at), to.y(p.value)) for p in marked if p.value is not None),
        end=Dot(time.x(known[-1].at), to.y(known[-1].value or 0.0)) if known else None,
    )


def _path(run: Sequence[_Known], time: Span, to: Scale) -> str:
    return "M" + " L".join(f"{time.x(p.at)} {to.y(p.value)}" for p in run if p.value is not None)


def _band(run: Sequence[_Known], time: Span, to: Scale) -> str:
    """The area between the bounds; none where an interval is missing."""
    areas = []
    for has_bounds, group in groupby(run, lambda p: p.low is not None):
        part = list(group)
        if has_bounds and len(part) > 1:
            over = [f"{time.x(p.at)} {to.y(p.high)}" for p in part if p.high is not None]
            under = [f"{time.x(p.at)} {to.y(p.low)}" for p in reversed(part) if p.low is not None]
            areas.append(f"M{' L'.join([*over, *under])} Z")
    return " ".join(areas)


def _limit_path(points: Sequence[_Known], time: Span, to: Scale) -> str:
    """A limit that moved, through what it was at each point."""
    corners = [f"{time.x(p.at)} {to.y(p.limit)}" for p in points if p.limit is not None]
    return f"M{' L'.join(corners)}" if len(corners) > 1 else ""


def _legend(lines: Sequence[Line], limit: Limit | None) -> tuple[Key, ...]:
    """Only where there is something to tell apart."""
    if len(lines) < 2:
        return ()
    return (*(Key(line.css, line.name) for line in lines), *((Key("limit", limit.label),) if limit else ()))


def _said(
    series: Sequence[Series],
    found: Sequence[Sequence[_Known]],
    unit: Unit,
    limit: Limit | None,
    zone: tzinfo,
) -> str:
    parts = [_said_of(one.name, points, unit, limit, zone) for one, points in zip(series, found, strict=True)]
    return f"{'; '.join(parts)}."


def _said_of(name: str, points: Sequence[_Known], unit: Unit, limit: Limit | None, zone: tzinfo) -> str:
    """The last value, the limit, whether it is crossed, and since when."""
    known = [p for p in points if p.value is not None]
    if not known:
        return f"{name}: no data yet"
    last = known[-1]
    interval = f" ({unit.say(last.low)} to {unit.say(last.high)})" if last.low is not None else ""
    said = f"{name}: {unit.say(last.value)}{interval} at {instant(last.at, zone)}"
    said += _against(known, unit, limit, zone) if limit else ""
    return said if points[-1].value is not None else f"{said}; no data since"


def _against(known: Sequence[_Known], unit: Unit, limit: Limit, zone: tzinfo) -> str:
    crossed = [p.value is not None and limit.is_crossed(p.value, p.limit) for p in known]
    bad, good = ("below", "at or above") if limit.is_floor else ("over", "within")
    bound = f"the {limit.label} of {unit.say(limit.value)}"
    often = sum(1 for n, is_over in enumerate(crossed) if is_over and (n == 0 or not crossed[n - 1]))
    if crossed[-1]:
        since = max(n for n, is_over in enumerate(crossed) if is_over and (n == 0 or not crossed[n - 1]))
        return f", {bad} {bound} since {instant(known[since].at, zone)}"
    if not often:
        return f", {good} {bound}{' throughout' if len(known) > 1 else ''}"
    last = max(n for n, is_over in enumerate(crossed) if is_over)
    return f", {good} {bound} again since {instant(known[last + 1].at, zone)}, {bad} it {times(often)} before"


def _table(series: Sequence[Series], zone: tzinfo, unit: Unit, limit: Limit | None) -> Table:
    """A row a point, in the order of time; the columns of intervals only where there is one."""
    bounds = any(p.low is not None or p.high is not None for one in series for p in one.points)

    def row(p: Point, name: str) -> tuple[str, ...]:
        interval = (unit.exact(p.low), unit.exact(p.high)) if bounds else ()
        against = (unit.exact(limit.value if p.limit is None else p.limit),) if limit else ()
        return (exact_instant(p.at, zone), name, unit.exact(p.value), *interval, *against)

    rows = sorted(((p, one.name) for one in series for p in one.points), key=lambda pair: pair[0].at)
    headers = (when(zone), "What", "Figure", *(("From", "To") if bounds else ()))
    return Table((*headers, limit.label.capitalize()) if limit else headers, tuple(row(p, name) for p, name in rows))
