"""How far something has come on a fixed road: what is passed, where it stands, what is ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal.charts.drawing import Chart, Table
from portal.charts.words import plural

Place = Literal["done", "now", "ahead"]
_PLACES: dict[Place, str] = {"done": "passed", "now": "here", "ahead": "ahead"}


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage. ``url`` leads to it, ``said`` is what there is to say of it, ``at`` since when."""

    name: str
    place: Place
    url: str = ""
    said: str = ""
    at: datetime | None = None

    @property
    def words(self) -> str:
        return self.said or _PLACES[self.place]


@dataclass(frozen=True, slots=True)
class Ladder(Chart):
    rungs: tuple[Rung, ...]

    kind = "ladder"
    is_text = True


def ladder(title: str, rungs: Sequence[Rung]) -> Ladder:
    table = Table(("Stage", "Where"), tuple((rung.name, rung.words) for rung in rungs))
    return Ladder(title, _said(rungs), table, tuple(rungs))


def _said(rungs: Sequence[Rung]) -> str:
    if not rungs:
        return "No stages yet."
    here = next((n for n, rung in enumerate(rungs) if rung.place == "now"), None)
    if here is None:
        done = sum(rung.place == "done" for rung in rungs)
        return f"{done} of {plural(len(rungs), 'stage')} passed."
    return f"In {rungs[here].name}, stage {here + 1} of {len(rungs)}."
