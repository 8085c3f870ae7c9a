"""From figures to heights: scales from 0, and ticks at 1, 2 or 5 times a power of ten."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from portal.charts.drawing import SMALLEST, Tick
from portal.charts.words import Unit

TICKS = 4
# A limit further off than so many times the data would press it flat: it is named at the edge instead.
REACH = 8.0


@dataclass(frozen=True, slots=True)
class Scale:
    """``low`` at the foot, ``high`` at the top of ``height`` pixels; ticks ``step`` apart."""

    low: float
    high: float
    step: float
    height: float

    def y(self, value: float) -> float:
        """Pixels from the top; what lies beyond stays at the edge."""
        part = (value - self.low) / (self.high - self.low)
        return round((1 - min(max(part, 0.0), 1.0)) * self.height, 1)

    def ticks(self, unit: Unit) -> tuple[Tick, ...]:
        first, last = round(self.low / self.step), round(self.high / self.step)
        values = [n * self.step for n in range(first, last + 1)]
        return tuple(Tick(self.y(value), unit.tick(value, self.step), "end") for value in values)


@dataclass(frozen=True, slots=True)
class LimitLine:
    """Where a limit runs; ``beyond`` says "above" or "below" where it is too far off to be drawn."""

    y: float
    label: str
    beyond: str = ""


def scale(values: Sequence[float], height: float, limits: Sequence[float] = ()) -> Scale:
    """From 0, so that lengths can be compared, to nice ends around all values and the limits within reach."""
    low, high = min([0.0, *values]), max([0.0, *values])
    for limit in limits:
        if not high - low > SMALLEST or low - REACH * (high - low) <= limit <= high + REACH * (high - low):
            low, high = min(low, limit), max(high, limit)
    return nice(low, high, height)


def nice(low: float, high: float, height: float) -> Scale:
    if not high - low > SMALLEST:
        low, high = min(low, 0.0), max(high, low + 1.0)
    step = nice_step((high - low) / TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Scale(first * step, last * step, step, height)


def nice_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is no smaller."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= least * (1 - 1e-9))


def limit_line(value: float, label: str, to: Scale) -> LimitLine:
    beyond = "above" if value > to.high else "below" if value < to.low else ""
    return LimitLine(to.y(value), label, beyond)
