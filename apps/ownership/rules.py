"""The minimum team of three, and what keeps a workload from being answered for (CALL-1, criterion H6). Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

DAYS_AHEAD = 30


class Job(StrEnum):
    OPTIMIZER = "optimizer"
    ENGINEER = "engineer"
    RESPONDER = "responder"


JOBS: dict[Job, str] = {
    Job.OPTIMIZER: "Workflow optimizer",
    Job.ENGINEER: "AI-data engineer",
    Job.RESPONDER: "Incident responder",
}


def team_shortcomings(named: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with who does which job: each has somebody, and nobody does all three."""
    missing = [words for job, words in JOBS.items() if not named.get(job)]
    if missing:
        return [f"Nobody is named as {', '.join(missing)}."]
    everywhere = set.intersection(*(set(named[job]) for job in JOBS))
    return ["One person does all three jobs; one may do two at most."] if everywhere else []


def shortcomings(facts: Mapping[str, Any]) -> list[str]:
    """H6: the team of three is named, and the rota has nobody missing in the 30 days ahead.

    ``facts``: ``named`` (people by job), ``rota`` (its name or ""), ``has_target``, and ``covered_days`` ahead.
    """
    found = team_shortcomings(facts["named"])
    if not facts["rota"]:
        return [*found, "No rota answers for it."]
    if not facts["has_target"]:
        return [*found, f"{facts['rota']}: say what has to be covered."]
    if facts["covered_days"] < DAYS_AHEAD:
        ahead = max(0, int(facts["covered_days"]))
        found.append(f"{facts['rota']} has a gap in {ahead} days; {DAYS_AHEAD} days without one are wanted.")
    return found


def lint(
    people: Sequence[str],
    gone: Sequence[str],
    gaps: int,
    needless: int,
    has_target: bool,
    unreachable: Sequence[str] = (),
    clashes: Sequence[str] = (),
) -> list[str]:
    """What is odd about a rota: ``people`` take turns, ``gone`` of them left, ``unreachable`` have no verified
    channel, ``clashes`` are shifts while somebody is away (in words), ``needless`` overrides do nothing.
    """
    found = []
    if not people:
        found.append("Nobody takes turns.")
    elif len(people) == 1:
        found.append(f"{people[0]} alone takes turns: nobody covers an illness.")
    if gone:
        found.append(f"{', '.join(gone)} left and still takes turns: those are gaps.")
    if people and len(unreachable) == len(people):
        found.append("Nobody can be woken: not one of them has a verified channel.")
    elif unreachable:
        have = "have" if len(unreachable) > 1 else "has"
        found.append(f"{', '.join(unreachable)} {have} no verified channel: their shifts wake nobody.")
    found += clashes
    if gaps:
        found.append(f"{gaps} gap{'s' if gaps > 1 else ''} in the next {DAYS_AHEAD} days.")
    if needless:
        found.append(f"{needless} replacement{'s' if needless > 1 else ''} of somebody who isn't on call then.")
    if not has_target:
        found.append("It doesn't say what has to be covered, so no gap is ever shown.")
    return found
