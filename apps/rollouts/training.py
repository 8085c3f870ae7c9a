"""A phase by cohort asks that the cohort is trained (FEED-4)."""

from datetime import datetime

from apps.rollouts.conditions import condition
from apps.rollouts.models import Rollout
from apps.training import queries as training


@condition("training")
def _cohorts_trained(rollout: Rollout, now: datetime) -> str:
    """Of every cohort that the next phase lets in, or an earlier one has let in."""
    reached = [phase.cohort for phase in rollout.phases[: rollout.phase + 2] if phase.cohort is not None]
    reasons = []
    for cohort in reached:
        found = training.covered(
            rollout.workload, training.named(rollout.workload, cohort.attribute, cohort.values), now
        )
        known = {each.cohort.value for each in found}
        reasons += [
            f"Form the cohort {cohort.attribute} = {value} and train it." for value in sorted(cohort.values - known)
        ]
        reasons += [
            f"{each.cohort.name}: {each.coverage.trained} of {each.coverage.people} are trained; "
            f"{each.cohort.threshold} % are wanted."
            for each in found
            if not each.coverage.holds
        ]
    return " ".join(reasons)
