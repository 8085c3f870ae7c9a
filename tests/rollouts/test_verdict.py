"""ROLL-5, ROLL-6: verdicts and what follows from them."""

import math
import random
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.rollouts.plan import GuardrailPlan, Kind, Metric, OnBreach
from apps.rollouts.statistics import Mean, split_alpha
from apps.rollouts.verdict import Effect, Figures, Judgement, Run, Verdict, blind_limit, effect, judge, run, sentence
from apps.telemetry import histogram

ERRORS = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05)
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
    assert verdict(ratio, Figures(n=500, latency=latencies(850, 500)), Figures()) is Verdict.NO_DATA


def test_a_latency_limit_inside_a_bucket_is_neither_broken_nor_kept_by_what_lies_in_it() -> None:
    """The bucket goes from 956 to 1,051 ms: its records may lie on either side of the limit."""
    limit = GuardrailPlan(Metric.LATENCY_P95, Kind.ABSOLUTE, 1_000)
    assert verdict(limit, Figures(n=5_000, latency=latencies(990, 5_000))) is Verdict.INCONCLUSIVE
    assert verdict(limit, Figures(n=5_000, latency=latencies(950, 5_000))) is Verdict.PASS
    assert verdict(limit, Figures(n=5_000, latency=latencies(1_060, 5_000))) is Verdict.BREACH


def log_normal(median: float, n: int, rng: random.Random) -> tuple[int, ...]:
    counts = [0] * histogram.BUCKETS
    for _ in range(n):
        counts[histogram.bucket_of(median * math.exp(0.4 * rng.gauss()))] += 1
    return tuple(counts)


def test_an_agent_exactly_at_the_allowed_multiple_of_the_controls_p95_is_not_passed() -> None:
    """The control's p95 is an estimate: a lucky low one must not acquit, nor an unlucky one accuse."""
    rng, ratio = random.Random(5), GuardrailPlan(Metric.LATENCY_P95, Kind.RELATIVE, 1.5)
    found = {
        judge(
            ratio,
            Figures(n=n, latency=log_normal(600, n, rng)),
            Figures(n=n, latency=log_normal(400, n, rng)),
            alpha=split_alpha(6, 5),
            least=200,
        ).verdict
        for n in (200, 500, 1_000, 2_000)
        for _ in range(10)
    }
    assert found == {Verdict.INCONCLUSIVE}


def test_a_control_arm_too_small_to_bound_its_p95_neither_breaks_nor_passes() -> None:
    ratio = GuardrailPlan(Metric.LATENCY_P95, Kind.RELATIVE, 1.5)
    control = Figures(n=60, latency=latencies(800, 60))
    found = judge(ratio, Figures(n=500, latency=latencies(9_000, 500)), control, alpha=0.005, least=200)
    assert (found.verdict, found.needed) == (Verdict.INSUFFICIENT, 140)


def test_a_comparison_needs_the_minimum_in_both_arms() -> None:
    twice = GuardrailPlan(Metric.ERROR_RATE, Kind.RELATIVE, 2.0)
    found = judge(twice, Figures(n=9_000, errors=9), Figures(n=150), alpha=0.005, least=200)
    assert (found.verdict, found.needed) == (Verdict.INSUFFICIENT, 50)


def cost(n: int, each: float, spread: float = 0.0) -> Mean:
    return Mean(n, n * each, n * (each**2 + spread**2))


def test_cost_against_the_control_arm_and_against_a_fixed_limit() -> None:
    ratio = GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5)
    control = Figures(n=1_000, cost=cost(1_000, 0.02, 0.01))
    assert verdict(ratio, Figures(n=1_000, cost=cost(1_000, 0.02, 0.01)), control) is Verdict.PASS
    assert verdict(ratio, Figures(n=1_000, cost=cost(1_000, 0.05, 0.01)), control) is Verdict.BREACH
    assert verdict(ratio, Figures(n=1_000, cost=cost(1_000, 0.03, 0.01)), control) is Verdict.INCONCLUSIVE
    fixed = GuardrailPlan(Metric.COST, Kind.ABSOLUTE, 0.03)
    assert verdict(fixed, Figures(n=1_000, cost=cost(1_000, 0.02, 0.01))) is Verdict.PASS
    assert verdict(fixed, Figures(n=1_000, cost=cost(1_000, 0.05, 0.01))) is Verdict.BREACH
    assert verdict(fixed, Figures(n=99, cost=cost(99, 0.05, 0.01))) is Verdict.INSUFFICIENT
    assert verdict(fixed, Figures(n=1_000)) is Verdict.NO_DATA  # unknown is not free


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_sums_that_are_no_numbers_are_an_error_and_never_a_pass(broken: float) -> None:
    fixed = GuardrailPlan(Metric.COST, Kind.ABSOLUTE, 0.03)
    found = judge(fixed, Figures(n=500, cost=Mean(500, broken, broken)), Figures(), alpha=0.005, least=200)
    assert found.verdict is Verdict.ERROR
    assert all(map(math.isfinite, found.figures.values()))  # they are stored as JSON


def test_cost_a_transaction() -> None:
    ratio = GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5)
    control = Figures(n=500, cost=Mean(500, 5.0, 0.055))
    assert verdict(ratio, Figures(n=500, cost=Mean(500, 5.1, 0.057)), control) is Verdict.PASS
    assert verdict(ratio, Figures(n=500, cost=Mean(500, 15.0, 0.5)), control) is Verdict.BREACH
    assert verdict(ratio, Figures(n=500), control) is Verdict.NO_DATA  # unknown is not free


def test_one_action_outside_authority_is_a_breach() -> None:
    none = GuardrailPlan(Metric.UNAUTHORISED, Kind.ABSOLUTE, 0)
    assert verdict(none, Figures(n=10_000, unauthorised=1)) is Verdict.BREACH
    assert verdict(none, Figures(n=200)) is Verdict.PASS
    assert verdict(none, Figures(n=199)) is Verdict.INSUFFICIENT  # ROLL-1: 200 transactions a phase at least
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


def test_a_provider_is_not_blamed_for_what_the_agent_does_worse_than_control() -> None:
    """Both break the limit of 5 %; with the agent at 50 % against 12 % rolling back helps."""
    look = run([ERRORS], Figures(n=300, errors=150), Figures(n=300, errors=36), alpha=0.005, least=200)
    assert (look.verdict, look.provider) == (Verdict.BREACH, False)
    assert effect(look, baked=False, extended=False, blind_for=MINUTE, blind_limit=30 * MINUTE) is Effect.ROLL_BACK


def test_cost_that_rises_in_both_arms_points_at_the_provider() -> None:
    fixed = GuardrailPlan(Metric.COST, Kind.ABSOLUTE, 0.03)
    dear = Figures(n=500, cost=cost(500, 0.09, 0.01))
    assert run([fixed], dear, dear, alpha=0.005, least=200).provider
    assert not run([fixed], dear, Figures(n=500, cost=cost(500, 0.02, 0.01)), alpha=0.005, least=200).provider


def test_an_action_outside_authority_is_never_the_providers_fault() -> None:
    none = GuardrailPlan(Metric.UNAUTHORISED, Kind.ABSOLUTE, 0)
    bad = Figures(n=300, errors=150, unauthorised=1)
    look = run([ERRORS, none], bad, bad, alpha=0.005, least=200)
    assert (look.verdict, look.provider) == (Verdict.BREACH, False)


@given(st.integers(0, 2_000), st.integers(0, 2_000), st.integers(0, 2_000))
def test_a_run_is_as_bad_as_its_worst_guardrail(n: int, errors: int, overridden: int) -> None:
    agent = Figures(n=n, errors=min(n, errors), overridden=min(n, overridden))
    both = [ERRORS, replace(ERRORS, metric=Metric.OVERRIDES)]
    order = list(Verdict)
    worst = min((verdict(guardrail, agent) for guardrail in both), key=order.index)
    assert run(both, agent, Figures(), alpha=0.005, least=200).verdict is worst


@given(st.integers(0, 5_000), st.floats(0, 1), st.integers(0, 5_000), st.floats(0, 1))
def test_whatever_the_figures_each_guardrail_gets_one_verdict_and_a_sentence(
    n: int, p: float, m: int, q: float
) -> None:
    """Nothing below the minimum passes; a figure that is shown is a number that JSON can carry."""
    agent, control = (
        Figures(
            n=size,
            errors=int(share * size),
            judged=size // 2,
            flagged=int(share * (size // 2)),
            cost=cost(size, share, 0.1),
            latency=latencies(1 + 5_000 * share, size),
        )
        for size, share in ((n, p), (m, q))
    )
    for metric, kind in product((Metric.ERROR_RATE, Metric.VALIDATOR_FLAGS, Metric.COST, Metric.LATENCY_P95), Kind):
        limit = 1.5 if kind is Kind.RELATIVE else 1_000 if metric is Metric.LATENCY_P95 else 0.05
        found = judge(GuardrailPlan(metric, kind, limit), agent, control, alpha=0.002, least=200)
        assert found.verdict is not Verdict.PASS or (n >= 200 and (kind is Kind.ABSOLUTE or m >= 200))
        assert all(value is None or math.isfinite(value) for value in found.figures.values())
        assert sentence(found).startswith(metric.replace("_", " "))


def test_a_judgement_says_why_in_words() -> None:
    def said(n: int, errors: int) -> str:
        return sentence(judge(ERRORS, Figures(n=n, errors=errors), Figures(), alpha=0.005, least=200))

    assert said(40, 20) == "error rate is 50 % over 40 transactions; the limit is 5 %."
    assert (
        said(150, 0)
        == "error rate is 0 % over 150 transactions; the limit is 5 %. About 50 more transactions would tell."
    )
    assert said(0, 0) == "error rate: no record to judge it by."


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
