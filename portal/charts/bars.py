"""One bar a quarter, a day or a team, against a ceiling and what was forecast."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portal.charts.drawing import Chart, Key, Number, Table, Tick, clean, lay_out, shorten
from portal.charts.scale import LimitLine, Scale, limit_line, scale
from portal.charts.words import PLAIN, Unit, plural

HEIGHT = 160
# Of the room that a bar has, what it takes.
FILLED = 0.64
# Narrower ones can't be told apart: neighbours are drawn as one, from the least of them to the greatest.
MOST = 120
_LONGEST = 12
AHEAD = "still to come"


@dataclass(frozen=True, slots=True)
class Amount:
    """One bar: its name, what it came to, and what was expected. ``is_ahead``: it is still to come, not missing."""

    label: str
    value: Number
    forecast: Number = None
    is_ahead: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A bar as drawn; ``forecast`` is the height of its line. ``is_over``: beyond the ceiling."""

    x: float
    width: float
    y: float
    height: float
    label: str
    is_over: bool
    is_missing: bool
    forecast: float | None


@dataclass(frozen=True, slots=True)
class BarChart(Chart):
    columns: tuple[Column, ...]
    ceiling: LimitLine | None
    values: tuple[Tick, ...]
    names: tuple[Tick, ...]
    legend: tuple[Key, ...]
    zero: float
    height: int = HEIGHT

    kind = "bars"


def bar_chart(
    title: str, amounts: Sequence[Amount], *, unit: Unit = PLAIN, ceiling: Number = None, what: str = "ceiling"
) -> BarChart:
    """``what`` is the ceiling's name."""
    bound = clean(ceiling)
    table = _table(amounts, unit)
    known = [v for a in amounts for v in (clean(a.value), clean(a.forecast)) if v is not None]
    if not amounts:
        return BarChart(title, "No data yet.", table, (), None, (), (), (), HEIGHT)
    to = scale(known, HEIGHT, [bound] if bound is not None else [])
    groups = _groups(amounts)
    columns = tuple(_column(group, n / len(groups), 1 / len(groups), to, unit, bound) for n, group in enumerate(groups))
    names = [(round(c.x + c.width / 2, 3), shorten(g[0].label, _LONGEST)) for c, g in zip(columns, groups, strict=True)]
    return BarChart(
        title=title,
        said=_said(amounts, unit, bound, what),
        table=table,
        columns=columns,
        ceiling=limit_line(bound, f"{what} {unit.say(bound)}", to) if bound is not None else None,
        values=to.ticks(unit),
        names=lay_out(names),
        legend=_legend(any(c.forecast is not None for c in columns), bound is not None, what),
        zero=to.y(0.0),
    )


def _groups(amounts: Sequence[Amount]) -> list[Sequence[Amount]]:
    size = -(-len(amounts) // MOST)
    return [amounts[n : n + size] for n in range(0, len(amounts), size)]


def _column(group: Sequence[Amount], left: float, room: float, to: Scale, unit: Unit, ceiling: float | None) -> Column:
    values = [v for a in group if (v := clean(a.value)) is not None]
    top, foot = to.y(max([0.0, *values])), to.y(min([0.0, *values]))
    expected = [v for a in group if (v := clean(a.forecast)) is not None]
    return Column(
        x=round((left + room * (1 - FILLED) / 2) * 100, 3),
        width=round(room * FILLED * 100, 3),
        y=top,
        height=round(foot - top, 1),
        label=_named(group, unit),
        is_over=ceiling is not None and any(v > ceiling for v in values),
        is_missing=not values and not all(a.is_ahead for a in group),
        forecast=to.y(max(expected)) if expected else None,
    )


def _named(group: Sequence[Amount], unit: Unit) -> str:
    if len(group) == 1:
        return f"{group[0].label}: {_shown(group[0], unit.say)}"
    return f"{group[0].label} to {group[-1].label}"


def _shown(amount: Amount, say: Callable[[Number], str]) -> str:
    return AHEAD if amount.is_ahead and clean(amount.value) is None else say(amount.value)


def _legend(has_forecast: bool, has_ceiling: bool, what: str) -> tuple[Key, ...]:
    if not has_forecast:
        return ()
    return (Key("bar", "actual"), Key("forecast", "forecast"), *((Key("limit", what),) if has_ceiling else ()))


def _said(amounts: Sequence[Amount], unit: Unit, ceiling: float | None, what: str) -> str:
    """The last one that isn't still to come, the ceiling, and which went over it."""
    last = next((a for a in reversed(amounts) if not a.is_ahead), amounts[-1])
    said = f"{last.label}: {_shown(last, unit.say)}"
    if clean(last.value) is not None and clean(last.forecast) is not None:
        said += f", {unit.say(last.forecast)} forecast"
    if ceiling is None:
        return f"{said}."
    over = [a.label for a in amounts if (v := clean(a.value)) is not None and v > ceiling]
    bound = f"the {what} of {unit.say(ceiling)}"
    if not over:
        return f"{said}; none is over {bound}."
    return f"{said}; {plural(len(over), 'bar')} of {len(amounts)} over {bound}, last {over[-1]}."


def _table(amounts: Sequence[Amount], unit: Unit) -> Table:
    has_forecast = any(a.forecast is not None for a in amounts)
    rows = tuple(
        (a.label, _shown(a, unit.exact), *((unit.exact(a.forecast),) if has_forecast else ())) for a in amounts
    )
    return Table(("What", "Actual", *(("Forecast",) if has_forecast else ())), rows)
