"""What all charts share: the shapes that templates draw, and labels that never lie on one another.

A drawing has no width of its own. Across, every place is a percentage of whatever room there is; down, it is pixels
of a fixed height. So nothing is scaled: text keeps its size on a phone, and only the space between things shrinks.
Labels are laid out for two widths: those marked ``dense`` are shown where there is room for them (``WIDE``), the
others everywhere down to the narrowest screen that pages are made for, 320 pixels (``NARROW``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar, Literal
from unicodedata import east_asian_width

Number = float | int | Decimal | None
Tone = Literal["ok", "warn", "stop", ""]
# Beside each tone's word: colour is never the only difference.
SIGNS: dict[Tone, str] = {"ok": "✓", "warn": "!", "stop": "✕", "": "·"}

# Pixels that the drawing has at least, without its margins: in a wide card, and on the narrowest phone.
WIDE, NARROW = 480, 190
# Of the charts' type, 12 px: the widest of usual letters and digits, and of those that fill a square.
LETTER, SQUARE = 7.0, 12.0
BETWEEN = 6.0
LINE_HEIGHT = 14.0
# Nothing that anybody measures is larger, and all arithmetic on it stays finite.
_LARGEST, SMALLEST = 1e100, 1e-100


@dataclass(frozen=True, slots=True)
class Table:
    """The data behind a chart, as words."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What every chart has: its name, what it says in one sentence, and its data.

    ``kind`` names the template that draws it. One with ``is_text`` is drawn as a list or a table, which is its own
    data for whoever can't see it. An empty one is its sentence alone.
    """

    title: str
    said: str
    table: Table

    kind: ClassVar[str]
    is_text: ClassVar[bool] = False

    @property
    def template(self) -> str:
        return f"charts/{self.kind}.html"

    @property
    def is_empty(self) -> bool:
        return not self.table.rows


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis: ``place`` in % across or in pixels down."""

    place: float
    label: str
    anchor: str = "middle"
    dense: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: where, and what."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the drawing, from top to bottom."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend; ``css`` is the look of what it names."""

    css: str
    label: str


def clean(value: Number) -> float | None:
    """A figure to draw; None is a gap, and so is whatever isn't a number or is larger than anything measured."""
    if value is None or (isinstance(value, Decimal) and value.is_nan()) or not -_LARGEST <= value <= _LARGEST:
        return None
    found = float(value)
    return found if abs(found) > SMALLEST else 0.0


def across(part: float) -> float:
    """A share of the width as a percentage inside the drawing."""
    return round(min(max(part, 0.0), 1.0) * 100, 3)


def text_width(label: str) -> float:
    """How many pixels a label takes, rather too many than too few."""
    return sum(SQUARE if east_asian_width(letter) in "WF" else LETTER for letter in label)


def shorten(label: str, most: int) -> str:
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def box(tick: Tick, width: float) -> tuple[float, float]:
    """From where to where a label reaches in a drawing so many pixels wide."""
    at, size = tick.place * width / 100, text_width(tick.label)
    left = at - {"start": 0.0, "middle": 0.5, "end": 1.0}[tick.anchor] * size
    return left, left + size


def lay_out(labels: Sequence[tuple[float, str]]) -> tuple[Tick, ...]:
    """Labels along the foot, from left to right: every so many-th, so that none touches another at either width."""
    ticks = [Tick(place, label, _anchor(place, label)) for place, label in labels]
    wide = ticks[:: _stride(ticks, WIDE)]
    step = _stride(wide, NARROW)
    return tuple(Tick(t.place, t.label, t.anchor, dense=n % step > 0) for n, t in enumerate(wide))


def _anchor(place: float, label: str) -> str:
    """At the edges a label begins or ends at its place; it would stick out of the drawing otherwise."""
    half = text_width(label) / 2
    at = place * NARROW / 100
    return "start" if at < half else "end" if at > NARROW - half else "middle"


def _stride(ticks: Sequence[Tick], width: float) -> int:
    for stride in range(1, len(ticks)):
        shown = [box(tick, width) for tick in ticks[::stride]]
        if all(a[1] + BETWEEN <= b[0] for a, b in pairwise(shown)):
            return stride
    return max(len(ticks), 1)
