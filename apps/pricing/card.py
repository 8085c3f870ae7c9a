"""The rate card as a file: what a row may say, and CSV in and out. Pure.

An empty cell is an amount that isn't known, and 0 is 0. What a spreadsheet would run as a formula leaves with an
apostrophe in front and comes back without it, so that a file which was exported can be imported as it is.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import Any, BinaryIO, Literal

from apps.pricing.rules import CURRENCY, Price
from apps.pricing.rules import problems as problems_of
from portal.errors import Invalid, TooLarge

AMOUNTS = ("input_per_million", "output_per_million", "cached_input_per_million")
COLUMNS = ("model", "valid_from", *AMOUNTS, "note", "currency", "set_by", "set_at")
NEEDED = COLUMNS[:4]
MOST_LINES = 1_000
MOST_BYTES = 1_000_000
_FORMULA = ("'=", "'+", "'-", "'@")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A price as somebody wants it to be, per million tokens; None for an amount that isn't known."""

    model: str
    valid_from: date
    input: Decimal | None
    output: Decimal | None
    cached_input: Decimal | None
    note: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        amounts = zip(AMOUNTS, (self.input, self.output, self.cached_input), strict=True)
        return {**dict(amounts), "note": self.note}

    def problems(self, today: date) -> list[str]:
        price = Price(self.model, self.input, self.output, self.cached_input, self.valid_from, "")
        return problems_of(price, self.note, today)


def problems(wanted: Sequence[Wanted], today: date) -> list[str]:
    """What is wrong with prices that are set together, in sentences."""
    days = Counter((each.model, each.valid_from) for each in wanted)
    twice = sorted(day for day, times in days.items() if times > 1)
    found = [problem for each in wanted for problem in each.problems(today)]
    return [*found, *(f"{model} has two prices from {day} on." for model, day in twice)]


def text_of(file: BinaryIO) -> str:
    """
    Raises:
        TooLarge: more than a rate card has.
        Invalid: it isn't UTF-8.
    """
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLarge("too_large", f"A rate card has at most {MOST_BYTES:,} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(["Save the file as CSV in UTF-8."]) from error


def read(text: str, today: date) -> list[Wanted]:
    """A head with the names of the columns, then a line a price. Who set it, and when, is passed over.

    Raises:
        Invalid: lines that can't be; ``problems`` names each with its number.
    """
    # Lines end as they do on any machine: a bare carriage return too.
    rows = csv.reader(StringIO(text, newline=None))
    try:
        found = [(rows.line_num, [_plain(cell) for cell in row]) for row in rows if any(map(str.strip, row))]
    except csv.Error as error:
        raise _refusal([f"Line {rows.line_num} can't be read as CSV ({error})."]) from error
    wrong = _head_problems(found[0][1] if found else [])
    if not wrong and not 2 <= len(found) <= MOST_LINES + 1:
        wrong = [f"Write a line for each price below the head, {MOST_LINES:,} at most."]
    if wrong:
        raise _refusal(wrong)
    return _lines(found[0][1], found[1:], today)


def _lines(head: list[str], rows: list[tuple[int, list[str]]], today: date) -> list[Wanted]:
    """
    Raises:
        Invalid: with the problems of all lines.
    """
    wanted: list[Wanted] = []
    wrong: list[str] = []
    seen: dict[tuple[str, date], int] = {}
    for number, cells in rows:
        each, problems = _line(head, cells, today)
        if each is not None and (first := seen.setdefault((each.model, each.valid_from), number)) != number:
            problems = [*problems, f"line {first} is about the same model and day."]
        wanted += [each] if each is not None else []
        wrong += [f"Line {number}: {problem}" for problem in problems]
    if wrong:
        raise _refusal(wrong)
    return wanted


def _line(head: list[str], cells: list[str], today: date) -> tuple[Wanted | None, list[str]]:
    """What a line says, and what is wrong with it; nothing if it can't even be read."""
    if len(cells) > len(head):
        return None, ["it has more cells than the head has columns."]
    said = dict.fromkeys(COLUMNS, "") | dict(zip(head, cells, strict=False))
    wrong = [] if said["currency"] in {"", CURRENCY} else [f"prices are in {CURRENCY}."]
    amounts = {name: _amount(said[name]) for name in AMOUNTS}
    wrong += [f"{name}: {said[name][:40]!r} is no number like 2.50." for name, value in amounts.items() if value == ""]
    day = _day(said["valid_from"])
    if day is None:
        wrong.append(f"valid_from: {said['valid_from'][:40]!r} is no day like 2026-11-20.")
    input_, output, cached = (None if value == "" else value for value in amounts.values())
    each = Wanted(said["model"], day, input_, output, cached, said["note"]) if day else None
    return each, [*wrong, *(each.problems(today) if each else [])]


def _amount(said: str) -> Decimal | Literal[""] | None:
    """None for an empty cell, and an empty text for one that is no number."""
    try:
        return Decimal(said) if said else None
    except InvalidOperation:
        return ""


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


def _head_problems(head: list[str]) -> list[str]:
    missing, unknown = [name for name in NEEDED if name not in head], [n for n in head if n not in COLUMNS]
    wrong = [f"The head has no column {name}." for name in missing]
    wrong += [f"There is no column {name[:40]!r}; the columns are {', '.join(COLUMNS)}." for name in unknown]
    return wrong + (["The head names a column twice."] if len(set(head)) < len(head) else [])


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith(_FORMULA) else cell


def _refusal(problems: list[str]) -> Invalid:
    shown = " ".join(problems[:20])
    more = f" And {len(problems) - 20} more." if len(problems) > 20 else ""
    return Invalid("lines_invalid", f"Nothing was imported. {shown}{more}", problems=problems)


def row(price: Price, note: str, set_by: str, set_at: str) -> list[str]:
    """As :data:`COLUMNS` has it."""
    return [price.model, f"{price.valid_from}", *price.texts, note, price.currency, set_by, set_at]
