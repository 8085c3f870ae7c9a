"""Reading an evaluation file: CSV or JSON Lines, any size, in constant memory (STAGE-2). Pure.

What is read is a row or a problem with its line and column; nothing is guessed. Only a digest of an input is kept.
A *mapping* says how somebody else's columns are ours::

    {"columns": {"outcome": "reward"},                 our name: theirs
     "templates": {"input_id": "{task_id}/{trial}"},   our name: made from theirs
     "constants": {"provenance": "synthetic"},         our name: the same for all
     "values": {"outcome": {"1.0": "pass"}},           our name: their value: ours
     "ignore": ["messages"]}                           theirs that are left out
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

COLUMNS = ("input_id", "input", "provenance", "outcome", "category", "group", "at")
PROVENANCES = ("real", "synthetic", "selected")
LONGEST_LINE = 1_000_000
LONGEST = 200
_OUTCOMES = {
    "1": True,
    "true": True,
    "pass": True,
    "1.0": True,
    "0": False,
    "false": False,
    "fail": False,
    "0.0": False,
}
_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """One input as it was judged. ``digest`` is 16 bytes over the input's id, or its text."""

    digest: bytes
    provenance: str
    outcome: bool
    category: str
    group: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a line can't be taken."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}" if self.column else f"line {self.line}"
        return f"{place}: {self.message}"


class BadMapping(ValueError):
    """The mapping itself can't be used."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A checked mapping."""

    columns: dict[str, str] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()

    @property
    def theirs(self) -> dict[str, str]:
        """Their column for each of ours that is read straight from one."""
        given = set(self.templates) | set(self.constants)
        return {name: self.columns.get(name, name) for name in COLUMNS if name not in given}

    @property
    def used(self) -> frozenset[str]:
        """Every column of theirs that this mapping knows."""
        places = {place for template in self.templates.values() for place in _PLACE.findall(template)}
        return frozenset(self.theirs.values()) | places | self.ignore


def mapped(document: Mapping[str, Any]) -> Mapped:
    """A mapping from JSON.

    Raises:
        BadMapping: with what is wrong.
    """
    unknown = set(document) - {"columns", "templates", "constants", "values", "ignore"}
    if unknown:
        raise BadMapping(f"The mapping has no part {sorted(unknown)[0]!r}.")
    for part in ("columns", "templates", "constants", "values"):
        names = document.get(part, {})
        if not isinstance(names, dict) or set(names) - set(COLUMNS):
            raise BadMapping(f"{part}: name our columns, which are {', '.join(COLUMNS)}.")
    texts = [v for part in ("columns", "templates", "constants") for v in document.get(part, {}).values()]
    ignored = document.get("ignore", [])
    if not all(isinstance(v, str) for v in texts) or not isinstance(ignored, list):
        raise BadMapping("Columns, templates and constants are text, and ignore is a list.")
    values = document.get("values", {})
    if not all(isinstance(v, dict) and all(isinstance(x, str) for x in v.values()) for v in values.values()):
        raise BadMapping("values: for each column, their value and ours, both as text.")
    return Mapped(
        columns=document.get("columns", {}),
        templates=document.get("templates", {}),
        constants=document.get("constants", {}),
        values=values,
        ignore=frozenset(map(str, ignored)),
    )


def read(file: BinaryIO, kind: str, mapping: Mapped) -> Iterator[Row | Problem]:
    """Rows and problems, line by line. ``kind`` is csv or jsonl."""
    records = _csv(file, mapping) if kind == "csv" else _jsonl(file, mapping)
    empty = True
    for line, record in records:
        empty = False
        yield record if isinstance(record, Problem) else _row(line, record, mapping)
    if empty:
        yield Problem(1, "", "The file holds no rows.")


def _lines(file: BinaryIO) -> Iterator[tuple[int, str | Problem]]:
    """Lines as text. A byte order mark is dropped; what isn't UTF-8 is named where it stands."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            yield number, Problem(number, "", f"The line has over {LONGEST_LINE} bytes.")
            return
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            yield number, Problem(number, "", f"Byte {error.start + 1} isn't UTF-8; save the whole file as UTF-8.")
            return
        if "\x00" in text:
            yield number, Problem(number, "", "It holds a zero byte.")
            return
        yield number, text


def _csv(file: BinaryIO, mapping: Mapped) -> Iterator[tuple[int, Any]]:
    stopped: list[Problem] = []

    def texts() -> Iterator[str]:
        for _, text in _lines(file):
            if isinstance(text, Problem):
                stopped.append(text)
                return
            yield text

    rows = csv.reader(texts(), strict=True)
    try:
        yield from _csv_rows(rows, mapping)
    except csv.Error as error:
        yield rows.line_num, Problem(rows.line_num, "", f"It is no CSV: {error}.")
    if stopped:
        yield stopped[0].line, stopped[0]


def _csv_rows(rows: Any, mapping: Mapped) -> Iterator[tuple[int, Any]]:
    header = next(rows, None)
    if header is None:
        return
    problem = _header_problem(header, mapping)
    if problem:
        yield 1, problem
        return
    for values in rows:
        if not values:
            continue
        if len(values) != len(header):
            yield rows.line_num, Problem(rows.line_num, "", f"{len(values)} fields; the header has {len(header)}.")
            continue
        yield rows.line_num, dict(zip(header, values, strict=True))


def _header_problem(header: list[str], mapping: Mapped) -> Problem | None:
    double = next((name for name in header if header.count(name) > 1), None)
    if double is not None:
        return Problem(1, double, "This column is there twice.")
    unknown = next((name for name in header if name not in mapping.used), None)
    if unknown is not None:
        return Problem(1, unknown[:60], "Unknown column: map it, or list it under ignore.")
    return None


def _jsonl(file: BinaryIO, mapping: Mapped) -> Iterator[tuple[int, Any]]:
    for line, text in _lines(file):
        if isinstance(text, Problem):
            yield line, text
        elif text.strip():
            yield line, _object(line, text, mapping)


def _object(line: int, text: str, mapping: Mapped) -> Any:
    try:
        record = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return Problem(line, "", f"It is no JSON object: {str(error)[:100]}.")
    if not isinstance(record, dict):
        return Problem(line, "", "It is no JSON object.")
    unknown = next((name for name in record if name not in mapping.used), None)
    return Problem(line, unknown[:60], "Unknown column: map it, or list it under ignore.") if unknown else record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


class _Wrong(ValueError):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def _row(line: int, record: Mapping[str, Any], mapping: Mapped) -> Row | Problem:
    try:
        values = {name: _value(name, record, mapping) for name in COLUMNS}
        identity = values["input_id"] or values["input"]
        if not identity:
            raise _Wrong("input_id", "Give the input's id, or its text.")
        return Row(
            digest=hashlib.blake2b(identity.encode(), digest_size=16).digest(),
            provenance=_one_of("provenance", values["provenance"], PROVENANCES),
            outcome=_outcome(values["outcome"]),
            category=_short("category", values["category"]),
            group=_short("group", values["group"]),
            at=_instant(values["at"]),
        )
    except _Wrong as wrong:
        return Problem(line, wrong.column, str(wrong))


def _value(name: str, record: Mapping[str, Any], mapping: Mapped) -> str:
    if name in mapping.constants:
        return mapping.constants[name]
    if name in mapping.templates:
        return _PLACE.sub(lambda place: _text(name, record.get(place[1])), mapping.templates[name])
    found = _text(name, record.get(mapping.columns.get(name, name)))
    return mapping.values.get(name, {}).get(found, found)


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | str):
        text = str(value).strip()
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise _Wrong(name, "It holds half a character.")
        return text
    raise _Wrong(name, "A single value is wanted.")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise _Wrong(name, f"{value[:40]!r}; one of {', '.join(allowed)} is wanted.")
    return value


def _outcome(value: str) -> bool:
    found = _OUTCOMES.get(value.lower())
    if found is None:
        raise _Wrong("outcome", f"{value[:40]!r}; 1 or 0, true or false, pass or fail is wanted.")
    return found


def _short(name: str, value: str) -> str:
    if len(value) > LONGEST:
        raise _Wrong(name, f"Over {LONGEST} characters.")
    return value


def _instant(value: str) -> datetime | None:
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise _Wrong("at", f"{value[:40]!r}; an instant like 2026-11-20T09:30:00+01:00 is wanted.") from None
    if at.tzinfo is None:
        raise _Wrong("at", "Say the offset from UTC, like +01:00 or Z.")
    return at
