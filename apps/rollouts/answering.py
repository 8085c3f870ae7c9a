"""Who answers where there is neither a rollout nor a version in service: an app above says it, for the page."""

from collections.abc import Callable
from datetime import datetime

from apps.workloads.models import Workload

Say = Callable[[Workload, datetime], str]
_said: list[Say] = []


def says_who_answers(say: Say) -> Say:
    """Register a sentence; empty where there is nothing to say."""
    _said.append(say)
    return say


def before_rollout(workload: Workload, now: datetime) -> str:
    return " ".join(filter(None, (say(workload, now) for say in _said)))
