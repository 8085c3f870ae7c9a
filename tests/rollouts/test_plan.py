"""ROLL-1, ROLL-4, ROLL-5: what a plan may look like. Each refusal says what to change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from apps.rollouts.assignment import Cohort
from apps.rollouts.plan import (
    DEFAULT_GUARDRAILS,
    DEFAULT_PHASES,
    GuardrailPlan,
    Kind,
    Metric,
    PhasePlan,
    check_plan,
    exposure,
)

HOUR = timedelta(hours=1)


def codes(shares: list[int], **changes: object) -> list[str]:
    phases = [replace(PhasePlan(share, HOUR), **changes) for share in shares]
    return [problem.code for problem in check_plan(phases, DEFAULT_GUARDRAILS, control_sends_records=True)]


def test_the_default_plan_is_sound() -> None:
    assert check_plan(DEFAULT_PHASES, DEFAULT_GUARDRAILS, control_sends_records=True) == []


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([500, 1_000, 500, 5_000, 10_000], ["share_shrinks", "step_too_large"]),
        ([1_100, 2_500, 5_000, 10_000], ["first_share_too_large"]),
        ([500, 1_501, 4_000, 10_000], ["step_too_large"]),
        ([500, 1_500, 4_500, 10_000], []),
        ([1_000, 3_000, 10_000], ["too_few_phases", "step_too_large"]),
        ([500, 1_000, 2_500, 5_000], ["no_full_phase"]),
        ([], ["no_full_phase", "too_few_phases"]),
    ],
)
def test_shares_grow_in_steps(shares: list[int], expected: list[str]) -> None:
    assert codes(shares) == expected


def test_a_phase_needs_time_and_transactions() -> None:
    assert set(codes([500, 1_000, 2_500, 5_000, 10_000], bake=timedelta(0))) == {"bake_missing"}
    assert set(codes([500, 1_000, 2_500, 5_000, 10_000], min_transactions=199)) == {"too_few_transactions"}


def test_no_guardrail_is_no_plan() -> None:
    assert [p.code for p in check_plan(DEFAULT_PHASES, [], control_sends_records=True)] == ["no_guardrail"]


def test_relative_limits_are_refused_where_the_control_arm_sends_no_records() -> None:
    problems = check_plan(DEFAULT_PHASES, DEFAULT_GUARDRAILS, control_sends_records=False)
    assert [p.guardrail for p in problems] == [1, 2, 4]
    assert "absolute limit" in problems[0].message


@pytest.mark.parametrize(
    "guardrail",
    [
        GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.0),
        GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 5.0),
        GuardrailPlan(Metric.COST, Kind.ABSOLUTE, -1.0),
        GuardrailPlan(Metric.UNAUTHORISED, Kind.ABSOLUTE, 3.0),
        GuardrailPlan(Metric.UNAUTHORISED, Kind.RELATIVE, 2.0),
        GuardrailPlan(Metric.LATENCY_P95, Kind.RELATIVE, 0.5),
    ],
)
def test_absurd_limits_are_refused(guardrail: GuardrailPlan) -> None:
    codes = [p.code for p in check_plan(DEFAULT_PHASES, [guardrail], control_sends_records=True)]
    assert codes[-1] == "limit_invalid"


def test_cohorts_add_up_and_the_share_by_hash_stays() -> None:
    """ROLL-1: a phase is a share or a cohort; who is in at one phase is in at the next."""
    support = Cohort("department", frozenset({"support"}))
    phases = [PhasePlan(300, HOUR, cohort=support), PhasePlan(500, HOUR), PhasePlan(1_500, HOUR)]
    assert [exposure(phases, i).share for i in (-1, 0, 1, 2)] == [0, 0, 500, 1_500]
    assert [len(exposure(phases, i).cohorts) for i in (-1, 0, 1, 2)] == [0, 1, 1, 1]
    assert exposure(phases, 0).control == 300


def test_a_plan_of_relative_limits_alone_could_never_judge_the_last_phase() -> None:
    relative = GuardrailPlan(Metric.ERROR_RATE, Kind.RELATIVE, 2.0)
    problems = check_plan(DEFAULT_PHASES, [relative], control_sends_records=True)
    assert [p.code for p in problems] == ["no_absolute_guardrail"]
