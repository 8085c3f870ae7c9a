"""When a drill passes, and what it is still worth (RUN-3, STAGE-3). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIMIT = timedelta(minutes=15)
VALID_FOR = timedelta(days=90)
CONFIRMATIONS = {
    "fallback_works": "The fallback works",
    "feeds_intact": "Its data feeds are intact",
    "people_know": "People still know the manual work",
}


class Kind(StrEnum):
    ROLLBACK = "rollback"
    OTHER = "other"


class Outcome(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Run:
    """A drill as it was measured."""

    kind: str
    elapsed: timedelta
    ticked: int
    steps: int
    carried: int
    wanted: int
    staff: int
    confirmed: frozenset[str]


def shortcomings(run: Run) -> list[str]:
    """Why a finished drill didn't pass; an empty list is a pass. 14:59.9 passes, 15:00.0 doesn't (S6)."""
    found = []
    if run.ticked < run.steps:
        found.append(f"{run.steps - run.ticked} of {run.steps} steps weren't done.")
    if not run.staff:
        found.append("Nobody is named who took part.")
    if run.kind != Kind.ROLLBACK:
        return found
    if run.elapsed >= LIMIT:
        found.append(f"It took {_words(run.elapsed)}; a rollback has to take less than 15 minutes.")
    if run.carried < run.wanted:
        found.append(f"The fallback carried {run.carried} of the {run.wanted} units an hour that were wanted.")
    missing = [words for name, words in CONFIRMATIONS.items() if name not in run.confirmed]
    return found + [f"Not confirmed: {words.lower()}." for words in missing]


@dataclass(frozen=True, slots=True)
class Worth:
    """A passed drill today: until when it counts, and why it stopped counting earlier, if it did."""

    until: datetime
    why: str


def worth(finished_at: datetime, replaced_at: datetime | None) -> Worth:
    """90 days, or until another text of its runbook was published that isn't merely editorial (S7)."""
    until = finished_at + VALID_FOR
    if replaced_at is not None and replaced_at < until:
        return Worth(max(replaced_at, finished_at), "the runbook has changed since")
    return Worth(until, "")


def replaced(drilled: int, published: Sequence[tuple[int, datetime, bool]]) -> datetime | None:
    """When the first publication after the drilled version came that wasn't marked editorial.

    ``published`` are number, instant and whether it is editorial, of every version ever published.
    """
    later = [at for number, at, is_editorial in sorted(published) if number > drilled and not is_editorial]
    return later[0] if later else None


def _words(elapsed: timedelta) -> str:
    minutes, seconds = divmod(elapsed.total_seconds(), 60)
    return f"{int(minutes)}:{seconds:04.1f} minutes"
