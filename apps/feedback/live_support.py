"""No rollout starts before it is named who answers its users (ROLL-10, FEED-5)."""

from datetime import datetime

from apps.feedback import desks
from apps.rollouts.conditions import condition
from apps.rollouts.models import Rollout


@condition("live support")
def _desk_is_named(rollout: Rollout, now: datetime) -> str:
    """A desk with people who are still here, and a forecast of its load."""
    desk = desks.desk_of(rollout.workload)
    if desk is None:
        return "Name the support desk of its first 30 days: people, hours and the load that is expected."
    return "" if desks.is_staffed(desk) else "Everybody at the support desk has left: name others."
