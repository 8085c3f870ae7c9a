"""What ends or begins with a workload's stage: apps above register it, and it is done in the same transaction."""

from collections.abc import Callable

from apps.workloads.models import Workload
from portal.actor import Actor

Follow = Callable[[Workload, Actor], None]
_following: list[Follow] = []


def on_stage_set(follow: Follow) -> Follow:
    """Have ``follow`` called with a workload whose stage was just written, and whoever wrote it."""
    _following.append(follow)
    return follow


def stage_was_set(workload: Workload, actor: Actor) -> None:
    for follow in _following:
        follow(workload, actor)
