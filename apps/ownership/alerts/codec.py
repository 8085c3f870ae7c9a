"""A policy as it is stored, and back. Pure.

A step: ``{"delay": seconds, "targets": [{"aim", "value"}], "hours": {"zone", "days", "starts", "ends"}}``, the hours
only where it has some.
"""

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apps.ownership.alerts.escalation import Aim, Policy, Step, Target
from apps.ownership.rotation import Hours


def to_steps(policy: Policy) -> list[dict[str, Any]]:
    return [_stored(step) for step in policy.steps]


def to_policy(steps: Sequence[Mapping[str, Any]], repeats: int, ack_timeout: int | None) -> Policy:
    """``ack_timeout`` in seconds."""
    return Policy(
        steps=tuple(_step(each) for each in steps),
        repeats=repeats,
        ack_timeout=None if ack_timeout is None else timedelta(seconds=ack_timeout),
    )


def _stored(step: Step) -> dict[str, Any]:
    targets = [{"aim": target.aim.value, "value": target.value} for target in step.targets]
    found: dict[str, Any] = {"delay": int(step.delay.total_seconds()), "targets": targets}
    if step.hours is not None:
        hours = step.hours
        found["hours"] = {
            "zone": hours.zone.key,
            "days": sorted(hours.days),
            "starts": f"{hours.starts:%H:%M}",
            "ends": f"{hours.ends:%H:%M}",
        }
    return found


def _step(stored: Mapping[str, Any]) -> Step:
    hours = stored.get("hours")
    return Step(
        targets=tuple(Target(Aim(each["aim"]), each["value"]) for each in stored["targets"]),
        delay=timedelta(seconds=stored["delay"]),
        hours=_hours(hours) if hours else None,
    )


def _hours(stored: Mapping[str, Any]) -> Hours:
    return Hours(
        ZoneInfo(stored["zone"]),
        frozenset(stored["days"]),
        time.fromisoformat(stored["starts"]),
        time.fromisoformat(stored["ends"]),
    )
