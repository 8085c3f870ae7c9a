"""A rollout goes nowhere without a cost gate that is complete and live (ROLL-2, COST-9)."""

from datetime import datetime

from apps.budgets import gates
from apps.pricing.rules import day_of
from apps.rollouts.conditions import condition
from apps.rollouts.models import Rollout


@condition("cost gate")
def _gate_is_live(rollout: Rollout, now: datetime) -> str:
    """For both versions between which it splits, and for the budget model."""
    control = rollout.control_version
    models = [rollout.version.model, control.model if control else ""]
    return " ".join(gap.what for gap in gates.missing(rollout.workload, models, day_of(now)))
