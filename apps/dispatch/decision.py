"""One decision: which handler answers this unit, and why (DISP-2, ROLL-4). Pure.

Where there is neither a rollout, a service before it, nor a version in service the handler is the fallback; in doubt it
is, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.dispatch.pilot.rules import Mode
from apps.dispatch.snapshot import Flag, Pilot, Version
from apps.rollouts.assignment import ALL, Arm, arm

# Where a caller takes the hold that an evaluation doesn't take.
RESERVE_AT = "/api/v1/dispatch"


class Reason(StrEnum):
    """Why, in words that a program reads."""

    NO_ROLLOUT = "no_rollout"
    IN_SERVICE = "in_service"
    IN_ROLLOUT = "in_rollout"
    CONTROL = "control_arm"
    NOT_IN_ROLLOUT = "not_in_rollout"
    STALE = "configuration_unavailable"
    NOT_SERVED = "version_not_in_service"
    GATE_INCOMPLETE = "gate_incomplete"
    PILOT = "in_pilot"
    SHADOW = "in_shadow"
    NOT_IN_PILOT = "not_in_pilot"


@dataclass(frozen=True, slots=True)
class Decision:
    """``arm`` is agent or control while a rollout runs and the unit is in one, else none."""

    flag: Flag
    version: Version | None
    arm: Arm
    reason: Reason

    @property
    def handler(self) -> str:
        """In shadow the agent answers too, and the fallback is what counts (DISP-2)."""
        if self.version is None:
            return "fallback"
        return "shadow" if self.reason is Reason.SHADOW else "agent"

    @property
    def is_pilot(self) -> bool:
        return self.reason is Reason.PILOT


def needs_unit(flag: Flag) -> bool:
    """Whether the answer depends on who asks."""
    if flag.pilot is not None:
        return flag.pilot.terms.needs_unit
    return flag.split is not None and flag.split.exposure.share < ALL


def decide(flag: Flag, unit: str | None, attributes: Mapping[str, object], *, is_current: bool = True) -> Decision:
    if not is_current:
        return Decision(flag, None, Arm.NONE, Reason.STALE)
    if not flag.is_gated:
        return ungated(flag)
    split = flag.split
    if flag.pilot is not None:
        return _before_rollout(flag, flag.pilot, unit, attributes)
    if split is None:
        return Decision(flag, flag.stable, Arm.NONE, Reason.IN_SERVICE if flag.stable else Reason.NO_ROLLOUT)
    found = arm(split.exposure, seed=split.seed, unit=unit, attributes=attributes, mode=split.mode)
    if found is Arm.AGENT:
        return Decision(flag, split.agent, found, Reason.IN_ROLLOUT)
    return Decision(flag, flag.stable, found, Reason.CONTROL if found is Arm.CONTROL else Reason.NOT_IN_ROLLOUT)


def ungated(flag: Flag) -> Decision:
    """A workload without a complete cost gate gets no decision but the fallback (COST-9)."""
    return Decision(flag, None, Arm.NONE, Reason.GATE_INCOMPLETE)


def of_version(flag: Flag, label: str, *, is_current: bool = True) -> Decision:
    """A request goes on with the version that it began with, for as long as that is served (ROLL-8)."""
    if not is_current:
        return Decision(flag, None, Arm.NONE, Reason.STALE)
    if not flag.is_gated:
        return ungated(flag)
    if flag.split and flag.split.agent.label == label:
        return Decision(flag, flag.split.agent, Arm.AGENT, Reason.IN_ROLLOUT)
    if flag.stable and flag.stable.label == label:
        return Decision(flag, flag.stable, Arm.NONE, Reason.IN_SERVICE)
    if flag.pilot and flag.pilot.agent.label == label:
        return Decision(flag, flag.pilot.agent, Arm.NONE, _IN[flag.pilot.terms.mode])
    return Decision(flag, None, Arm.NONE, Reason.NOT_SERVED)


_IN = {Mode.COHORT: Reason.PILOT, Mode.SHADOW: Reason.SHADOW}


def _before_rollout(flag: Flag, pilot: Pilot, unit: str | None, attributes: Mapping[str, object]) -> Decision:
    if pilot.terms.takes(unit, attributes, seed=pilot.seed):
        return Decision(flag, pilot.agent, Arm.NONE, _IN[pilot.terms.mode])
    return Decision(flag, None, Arm.NONE, Reason.NOT_IN_PILOT)


def value(decision: Decision) -> dict[str, Any]:
    """The decision as the value that a client gets. Nothing is held by it: an agent's call is dispatched first."""
    flag, split = decision.flag, decision.flag.split
    body: dict[str, Any] = {
        "workload": flag.key,
        "handler": decision.handler,
        "version": decision.version.label if decision.version else "",
        "model": decision.version.model if decision.version else "",
        "arm": decision.arm.value,
        "pilot": decision.is_pilot,
        "reason": decision.reason.value,
        "fallback": flag.fallback,
        "reserved": False,
        "reserve_at": RESERVE_AT if decision.version else "",
    }
    if split is not None:
        body |= {"rollout": split.rollout_id, "phase": split.step, "share": split.exposure.share / 100}
    return body
