"""What a rollout plan may look like (ROLL-1, ROLL-4, ROLL-5). Pure: phases and guardrails in, problems out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from apps.rollouts.assignment import ALL, Cohort, Exposure

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
    UNAUTHORISED = "unauthorised_actions"


class Kind(StrEnum):
    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class OnBreach(StrEnum):
    ROLL_BACK = "roll_back"
    HOLD = "hold"


RATES = frozenset({Metric.ERROR_RATE, Metric.VALIDATOR_FLAGS, Metric.OVERRIDES})


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase. ``share`` in basis points; with a cohort it is the share that the cohort is expected to be."""

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


def check_plan(
    phases: Sequence[PhasePlan], guardrails: Sequence[GuardrailPlan], *, control_sends_records: bool
) -> list[Problem]:
    """Everything that is wrong with a plan; an empty list is a plan that may be approved."""
    return [*_phase_problems(phases), *_guardrail_problems(guardrails, control_sends_records)]


def _phase_problems(phases: Sequence[PhasePlan]) -> Iterator[Problem]:
    if not phases or phases[-1].share != ALL or phases[-1].cohort is not None:
        yield Problem("no_full_phase", "The last phase has to be 100 % of all units.", len(phases) - 1)
    if sum(phase.share < ALL for phase in phases) < PHASES_BEFORE_ALL:
        yield Problem("too_few_phases", f"At least {PHASES_BEFORE_ALL} phases have to come before 100 %.")
    if phases and phases[0].share > FIRST_SHARE_AT_MOST:
        yield Problem("first_share_too_large", "The first phase may be 10 % at most.", 0)
    for index, phase in enumerate(phases):
        yield from _one_phase(index, phase, phases[index - 1] if index else None)


def _one_phase(index: int, phase: PhasePlan, before: PhasePlan | None) -> Iterator[Problem]:
    if not 0 < phase.share <= ALL:
        yield Problem("share_out_of_range", "A share has to be above 0 % and at most 100 %.", index)
    if phase.bake <= timedelta(0):
        yield Problem("bake_missing", "A phase needs a bake time.", index)
    if phase.min_transactions < LEAST_TRANSACTIONS:
        yield Problem("too_few_transactions", f"A phase needs at least {LEAST_TRANSACTIONS} transactions.", index)
    if phase.cohort is not None and not (phase.cohort.attribute and phase.cohort.values):
        yield Problem("cohort_empty", "A cohort needs an attribute and at least one value.", index)
    if before is None:
        return
    if phase.share <= before.share:
        yield Problem("share_shrinks", f"{_percent(phase)} after {_percent(before)}: shares only grow.", index)
    elif phase.share > before.share * STEP_AT_MOST:
        message = f"{_percent(before)} to {_percent(phase)}: a step may at most multiply the share by {STEP_AT_MOST}."
        yield Problem("step_too_large", message, index)


def _guardrail_problems(guardrails: Sequence[GuardrailPlan], control_sends_records: bool) -> Iterator[Problem]:
    if not guardrails:
        yield Problem("no_guardrail", "A rollout needs at least one guardrail.")
    elif not judged(guardrails, ALL):
        message = "At 100 % there is no control arm: set at least one absolute limit."
        yield Problem("no_absolute_guardrail", message)
    seen: set[tuple[Metric, Kind]] = set()
    for index, guardrail in enumerate(guardrails):
        if (guardrail.metric, guardrail.kind) in seen:
            yield Problem("guardrail_twice", f"{guardrail.metric} has two {guardrail.kind} limits.", guardrail=index)
        seen.add((guardrail.metric, guardrail.kind))
        message = _limit_problem(guardrail, control_sends_records)
        if message:
            yield Problem("limit_invalid", message, guardrail=index)


def _limit_problem(guardrail: GuardrailPlan, control_sends_records: bool) -> str:
    if guardrail.kind is Kind.RELATIVE:
        if not control_sends_records:
            return f"{guardrail.metric}: the control arm sends no records, so set an absolute limit."
        if guardrail.metric is Metric.UNAUTHORISED:
            return "Actions outside authority have an absolute limit only."
        return "" if 1 <= guardrail.limit <= 10 else f"{guardrail.metric}: 1 to 10 times the control arm."
    if guardrail.metric in RATES:
        return "" if 0 < guardrail.limit < 1 else f"{guardrail.metric}: a rate between 0 and 1, e.g. 0.05."
    if guardrail.metric is Metric.UNAUTHORISED:
        return "" if guardrail.limit == 0 else "Actions outside authority have the limit 0."
    return "" if guardrail.limit > 0 else f"{guardrail.metric}: a limit above 0."


def _percent(phase: PhasePlan) -> str:
    return f"{phase.share / 100:g} %"
