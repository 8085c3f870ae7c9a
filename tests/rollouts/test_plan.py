"""ROLL-1, ROLL-4, ROLL-5: what a plan may look like. Each refusal says what to change."""

import math
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.rollouts.assignment import Cohort
from apps.rollouts.plan import (
    DEFAULT_GUARDRAILS,
    DEFAULT_PHASES,
    GuardrailPlan,
    Kind,
    Metric,
    PhasePlan,
    check_plan,
    expected_share,
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
        GuardrailPlan(Metric.LATENCY_P95, Kind.ABSOLUTE, 3_600_000),  # no latency would be seen to be over it
        GuardrailPlan(Metric.COST, Kind.ABSOLUTE, math.inf),
        GuardrailPlan(Metric.COST, Kind.ABSOLUTE, math.nan),
        GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, math.nan),
        GuardrailPlan(Metric.ERROR_RATE, Kind.RELATIVE, math.nan),
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


def test_a_cohort_counts_into_the_step_after_it() -> None:
    """9 % in two departments and then 27 % by hash are 33.57 % of all: more than three times the 9 %."""
    sales = Cohort("department", frozenset({"sales", "support"}))
    phases = [PhasePlan(900, HOUR, cohort=sales), *(PhasePlan(share, HOUR) for share in (2_700, 5_000, 10_000))]
    assert [expected_share(phases, index) for index in range(4)] == [900, 3_357, 5_450, 10_000]
    problems = check_plan(phases, DEFAULT_GUARDRAILS, control_sends_records=True)
    assert [(p.code, p.phase) for p in problems] == [("step_too_large", 1)]
    assert problems[0].message == (
        "Phase 2 goes from 9 % to 33.57 %: go to 27 % at most; a step may multiply the share by 3."
    )


def test_two_limits_of_a_kind_on_one_metric_are_refused() -> None:
    problems = check_plan(DEFAULT_PHASES, DEFAULT_GUARDRAILS[:1] * 2, control_sends_records=True)
    assert [(p.code, p.guardrail) for p in problems] == [("guardrail_twice", 1)]


def test_a_cohort_of_nobody_is_refused() -> None:
    for cohort in (Cohort("", frozenset({"a"})), Cohort("department", frozenset()), Cohort("x", frozenset({""}))):
        phases = [PhasePlan(300, HOUR, cohort=cohort), *(PhasePlan(s, HOUR) for s in (600, 1_500, 4_500, 10_000))]
        problems = check_plan(phases, DEFAULT_GUARDRAILS, control_sends_records=True)
        assert [(p.code, p.phase) for p in problems] == [("cohort_empty", 0)]


@given(st.lists(st.integers(-100, 11_000), max_size=7))
def test_an_accepted_plan_keeps_every_rule_and_a_refusal_is_a_sentence(shares: list[int]) -> None:
    phases = [PhasePlan(share, HOUR) for share in shares]
    problems = check_plan(phases, DEFAULT_GUARDRAILS, control_sends_records=True)
    keeps = (
        shares[-1:] == [10_000]
        and len(shares) >= 4
        and 0 < shares[0] <= 1_000
        and all(a < b <= 3 * a for a, b in pairwise(shares))
    )
    assert keeps == (not problems)
    assert all(problem.message.endswith(".") for problem in problems)
