"""What has to hold before a rollout starts, and again before each later step (ROLL-2, ROLL-3).

Apps register their conditions here: a name and a function that returns why not, or nothing. Those of the rollout
itself stand below; gates, posture, cost gates and on-call add theirs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.rollouts import codec
from apps.rollouts.models import Rollout
from apps.workloads.policy import SHARE_CAP


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that doesn't hold: its name, and what to do about it."""

    name: str
    why: str


Condition = Callable[[Rollout, datetime], str]
_conditions: dict[str, Condition] = {}


def condition(name: str) -> Callable[[Condition], Condition]:
    """Register a condition under a name that people read."""

    def register(check: Condition) -> Condition:
        if name in _conditions:
            raise RuntimeError(f"There is a condition {name!r} already.")
        _conditions[name] = check
        return check

    return register


def unmet(rollout: Rollout, now: datetime) -> list[Unmet]:
    """All conditions that don't hold for a rollout, in the order in which they were registered."""
    return [Unmet(name, why) for name, check in _conditions.items() if (why := check(rollout, now))]


def over_cap(rollout: Rollout, share: int) -> str:
    """Why the posture doesn't let the rollout step to ``share`` (basis points), or nothing (ROLL-3)."""
    cap = SHARE_CAP[rollout.workload.posture]
    if share <= cap:
        return ""
    return f"The posture is {rollout.workload.get_posture_display()}, which allows {cap / 100:g} %."


@condition("version")
def _version(rollout: Rollout, now: datetime) -> str:
    return "" if rollout.version.workload_id == rollout.workload_id else "The version belongs to another workload."


@condition("fallback")
def _fallback(rollout: Rollout, now: datetime) -> str:
    workload = rollout.workload
    if workload.fallback_kind and workload.fallback_description:
        return ""
    return "The workload names no fallback: say what worked before and how to reach it."


@condition("guardrail")
def _guardrail(rollout: Rollout, now: datetime) -> str:
    return "" if rollout.guardrails else "The plan has no guardrail."


@condition("approval")
def _approval(rollout: Rollout, now: datetime) -> str:
    if rollout.approval is None:
        return "Nobody has approved the plan."
    if not rollout.approval.holds(now):
        return "The approval has run out; ask for a new one."
    if rollout.approved_hash != codec.content_hash(rollout.content()):
        return "The plan has changed since it was approved; ask for a new approval."
    return ""


@condition("snapshot")
def _snapshot(rollout: Rollout, now: datetime) -> str:
    return "" if rollout.snapshot else "There is no snapshot to roll back to."


@condition("posture")
def _posture(rollout: Rollout, now: datetime) -> str:
    return "The posture is Pause." if SHARE_CAP[rollout.workload.posture] == 0 else ""


@condition("workload")
def _workload(rollout: Rollout, now: datetime) -> str:
    return "The workload is retired." if rollout.workload.retired_at else ""
