"""What pages say about a service before rollout."""

from datetime import datetime

from apps.dispatch.pilot import queries
from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.rules import BEFORE_ROLLOUT, Mode
from apps.rollouts.answering import says_who_answers
from apps.workloads.models import Workload


@says_who_answers
def of_page(workload: Workload, now: datetime) -> str:
    """For the workload's own page; nothing where nobody set anything."""
    row = queries.service_of(workload, now) if workload.stage in BEFORE_ROLLOUT else None
    return sentence(workload, row) if row else ""


def sentence(workload: Workload, row: PilotService | None) -> str:
    """Who answers whom now."""
    if row is None:
        return f"The fallback answers everybody. {next_step(workload)}"
    label = row.version.label
    if row.mode == Mode.COHORT:
        return f"Version {label} answers “{row.name}” as a pilot; the fallback answers everybody else."
    return f"The fallback answers everybody; version {label} answers {row.share / 100:g} % of units too, unseen."


def next_step(workload: Workload) -> str:
    if workload.stage not in BEFORE_ROLLOUT:
        return "From Harden on a rollout decides who is served."
    return "Try a version with a cohort that knows it, or in shadow, before it is rolled out."


def who(row: PilotService) -> str:
    """Who is in, in a few words."""
    if row.mode == Mode.SHADOW:
        return f"{row.share / 100:g} % of units, in shadow"
    parts = [f"{len(row.units):,} listed unit{'' if len(row.units) == 1 else 's'}"] if row.units else []
    if row.attribute:
        parts.append(f"all whose {row.attribute} is {' or '.join(row.values)}")
    return f"{row.name}: {', and '.join(parts)}"
