"""Examples out of CSV, and out of what people paste: one a line. Pure.

A file is read whole or refused with its lines named, so that nobody wonders which half was taken.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apps.dispatch.classify.features import LONGEST, plain
from portal.errors import Invalid

MOST_AT_ONCE = 5_000
LONGEST_TOPIC = 60
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Said:
    """An example as somebody gave it; ``topic`` may say which of the workload's jobs it is."""

    text: str
    topic: str = ""


def pasted(text: str) -> list[Said]:
    """One example a line; or CSV, where the first line is a heading with ``text`` in it (and perhaps ``topic``).

    Raises:
        Invalid: ``problems`` names the lines.
    """
    heading = [cell.strip().lower() for cell in next(csv.reader(text.splitlines()[:1]), [])]
    if "text" not in heading:
        return checked(Said(line.strip()) for line in text.splitlines() if line.strip())
    return checked(_from_csv(text))


def checked(said: Iterable[Said]) -> list[Said]:
    """
    Raises:
        Invalid: none, too many, or one that is empty, too long or can't be kept.
    """
    rows, problems = [Said(each.text.strip(), each.topic.strip()) for each in said], []
    if not 1 <= len(rows) <= MOST_AT_ONCE:
        raise Invalid("examples", f"Give 1 to {MOST_AT_ONCE:,} examples at once; these are {len(rows):,}.")
    for number, row in enumerate(rows, start=1):
        if problem := _problem(row):
            problems.append(f"Example {number}: {problem}")
    if problems:
        shown = problems[:_MOST_PROBLEMS]
        raise Invalid("examples", " ".join(shown), problems=shown)
    return rows


def _from_csv(text: str) -> list[Said]:
    try:
        rows: list[Mapping[str, str | None]] = list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise Invalid("examples", f"This is no CSV: {error}.") from error
    lowered = [{str(name).strip().lower(): value for name, value in row.items()} for row in rows]
    return [Said(str(row.get("text") or ""), str(row.get("topic") or "")) for row in lowered]


def _problem(row: Said) -> str:
    if "\x00" in row.text or "\x00" in row.topic:
        return "leave out the character NUL."
    if not plain(row.text):
        return "the text is empty."
    if len(row.text) > LONGEST:
        return f"the text has more than {LONGEST:,} characters."
    if len(row.topic) > LONGEST_TOPIC:
        return f"the topic has more than {LONGEST_TOPIC} characters."
    return ""
