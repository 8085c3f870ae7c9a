"""Many verdicts at a glance: rows and columns, each cell a word with a sign and a tone. A table, drawn as one."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.charts.drawing import SIGNS, Chart, Table, Tone
from portal.charts.words import NO_DATA, plural

_SAID: dict[Tone, str] = {"stop": "bad", "warn": "to watch", "ok": "fine", "": "without a verdict"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A word, what it means (``tone``), and where it leads."""

    word: str
    tone: Tone = ""
    url: str = ""

    @property
    def sign(self) -> str:
        return SIGNS[self.tone]


@dataclass(frozen=True, slots=True)
class HeatRow:
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class HeatMap(Chart):
    corner: str
    columns: tuple[str, ...]
    rows: tuple[HeatRow, ...]

    kind = "heat"
    is_text = True


def heat_map(
    title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell | None]]], corner: str = ""
) -> HeatMap:
    """A missing cell, or one beyond the row's end, says so.

    Raises:
        ValueError: a row has more cells than there are columns.
    """
    drawn = tuple(HeatRow(name, _filled(cells, len(columns))) for name, cells in rows)
    table = Table((corner, *columns), tuple((row.name, *(cell.word for cell in row.cells)) for row in drawn))
    return HeatMap(title, _said(drawn, columns), table, corner, tuple(columns), drawn)


def _filled(cells: Sequence[Cell | None], width: int) -> tuple[Cell, ...]:
    if len(cells) > width:
        raise ValueError("A row of a heat map has more cells than there are columns.")
    missing = Cell(NO_DATA)
    return tuple(cell or missing for cell in [*cells, *[None] * (width - len(cells))])


def _said(rows: Sequence[HeatRow], columns: Sequence[str]) -> str:
    """How many of each tone, and the first of the worst by name."""
    cells = [(row.name, column, cell) for row in rows for column, cell in zip(columns, row.cells, strict=True)]
    if not cells:
        return "Nothing to show yet."
    counted = {tone: [c for c in cells if c[2].tone == tone] for tone in _SAID}
    said = ", ".join(f"{len(found)} {_SAID[tone]}" for tone, found in counted.items() if found)
    worst = counted["stop"] or counted["warn"]
    first = f"; first {worst[0][0]}, {worst[0][1]}: {worst[0][2].word}" if worst else ""
    return f"{plural(len(cells), 'cell')}: {said}{first}."
