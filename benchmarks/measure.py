"""What a benchmark hands back: figures beside their floor, and whether the aim was met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: repeats, seconds of load a repeat and side, batches of spans, executions of a query."""

    repeats: int
    seconds: float
    batches: int
    executions: int


FULL = Effort(repeats=5, seconds=2.5, batches=16, executions=150)
QUICK = Effort(repeats=2, seconds=1.5, batches=10, executions=60)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. ``judged`` is what the aim is about: the ratio to the floor, or the figure itself."""

    what: str
    unit: str
    ours: float
    judged: float
    floor: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def aim(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return f"<= {self.at_most:g}" if self.at_most is not None else ""

    @property
    def met(self) -> bool | None:
        """None where there is no aim."""
        if self.at_least is not None:
            return self.judged >= self.at_least
        return self.judged <= self.at_most if self.at_most is not None else None


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    repeats: int
    conditions: Sequence[str]
    measures: Sequence[Measure]


def beside(what: str, unit: str, ours: Sequence[float], floor: Sequence[float], **more: Any) -> Measure:
    """A figure judged by its ratio to the floor: the median over the repeats, each with its own neighbour in time."""
    ratios = [a / b for a, b in zip(ours, floor, strict=True)]
    details = {"ours": _short(ours), "floor": _short(floor), "ratios": _short(ratios), **more.pop("details", {})}
    return Measure(what, unit, ours=median(ours), floor=median(floor), judged=median(ratios), details=details, **more)


def in_turns(repeats: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Each side's figures. The sides take turns, so that a noisy minute falls on all of them."""
    rounds = [[side() for side in sides] for _ in range(repeats)]
    return [list(figures) for figures in zip(*rounds, strict=True)]


def _short(figures: Sequence[float]) -> list[float]:
    return [float(f"{figure:.5g}") for figure in figures]
