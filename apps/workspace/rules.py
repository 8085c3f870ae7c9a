"""What somebody looks for and how well something fits, which filters of lists can be kept, and what a workload needs
next. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import parse_qsl, urlencode

from apps.feedback.rules import Category
from apps.feedback.rules import State as ReportState
from apps.rollouts.machine import State as RolloutState

LONGEST, MOST_WORDS, LEAST = 100, 6, 2
MOST_HITS = 8


class Fit(IntEnum):
    """How what was looked for stands in something: the smaller the better."""

    WHOLE = 0
    BEGINNING = 1
    WORD = 2
    SOMEWHERE = 3


def words(asked: str) -> tuple[str, ...]:
    """The words that all have to be found; none when too little was said to look for anything."""
    said = asked.replace("\x00", "")[:LONGEST].split()[:MOST_WORDS]
    return tuple(said) if len("".join(said)) >= LEAST else ()


def fit(asked: Sequence[str], *texts: str) -> Fit | None:
    """The best fit among the texts of one thing; None where a word is in none of them."""
    lowered = [text.lower() for text in texts]
    looked_for = [word.lower() for word in asked]
    if not looked_for or not all(any(word in text for text in lowered) for word in looked_for):
        return None
    return min(_fit(" ".join(looked_for), text) for text in lowered)


def _fit(phrase: str, text: str) -> Fit:
    if text == phrase:
        return Fit.WHOLE
    if text.startswith(phrase):
        return Fit.BEGINNING
    return Fit.WORD if f" {phrase}" in text else Fit.SOMEWHERE


@dataclass(frozen=True, slots=True)
class FilteredPage:
    """A list whose filters can be kept: its address, and the values that each key of its query may have."""

    label: str
    url_name: str
    keys: Mapping[str, frozenset[str]]
    of_workload: bool = False


PAGES = {
    "alerts": FilteredPage("Alerts", "alerts", {"all": frozenset({"1"})}),
    "rollouts": FilteredPage("Rollouts", "rollouts", {"state": frozenset(RolloutState)}),
    "reports": FilteredPage("My reports", "my_reports", {"state": frozenset(ReportState)}),
    "board": FilteredPage("Feedback board", "board", {"category": frozenset(Category)}, of_workload=True),
}


def kept_query(page: str, query: str) -> str:
    """What of a query the page knows, in one order; empty where nothing is left, or the page isn't known."""
    known = PAGES[page].keys if page in PAGES else {}
    said = dict(parse_qsl(query[:500], max_num_fields=20)) if query.count("&") < 20 else {}
    return urlencode(sorted((key, value) for key, value in said.items() if value in known.get(key, ())))


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one workload, for :func:`next_step`. ``rollout`` is the state of its last one, if it has any."""

    posture: str
    has_team: bool
    has_fallback: bool
    has_version: bool
    rollout: str = ""
    note: str = ""
    label: str = field(default="", kw_only=True)
    has_old_gate: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Step:
    """What stops a workload or comes next. ``to`` is the page that helps; ``urgency`` sorts, the smaller the worse."""

    urgency: int
    words: str
    to: str
    button: str

    @property
    def stops(self) -> bool:
        return self.urgency < 5


def next_step(now: Standing) -> Step:
    """The first thing that stands in a workload's way, the worst first."""
    version = now.label
    because = f": {now.note}" if now.note else ""
    steps = (
        (now.rollout == "rolling_back", Step(0, f"{version} is being rolled back{because}", "rollout", "See why")),
        (now.rollout == "held", Step(1, f"{version} is held{because}", "rollout", "See why")),
        (
            now.posture == "pause",
            Step(2, "Its posture is “pause”: nothing may be rolled out", "workload", "Look"),
        ),
        (not now.has_team, Step(3, "No team answers for it", "people", "Name one")),
        (not now.has_fallback, Step(3, "It names no fallback", "workload", "Look")),
        (not now.has_version, Step(4, "No version is registered yet", "add_version", "Add one")),
        (
            now.rollout == "awaiting_approval",
            Step(4, f"{version} waits for approval or start", "rollout", "Open it"),
        ),
        (now.rollout == "draft", Step(4, f"The plan of {version} isn't submitted", "rollout", "Open it")),
        (now.rollout == "rolled_back", Step(4, f"{version} was rolled back{because}", "rollout", "See why")),
        (now.has_old_gate, Step(5, "Its ceilings were sized more than a quarter ago", "sizing", "Size them again")),
        (now.rollout == "running", Step(6, f"{version} is on its way", "rollout", "Watch")),
        (not now.rollout, Step(5, "Nothing stops it; it was never rolled out", "gates", "See its gate")),
    )
    return next((step for holds, step in steps if holds), Step(7, "Nothing stops it", "gates", "See its gate"))
