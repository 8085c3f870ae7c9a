"""What ends when a rollout starts: apps above register it, and it is done in the transaction of the start."""

from collections.abc import Callable
from datetime import datetime

from apps.rollouts.models import Rollout
from portal.actor import Actor

Follow = Callable[[Rollout, Actor, datetime], None]
_following: list[Follow] = []


def on_started(follow: Follow) -> Follow:
    """Have ``follow`` called with a rollout that has just entered its first phase."""
    _following.append(follow)
    return follow


def started(rollout: Rollout, actor: Actor, now: datetime) -> None:
    for follow in _following:
        follow(rollout, actor, now)
