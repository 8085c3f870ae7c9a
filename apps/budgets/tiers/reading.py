"""A file of users and their tiers: what a line may say. Pure.

An apostrophe before what a spreadsheet would run as a formula is taken away, as exports put it there.
"""

import csv
from dataclasses import dataclass
from io import StringIO
from typing import BinaryIO

from portal.errors import Invalid, TooLarge

COLUMNS = ("user", "tier", "label", "member")
NEEDED = COLUMNS[:2]
MOST_LINES = 2_000
MOST_BYTES = 1_000_000
LONGEST_USER, LONGEST_LABEL = 200, 200
_SHOWN = 20
_FORMULA = ("'=", "'+", "'-", "'@")


@dataclass(frozen=True, slots=True)
class Line:
    """``user`` as the application names them; ``member`` an address in lower case, or empty."""

    number: int
    user: str
    tier: str
    label: str = ""
    member: str = ""

    @property
    def problems(self) -> list[str]:
        wrong = [f"it says no {name}." for name in NEEDED if not getattr(self, name)]
        wrong += [f"the user's id has over {LONGEST_USER} characters."] * (len(self.user) > LONGEST_USER)
        return wrong + [f"the label has over {LONGEST_LABEL} characters."] * (len(self.label) > LONGEST_LABEL)


def text_of(file: BinaryIO) -> str:
    """
    Raises:
        TooLarge: more than a file of users has.
        Invalid: it isn't UTF-8.
    """
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLarge("too_large", f"A file of users has at most {MOST_BYTES:,} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(["Save the file as CSV in UTF-8."]) from error
    if "\0" in text:
        raise refusal(["It isn't a text file."])
    return text


def read(text: str) -> list[Line]:
    """A head with the names of the columns, then a line a user.

    Raises:
        Invalid: lines that can't be; ``problems`` names each with its number.
    """
    # Lines end as they do on any machine: a bare carriage return too.
    rows = csv.reader(StringIO(text, newline=None))
    try:
        found = [(rows.line_num, [_plain(cell) for cell in row]) for row in rows if any(map(str.strip, row))]
    except csv.Error as error:
        raise refusal([f"Line {rows.line_num} can't be read as CSV ({error})."]) from error
    wrong = _head_problems(found[0][1] if found else [])
    if not wrong and not 2 <= len(found) <= MOST_LINES + 1:
        wrong = [f"Write a line for each user below the head, {MOST_LINES:,} at most."]
    if wrong:
        raise refusal(wrong)
    return _lines(found[0][1], found[1:])


def refusal(problems: list[str]) -> Invalid:
    more = f" And {len(problems) - _SHOWN} more." if len(problems) > _SHOWN else ""
    said = f"Nobody was put anywhere. {' '.join(problems[:_SHOWN])}{more}"
    return Invalid("lines_invalid", said, problems=problems)


def _lines(head: list[str], rows: list[tuple[int, list[str]]]) -> list[Line]:
    found: list[Line] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for number, cells in rows:
        said = dict(zip(head, cells, strict=False))
        user, tier, label, member = (said.get(name, "") for name in COLUMNS)
        line = Line(number, user, tier, label, member.lower())
        problems = line.problems
        if len(cells) > len(head):
            problems = ["it has more cells than the head has columns."]
        elif line.user and (first := seen.setdefault(line.user, number)) != number:
            problems.append(f"line {first} is about the same user.")
        found.append(line)
        wrong += [f"Line {number}: {problem}" for problem in problems]
    if wrong:
        raise refusal(wrong)
    return found


def _head_problems(head: list[str]) -> list[str]:
    wrong = [f"The head has no column {name}." for name in NEEDED if name not in head]
    unknown = [name for name in head if name not in COLUMNS]
    wrong += [f"There is no column {name[:40]!r}; the columns are {', '.join(COLUMNS)}." for name in unknown]
    return wrong + (["The head names a column twice."] if len(set(head)) < len(head) else [])


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith(_FORMULA) else cell
