"""Figures and instants in words, for ticks, sentences and tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from portal.charts.drawing import Number, clean

NO_DATA = "no data"
_THIN = "\u202f"
_NOTHING = 1e-6
_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Unit:
    """What figures are counted in: ``factor`` times the figure, ``places`` decimals (None: as many as it takes)."""

    after: str = ""
    factor: float = 1.0
    places: int | None = None

    def say(self, value: Number) -> str:
        """For a sentence: three significant figures, whole numbers in full, and 0 for what is next to nothing."""
        found = clean(value)
        return self._said(0.0 if found is not None and abs(found * self.factor) < _NOTHING else found, 3)

    def exact(self, value: Number) -> str:
        """For a table: six significant figures."""
        return self._said(value, 6)

    def tick(self, value: float, step: float) -> str:
        """For an axis whose ticks are ``step`` apart: as short as tells them apart."""
        scaled, apart = value * self.factor, abs(step * self.factor)
        if abs(scaled) >= 1e15 or apart < 1e-6:
            return f"{scaled:.2g}{self._unit}"
        size, sign = next((pair for pair in _LARGE if max(abs(scaled), apart) >= 10 * pair[0]), (1.0, ""))
        places = max(0, -math.floor(math.log10(apart / size) + 1e-9))
        shown = f"{scaled / size:.{min(places, 6)}f}"
        return f"{'0' if float(shown) == 0 else shown}{_THIN + sign if sign else ''}{self._unit}"

    def _said(self, value: Number, figures: int) -> str:
        found = clean(value)
        if found is None:
            return NO_DATA
        return f"{_figure(found * self.factor, figures, self.places)}{self._unit}"

    @property
    def _unit(self) -> str:
        return f"{_THIN}{self.after}" if self.after else ""


PLAIN = Unit()
PERCENT = Unit("%", 100.0)
HOURS = Unit("h")


def instant(at: datetime, zone: tzinfo) -> str:
    """For a sentence: the day and the minute on the reader's clock."""
    there = at.astimezone(zone)
    return f"{there.day} {there:%b %H:%M}"


def exact_instant(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def when(zone: tzinfo) -> str:
    """The heading over instants in a table."""
    return f"When ({zone})"


def listed(words: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _figure(value: float, figures: int, places: int | None) -> str:
    if value and not _NOTHING <= abs(value) < 1e15:
        return f"{value:.{figures}g}"
    if places is not None:
        return f"{value:,.{places}f}"
    whole = 1 + math.floor(math.log10(abs(value))) if value else 1
    shown = f"{value:,.{max(0, figures - whole)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
