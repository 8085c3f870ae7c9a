"""What a rollout plan may look like (ROLL-1, ROLL-4, ROLL-5). Pure: phases and guardrails in, problems out."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from apps.rollouts.assignment import ALL, Cohort, Exposure
from apps.telemetry import histogram

FIRST_SHARE_AT_MOST = 1_000
PHASES_BEFORE_ALL = 3
STEP_AT_MOST = 3
LEAST_TRANSACTIONS = 200


class Metric(StrEnum):
    ERROR_RATE = "error_rate"
    LATENCY_P95 = "latency_p95"
    VALIDATOR_FLAGS = "validator_flag_rate"
    COST = "cost_per_transaction"
    OVERRIDES = "override_rate"
    SOFT_FAILURES = "soft_failure_rate"
    TRUST = "trust_signal"
    UNAUTHORISED = "unauthorised_actions"


class Kind(StrEnum):
    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class OnBreach(StrEnum):
    ROLL_BACK = "roll_back"
    HOLD = "hold"


RATES = frozenset({Metric.ERROR_RATE, Metric.VALIDATOR_FLAGS, Metric.OVERRIDES, Metric.SOFT_FAILURES, Metric.TRUST})


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase. ``share`` in basis points; with a cohort it is what all who are in by then are expected to be."""

    share: int
    bake: timedelta
    min_transactions: int = LEAST_TRANSACTIONS
    cohort: Cohort | None = None


@dataclass(frozen=True, slots=True)
class GuardrailPlan:
    """A limit and what happens when it is broken.

    Absolute limits: a rate from 0 to 1, milliseconds, money a transaction, or a count. Relative ones: how many times
    the control arm's value.
    """

    metric: Metric
    kind: Kind
    limit: float
    on_breach: OnBreach = OnBreach.ROLL_BACK


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a plan is refused: a code, a sentence that says what to change, and where."""

    code: str
    message: str
    phase: int | None = None
    guardrail: int | None = None


_DAY = timedelta(days=1)

DEFAULT_PHASES: tuple[PhasePlan, ...] = (
    PhasePlan(500, 2 * _DAY),
    PhasePlan(1_000, _DAY),
    PhasePlan(2_500, _DAY),
    PhasePlan(5_000, _DAY),
    PhasePlan(ALL, _DAY),
)

DEFAULT_GUARDRAILS: tuple[GuardrailPlan, ...] = (
    GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05),
    GuardrailPlan(Metric.ERROR_RATE, Kind.RELATIVE, 2.0),
    GuardrailPlan(Metric.LATENCY_P95, Kind.RELATIVE, 1.5),
    GuardrailPlan(Metric.VALIDATOR_FLAGS, Kind.ABSOLUTE, 0.05),
    GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5),
    GuardrailPlan(Metric.SOFT_FAILURES, Kind.ABSOLUTE, 0.02, OnBreach.HOLD),
    GuardrailPlan(Metric.UNAUTHORISED, Kind.ABSOLUTE, 0.0),
)


def exposure(phases: Sequence[PhasePlan], index: int) -> Exposure:
    """What is served in phase ``index``: the largest share by hash so far and all cohorts so far; -1 is nothing."""
    reached = phases[: index + 1]
    if not reached:
        return Exposure(share=0)
    share = max((phase.share for phase in reached if phase.cohort is None), default=0)
    cohorts = tuple(phase.cohort for phase in reached if phase.cohort is not None)
    control = 0 if share >= ALL else reached[-1].share
    return Exposure(share=share, control=control, cohorts=cohorts)


def judged(guardrails: Sequence[GuardrailPlan], share: int) -> tuple[GuardrailPlan, ...]:
    """The guardrails that can be judged at a share: at 100 % there is no control arm, so absolute limits alone."""
    return tuple(g for g in guardrails if share < ALL or g.kind is Kind.ABSOLUTE)


def expected_share(phases: Sequence[PhasePlan], index: int) -> int:
    """The share of all units that phase ``index`` serves: by hash, and of the rest those in the cohorts so far."""
    if phases[index].cohort is not None:
        return phases[index].share
    cohorts = max((phase.share for phase in phases[:index] if phase.cohort is not None), default=0)
    share = phases[index].share
    return share + (ALL - share) * cohorts // ALL


def check_plan(
    phases: Sequence[PhasePlan], guardrails: Sequence[GuardrailPlan], *, control_sends_records: bool
) -> list[Problem]:
    """Everything that is wrong with a plan; an empty list is a plan that may be approved."""
    return [*_phase_problems(phases), *_guardrail_problems(guardrails, control_sends_records)]


def _phase_problems(phases: Sequence[PhasePlan]) -> Iterator[Problem]:
    if not phases or phases[-1].share != ALL or phases[-1].cohort is not None:
        last = len(phases) - 1 if phases else None
        yield Problem("no_full_phase", "End the plan with a phase of 100 % of all units.", last)
    if sum(phase.share < ALL for phase in phases) < PHASES_BEFORE_ALL:
        yield Problem("too_few_phases", f"Put at least {PHASES_BEFORE_ALL} phases before 100 %.")
    if phases and phases[0].share > FIRST_SHARE_AT_MOST:
        yield Problem("first_share_too_large", f"Begin with 10 % at most, not with {_percent(phases[0].share)}.", 0)
    for index, phase in enumerate(phases):
        yield from _one_phase(index, phase)
        if index:
            yield from _step(phases, index)


def _one_phase(index: int, phase: PhasePlan) -> Iterator[Problem]:
    name = f"Phase {index + 1}"
    if not 0 < phase.share <= ALL:
        yield Problem("share_out_of_range", f"{name}: set a share above 0 % and at most 100 %.", index)
    if phase.bake <= timedelta(0):
        yield Problem("bake_missing", f"{name}: set a bake time above 0.", index)
    if phase.min_transactions < LEAST_TRANSACTIONS:
        yield Problem("too_few_transactions", f"{name}: ask for at least {LEAST_TRANSACTIONS} transactions.", index)
    if phase.cohort is not None and not (phase.cohort.attribute and phase.cohort.values and all(phase.cohort.values)):
        yield Problem("cohort_empty", f"{name}: name the cohort's attribute and at least one value.", index)


def _step(phases: Sequence[PhasePlan], index: int) -> Iterator[Problem]:
    if phases[index].share <= phases[index - 1].share:
        message = f"Phase {index + 1}: set more than the {_percent(phases[index - 1].share)} before; shares only grow."
        yield Problem("share_shrinks", message, index)
        return
    before, after = expected_share(phases, index - 1), expected_share(phases, index)
    if after > before * STEP_AT_MOST:
        message = (
            f"Phase {index + 1} goes from {_percent(before)} to {_percent(after)}: go to "
            f"{_percent(before * STEP_AT_MOST)} at most; a step may multiply the share by {STEP_AT_MOST}."
        )
        yield Problem("step_too_large", message, index)


def _guardrail_problems(guardrails: Sequence[GuardrailPlan], control_sends_records: bool) -> Iterator[Problem]:
    if not guardrails:
        yield Problem("no_guardrail", "Add at least one guardrail.")
    elif not judged(guardrails, ALL):
        message = "Add an absolute limit: at 100 % there is no control arm to compare with."
        yield Problem("no_absolute_guardrail", message)
    seen: set[tuple[Metric, Kind]] = set()
    for index, guardrail in enumerate(guardrails):
        if (guardrail.metric, guardrail.kind) in seen:
            message = f"{_name(guardrail)}: keep one {guardrail.kind} limit and remove the other."
            yield Problem("guardrail_twice", message, guardrail=index)
        seen.add((guardrail.metric, guardrail.kind))
        message = _limit_problem(guardrail, control_sends_records)
        if message:
            yield Problem("limit_invalid", message, guardrail=index)


def _limit_problem(guardrail: GuardrailPlan, control_sends_records: bool) -> str:
    """What to change about a limit, or nothing."""
    if guardrail.kind is Kind.RELATIVE:
        if not control_sends_records:
            return f"{_name(guardrail)}: set an absolute limit; the control arm sends no records to compare with."
        if guardrail.metric is Metric.UNAUTHORISED:
            return f"{_name(guardrail)}: set the absolute limit 0; it can't be relative."
        return "" if 1 <= guardrail.limit <= 10 else f"{_name(guardrail)}: set 1 to 10 times the control arm."
    if guardrail.metric in RATES:
        return "" if 0 < guardrail.limit < 1 else f"{_name(guardrail)}: set a rate between 0 and 1, such as 0.05."
    if guardrail.metric is Metric.UNAUTHORISED:
        return "" if guardrail.limit == 0 else f"{_name(guardrail)}: set the limit 0."
    if guardrail.metric is Metric.LATENCY_P95:
        # Beyond the histogram's last edge no latency is seen to be over a limit.
        allowed = 1 <= guardrail.limit <= histogram.LARGEST_MS
        return "" if allowed else f"{_name(guardrail)}: set 1 ms to {histogram.LARGEST_MS / 60_000:.0f} minutes."
    return "" if 0 < guardrail.limit < math.inf else f"{_name(guardrail)}: set an amount above 0."


def _name(guardrail: GuardrailPlan) -> str:
    return guardrail.metric.replace("_", " ")


def _percent(share: int) -> str:
    return f"{share / 100:g} %"
