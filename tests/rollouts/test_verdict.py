"""ROLL-5, ROLL-6, ROLL-11: verdicts, effects, states and the bake clock."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from apps.rollouts.bake import accrue
from apps.rollouts.machine import ACTIVE, ALLOWED, State, may
from apps.rollouts.plan import GuardrailPlan, Kind, Metric, OnBreach
from apps.rollouts.statistics import Mean
from apps.rollouts.verdict import Effect, Figures, Judgement, Run, Verdict, blind_limit, effect, judge, run
from apps.telemetry import histogram

ERRORS = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def verdict(guardrail: GuardrailPlan, agent: Figures, control: Figures | None = None) -> Verdict:
    return judge(guardrail, agent, control or Figures(), alpha=0.005, least=200).verdict


def latencies(ms: float, n: int) -> tuple[int, ...]:
    counts = [0] * histogram.BUCKETS
    counts[histogram.bucket_of(ms)] = n
    return tuple(counts)


@pytest.mark.parametrize(
    ("n", "errors", "expected"),
    [
        (0, 0, Verdict.NO_DATA),
        (50, 0, Verdict.INSUFFICIENT),
        (30, 15, Verdict.BREACH),
        (400, 4, Verdict.PASS),
        (400, 18, Verdict.INCONCLUSIVE),
    ],
)
def test_a_rate_against_its_limit(n: int, errors: int, expected: Verdict) -> None:
    assert verdict(ERRORS, Figures(n=n, errors=errors)) is expected


def test_a_rate_against_the_control_arm() -> None:
    twice = GuardrailPlan(Metric.ERROR_RATE, Kind.RELATIVE, 2.0)
    control = Figures(n=4_000, errors=40)
    assert verdict(twice, Figures(n=4_000, errors=400), control) is Verdict.BREACH
    assert verdict(twice, Figures(n=4_000, errors=40), control) is Verdict.PASS
    assert verdict(twice, Figures(n=50, errors=1), control) is Verdict.INSUFFICIENT
    assert verdict(twice, Figures(n=500, errors=5), Figures()) is Verdict.NO_DATA


def test_two_arms_without_any_error_pass() -> None:
    twice = GuardrailPlan(Metric.ERROR_RATE, Kind.RELATIVE, 2.0)
    assert verdict(twice, Figures(n=3_000), Figures(n=3_000)) is Verdict.PASS


def test_latency_is_judged_by_the_share_above_the_limit() -> None:
    limit = GuardrailPlan(Metric.LATENCY_P95, Kind.ABSOLUTE, 1_000)
    assert verdict(limit, Figures(n=300, latency=latencies(400, 300))) is Verdict.PASS
    assert verdict(limit, Figures(n=60, latency=latencies(3_000, 60))) is Verdict.BREACH


def test_latency_against_the_control_arm() -> None:
    ratio = GuardrailPlan(Metric.LATENCY_P95, Kind.RELATIVE, 1.5)
    control = Figures(n=500, latency=latencies(800, 500))
    assert verdict(ratio, Figures(n=500, latency=latencies(850, 500)), control) is Verdict.PASS
    assert verdict(ratio, Figures(n=100, latency=latencies(2_000, 100)), control) is Verdict.BREACH
    assert verdict(ratio, Figures(n=500, latency=latencies(850, 500)), Figures()) is Verdict.INSUFFICIENT


def test_cost_a_transaction() -> None:
    ratio = GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5)
    control = Figures(n=500, cost=Mean(500, 5.0, 0.055))
    assert verdict(ratio, Figures(n=500, cost=Mean(500, 5.1, 0.057)), control) is Verdict.PASS
    assert verdict(ratio, Figures(n=500, cost=Mean(500, 15.0, 0.5)), control) is Verdict.BREACH
    assert verdict(ratio, Figures(n=500), control) is Verdict.NO_DATA  # unknown is not free


def test_one_action_outside_authority_is_a_breach() -> None:
    none = GuardrailPlan(Metric.UNAUTHORISED, Kind.ABSOLUTE, 0)
    assert verdict(none, Figures(n=10_000, unauthorised=1)) is Verdict.BREACH
    assert verdict(none, Figures(n=10)) is Verdict.PASS
    assert verdict(none, Figures()) is Verdict.NO_DATA


def test_validator_flags_count_on_judged_samples_only() -> None:
    flags = GuardrailPlan(Metric.VALIDATOR_FLAGS, Kind.ABSOLUTE, 0.05)
    assert verdict(flags, Figures(n=5_000, judged=0)) is Verdict.NO_DATA
    assert verdict(flags, Figures(n=5_000, judged=60, flagged=30)) is Verdict.BREACH


def test_the_first_verdict_of_the_order_decides_and_no_guardrail_is_never_a_pass() -> None:
    flags = GuardrailPlan(Metric.VALIDATOR_FLAGS, Kind.ABSOLUTE, 0.05)
    agent = Figures(n=400, errors=4)
    assert run([ERRORS, flags], agent, Figures(), alpha=0.005, least=200).verdict is Verdict.NO_DATA
    assert run([ERRORS], agent, Figures(), alpha=0.005, least=200).verdict is Verdict.PASS
    assert run([ERRORS], agent, Figures(), alpha=0.005, least=200, split=(500, 900, 0)).verdict is Verdict.UNHEALTHY
    assert run([ERRORS], agent, Figures(), alpha=0.005, least=200, failed="timeout").verdict is Verdict.ERROR
    assert run([], agent, Figures(), alpha=0.005, least=200).verdict is Verdict.ERROR


def test_both_arms_degraded_together_point_at_the_provider() -> None:
    look = run([ERRORS], Figures(n=100, errors=50), Figures(n=100, errors=48), alpha=0.005, least=200)
    assert (look.verdict, look.provider) == (Verdict.BREACH, True)
    assert effect(look, baked=False, extended=False, blind_for=MINUTE, blind_limit=30 * MINUTE) is Effect.HOLD


# The table of docs/guardrails.md: (verdict, baked, extended, blind) -> effect.
TABLE = {
    Verdict.BREACH: lambda baked, extended, blind: Effect.ROLL_BACK,
    Verdict.UNHEALTHY: lambda baked, extended, blind: Effect.STEP_BACK if blind else Effect.HOLD,
    Verdict.ERROR: lambda baked, extended, blind: Effect.STEP_BACK if blind else Effect.HOLD,
    **{
        v: lambda baked, extended, blind: (
            Effect.STEP_BACK if blind else Effect.WAIT if not baked else Effect.HOLD if extended else Effect.EXTEND
        )
        for v in (Verdict.NO_DATA, Verdict.INSUFFICIENT, Verdict.INCONCLUSIVE)
    },
    Verdict.PASS: lambda baked, extended, blind: (
        Effect.STEP_BACK if blind else Effect.ADVANCE if baked else Effect.WAIT
    ),
}


@pytest.mark.parametrize(("found", "baked", "extended", "blind"), list(product(Verdict, *[[False, True]] * 3)))
def test_each_cell_of_the_table_of_effects(found: Verdict, baked: bool, extended: bool, blind: bool) -> None:
    look = Run(found, (Judgement(ERRORS, found),))
    blind_for = 31 * MINUTE if blind else MINUTE
    done = effect(look, baked=baked, extended=extended, blind_for=blind_for, blind_limit=30 * MINUTE)
    assert done is TABLE[found](baked, extended, blind)


def test_a_breach_may_be_told_to_hold_only() -> None:
    gentle = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05, OnBreach.HOLD)
    look = Run(Verdict.BREACH, (Judgement(gentle, Verdict.BREACH),))
    assert effect(look, baked=True, extended=False, blind_for=MINUTE, blind_limit=30 * MINUTE) is Effect.HOLD


def test_blindness_is_borne_for_half_an_hour_at_a_quarter_and_four_hours_below() -> None:
    assert blind_limit(2_500) == timedelta(minutes=30)
    assert blind_limit(2_499) == timedelta(hours=4)


def test_final_states_are_final_and_only_listed_moves_exist() -> None:
    assert ALLOWED[State.ROLLED_BACK] == ALLOWED[State.CANCELLED] == frozenset()
    assert not may(State.ROLLED_BACK, State.RUNNING)
    assert not may(State.DRAFT, State.RUNNING)
    assert all(may(state, State.ROLLING_BACK) for state in (State.RUNNING, State.HELD, State.COMPLETED))
    assert set(ALLOWED) == set(State)
    assert State.COMPLETED not in ACTIVE


@pytest.mark.parametrize(
    ("minutes", "observed", "expected"), [(1, True, 1), (10, True, 2), (-5, True, 0), (1, False, 0)]
)
def test_bake_time_is_observed_time(minutes: int, observed: bool, expected: int) -> None:
    baked = accrue(timedelta(0), looked_at=NOW, now=NOW + minutes * MINUTE, observed=observed, at_most=2 * MINUTE)
    assert baked == expected * MINUTE


def test_the_first_look_counts_no_time() -> None:
    assert accrue(MINUTE, looked_at=None, now=NOW, observed=True, at_most=MINUTE) == MINUTE
