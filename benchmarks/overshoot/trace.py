"""The calls that are replayed, and whose they are: arrivals and token counts of a trace, users drawn by Zipf's law."""

import csv
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from apps.budgets.rules import LEAST_OUTPUT
from portal.local import paths

SHARED = paths.PROJECT_ROOT.parent / "shared" / "data" / "azure_llm_code.csv"
COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
USERS, SEED = 200, 1
QUICK_SECONDS = 600.0
# What is generated has the size, the medians and the means of Azure's trace of code completions.
_CALLS, _SECONDS, _MOST_INPUT, _MOST_OUTPUT = 8_800, 3_430.0, 7_437, 1_899


class Unreadable(ValueError):
    """The trace can't be replayed; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Call:
    """``at`` in the trace's own seconds since its first call; ``user`` from 0, the busiest."""

    at: float
    user: int
    input_tokens: int
    output_tokens: int

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Trace:
    name: str
    calls: list[Call]
    is_whole: bool = True

    def demand(self) -> dict[int, int]:
        """Tokens that each user's calls take together."""
        found: dict[int, int] = {}
        for call in self.calls:
            found[call.user] = found.get(call.user, 0) + call.total
        return found

    def caps(self) -> dict[int, int]:
        """Half of each user's demand."""
        return {user: max(1, tokens // 2) for user, tokens in sorted(self.demand().items())}

    def one_by_one(self) -> int:
        """Tokens that the same calls leave unused where each is over before the next begins: a rest that is too small
        for any later call, which no gate could give to anybody.
        """
        left = self.caps()
        for call in self.calls:
            output = min(call.output_tokens, left[call.user] - call.input_tokens)
            if output >= LEAST_OUTPUT or output == call.output_tokens:
                left[call.user] -= call.input_tokens + output
        return sum(left.values())


def load(file: Path | None, *, quick: bool) -> Trace:
    """The file's calls, or the shared trace's where it is there, or generated ones; ``quick``: the first ten minutes.

    Raises:
        Unreadable: no file, other columns, or nothing in it.
    """
    found = file or (SHARED if SHARED.exists() else None)
    rows = _read(found) if found else _generated()
    kept = [row for row in rows if not quick or row[0] <= QUICK_SECONDS]
    ranks = [1 / rank for rank in range(1, USERS + 1)]
    users = random.Random(SEED).choices(range(USERS), ranks, k=len(kept))
    calls = [Call(at, user, given, taken) for user, (at, given, taken) in zip(users, kept, strict=True)]
    return Trace(found.name if found else f"generated, seed {SEED}", calls, is_whole=not quick)


def _read(file: Path) -> list[tuple[float, int, int]]:
    try:
        with file.open(newline="") as lines:
            rows = sorted(_rows(csv.DictReader(lines), file))
    except OSError as error:
        raise Unreadable(f"{file} can't be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{file} isn't a CSV file.") from error
    if not rows:
        raise Unreadable(f"{file} has no calls.")
    return [(at - rows[0][0], given, taken) for at, given, taken in rows]


def _rows(lines: Iterable[dict[str, str]], file: Path) -> Iterator[tuple[float, int, int]]:
    for number, line in enumerate(lines, 2):
        try:
            at, given, taken = (line[column] for column in COLUMNS)
            row = datetime.fromisoformat(at[:26]).timestamp(), int(given), int(taken)
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"{file}, line {number}: it wants the columns {', '.join(COLUMNS)}.") from error
        if row[1] > 0 and row[2] > 0:
            yield row


def _generated() -> list[tuple[float, int, int]]:
    """Bursts and long tails, as lognormal draws; the same with every run."""
    draw, at, rows = random.Random(SEED), 0.0, []
    for _ in range(_CALLS):
        given = min(_MOST_INPUT, 1 + int(draw.lognormvariate(math.log(1_469), 0.82)))
        taken = min(_MOST_OUTPUT, 6 + int(draw.lognormvariate(math.log(7), 1.5)))
        rows.append((at, given, taken))
        at += draw.lognormvariate(math.log(0.104), 1.62)
    return [(when * _SECONDS / at, given, taken) for when, given, taken in rows]
