"""The share of a rollout over time, in steps, with what broke marked on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from portal.charts.clock import Span
from portal.charts.drawing import Chart, Mark, Table, Tick
from portal.charts.words import PERCENT, exact_instant, instant, plural, when

HEIGHT = 180
WHOLE = 10_000
# Shares are drawn on a square-root scale: 5 and 10 % have to be told apart as well as 50 and 100.
TICKS = (0, 500, 1_000, 2_500, 5_000, WHOLE)


@dataclass(frozen=True, slots=True)
class Step:
    """From when which share (basis points) was served; ``broke``: a word where something did."""

    at: datetime
    share: int
    broke: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class StepChart(Chart):
    """``line`` and ``area`` are paths in % across and pixels down."""

    line: str
    area: str
    shares: tuple[Tick, ...]
    times: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    height: int = HEIGHT

    kind = "steps"


def step_chart(title: str, steps: Sequence[Step], *, until: datetime, zone: tzinfo) -> StepChart:
    """``until``: up to when the last share is known to have been served."""
    rows = tuple((exact_instant(s.at, zone), _percent(s.share), s.why or s.broke) for s in steps)
    table = Table((when(zone), "Share", "What happened"), rows)
    if not steps:
        return StepChart(title, "Nothing has been served yet.", table, "", "", (), (), ())
    steps = sorted(steps, key=lambda s: s.at)
    time = Span(steps[0].at, max(until, steps[-1].at))
    line = _line(steps, time)
    return StepChart(
        title=title,
        said=_said(steps, zone),
        table=table,
        line=line,
        area=f"{line} V{HEIGHT} H{time.x(steps[0].at)} Z",
        shares=tuple(Tick(share_y(share), _percent(share), "end") for share in TICKS),
        times=time.ticks(zone),
        marks=tuple(Mark(time.x(s.at), share_y(s.share), s.broke) for s in steps if s.broke),
    )


def share_y(share: int) -> float:
    """The height of a share, on a square-root scale."""
    part = min(max(share, 0), WHOLE) / WHOLE
    return round((1 - math.sqrt(part)) * HEIGHT, 1)


def _line(steps: Sequence[Step], time: Span) -> str:
    path = [f"M{time.x(steps[0].at)} {share_y(steps[0].share)}"]
    path += [f"H{time.x(s.at)} V{share_y(s.share)}" for s in steps[1:]]
    return " ".join([*path, f"H{time.x(time.last)}"])


def _said(steps: Sequence[Step], zone: tzinfo) -> str:
    last = steps[-1]
    since = next(s.at for n, s in enumerate(steps) if all(later.share == last.share for later in steps[n:]))
    broken = [s for s in steps if s.broke]
    said = f"{_percent(last.share)} since {instant(since, zone)}, after {plural(len(steps), 'move')}"
    return f"{said}; {broken[-1].broke} at {instant(broken[-1].at, zone)}." if broken else f"{said}."


def _percent(share: int) -> str:
    return PERCENT.exact(share / WHOLE)
