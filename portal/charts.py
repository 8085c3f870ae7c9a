"""Charts as plain geometry, drawn by templates as SVG with classes only. Pure.

Every chart comes with its data, for the table beside it and for whoever can't see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 26
# Shares are drawn on a square-root scale: 5 and 10 % have to be told apart as well as 50 and 100.
TICKS = (0, 500, 1_000, 2_500, 5_000, 10_000)


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical mark: where, and what happened."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    place: float
    label: str


@dataclass(frozen=True, slots=True)
class StepChart:
    """The share over time: ``line`` and ``area`` as SVG paths, ticks on both axes, and marks."""

    line: str
    area: str
    shares: list[Tick]
    times: list[Tick]
    marks: list[Mark]
    width: int = WIDTH
    height: int = HEIGHT


def step_chart(steps: Sequence[tuple[datetime, int, str]], now: datetime) -> StepChart | None:
    """``steps``: from when which share (basis points) was served, and a word where something broke; oldest first."""
    if not steps:
        return None
    first, last = steps[0][0], max(now, steps[-1][0])
    span = max((last - first).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return round(LEFT + (at - first).total_seconds() / span * (WIDTH - LEFT - RIGHT), 1)

    path = [f"M{x(first)} {share_y(steps[0][1])}"]
    for at, share, _ in steps[1:]:
        path.append(f"H{x(at)} V{share_y(share)}")
    path.append(f"H{x(last)}")
    line = " ".join(path)
    return StepChart(
        line=line,
        area=f"{line} V{share_y(0)} H{LEFT} Z",
        shares=[Tick(share_y(share), f"{share / 100:g} %") for share in TICKS],
        times=[Tick(x(at), f"{at:%H:%M:%S}") for at in _spread(first, last)],
        marks=[Mark(x(at), share_y(share), word) for at, share, word in steps if word],
    )


def share_y(share: int) -> float:
    """The height of a share, on a square-root scale."""
    return round(TOP + (1 - math.sqrt(share / 10_000)) * (HEIGHT - TOP - BOTTOM), 1)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its interval against a limit, on one line from 0; all in 0..100 of the width."""

    low: float
    value: float
    high: float
    limit: float


def interval(value: float | None, low: float | None, high: float | None, limit: float | None) -> Interval | None:
    """Scaled so that the limit stands at two thirds, unless the interval needs more room."""
    if value is None or limit is None or limit <= 0:
        return None
    low, high = (value if low is None else max(low, 0.0)), (value if high is None else high)
    top = max(limit * 1.5, min(high, limit * 4), value * 1.05)
    return Interval(*(round(min(part / top, 1.0) * 100, 2) for part in (low, value, high, limit)))


def _spread(first: datetime, last: datetime) -> list[datetime]:
    return [first + (last - first) * part / 3 for part in range(4)]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch on a lane: where it begins and how wide it is, in units of the drawing; ``css`` names its look."""

    x: float
    width: float
    label: str
    css: str


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    y: float
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lanes of bars over time, one tick a day or week; ``now`` is where now is, if it is inside."""

    lanes: list[Lane]
    ticks: list[Tick]
    now: float | None
    height: int
    width: int = WIDTH


LANE, LANES_TOP, LANES_LEFT = 30, 8, 110


def timeline(
    lanes: Sequence[tuple[str, Sequence[tuple[datetime, datetime, str, str]]]],
    start: datetime,
    end: datetime,
    ticks: Sequence[tuple[datetime, str]],
    now: datetime,
) -> Timeline:
    """``lanes``: a name and its stretches as (start, end, label, css), each inside ``[start, end)``."""
    span = (end - start).total_seconds()

    def x(at: datetime) -> float:
        return round(LANES_LEFT + (at - start).total_seconds() / span * (WIDTH - LANES_LEFT - RIGHT), 1)

    drawn = [
        Lane(
            name,
            LANES_TOP + n * LANE,
            [Bar(x(a), max(round(x(b) - x(a), 1), 0.5), label, css) for a, b, label, css in stretches],
        )
        for n, (name, stretches) in enumerate(lanes)
    ]
    height = LANES_TOP + len(lanes) * LANE + BOTTOM
    return Timeline(drawn, [Tick(x(at), word) for at, word in ticks], x(now) if start <= now < end else None, height)
