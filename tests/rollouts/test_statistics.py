"""ROLL-6: the tests hold under continuous looking."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.rollouts import statistics as stats


def first_alarm(rate: float, limit: float, alpha: float, looks: int, rng: random.Random) -> int | None:
    events = 0
    for n in range(1, looks + 1):
        events += rng.random() < rate
        if stats.is_convincing(stats.log_evidence_above(events, n, limit), alpha):
            return n
    return None


def test_a_look_after_every_transaction_at_the_limit_alarms_in_at_most_alpha_of_runs() -> None:
    rng = random.Random(20261120)
    alarms = [first_alarm(0.05, 0.05, 0.05, 1_500, rng) for _ in range(200)]
    assert sum(a is not None for a in alarms) <= 10  # 5 % of 200


def test_a_fixed_bound_looked_at_as_often_does_not_hold() -> None:
    """Why the tripwire is not a fixed 99 % bound: the same looks, far more than 1 % false alarms."""
    rng, fired = random.Random(7), 0
    for _ in range(150):
        events = 0
        for n in range(1, 1_501):
            events += rng.random() < 0.02
            z = (events - 0.02 * n) / math.sqrt(0.02 * 0.98 * n)
            if n >= 50 and z > 2.326:
                fired += 1
                break
    assert fired / 150 > 0.03


def test_a_gross_failure_is_seen_within_tens() -> None:
    rng = random.Random(3)
    alarms = [first_alarm(0.5, 0.05, stats.split_alpha(6, 5), 200, rng) for _ in range(50)]
    assert all(alarm is not None and alarm < 40 for alarm in alarms)


def test_the_evidence_is_the_average_likelihood_ratio() -> None:
    odds = 0.05 / 0.95
    expected = sum(
        (p / 0.05) ** 3 * ((1 - p) / 0.95) ** 17
        for p in (odds * m / (1 + odds * m) for m in (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0))
    )
    assert stats.log_evidence_above(3, 20, 0.05) == pytest.approx(math.log(expected / 7))


def test_any_event_breaks_a_limit_of_zero() -> None:
    assert stats.is_convincing(stats.log_evidence_above(1, 10_000, 0), 0.001)
    assert not stats.is_convincing(stats.log_evidence_above(0, 10_000, 0), 0.001)


def test_the_bounds_contain_the_rate_and_shrink() -> None:
    low, high = stats.bounds(20, 1_000, 0.05)
    assert 0.005 < low < 0.02 < high < 0.045
    assert stats.bounds(0, 0, 0.05) == (0.0, 1.0)


def test_the_half_width_agrees_with_the_published_figures() -> None:
    """1 % against 2 % at m per arm, two-sided 5 % by the difference of means (research figures 0.0242 ... 0.0076)."""
    for m, expected in ((500, 0.0242), (1_000, 0.0157), (2_000, 0.0107), (4_000, 0.0076)):
        squared_error = (0.01 * 0.99 + 0.02 * 0.98) / m
        assert stats.half_width(squared_error, 2 * m, 0.05) == pytest.approx(expected, rel=0.01)


def test_the_half_width_agrees_with_gbstats() -> None:
    """Their two-sided interval at alpha and our one-sided bound at alpha / 2 have the same tuning."""
    tests = pytest.importorskip("gbstats.frequentist.tests")
    models = pytest.importorskip("gbstats.models.statistics")
    control = models.SampleMeanStatistic(n=2_000, sum=20, sum_squares=20)
    agent = models.SampleMeanStatistic(n=2_000, sum=40, sum_squares=40)
    config = tests.SequentialConfig(alpha=0.05, sequential_tuning_parameter=stats.TUNED_FOR)
    # An absolute difference is what we compare; their class keeps the kind of difference in its configuration.
    config.difference_type = "absolute"
    low, high = tests.SequentialTwoSidedTTest(control, agent, config).confidence_interval
    ours = stats.against_control(stats.Mean(2_000, 40, 40), stats.Mean(2_000, 20, 20), 1.0, 0.025)
    assert ours.theta == pytest.approx((low + high) / 2)
    assert ours.half_width == pytest.approx((high - low) / 2, rel=0.005)


samples = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(samples, st.sampled_from([0.05, 0.005, 0.0005]))
def test_the_bounds_enclose_what_was_seen_and_are_wider_for_a_smaller_alpha(
    sample: tuple[int, int], alpha: float
) -> None:
    (low, high), rate = stats.bounds(*sample, alpha), sample[0] / sample[1]
    assert 0 <= low <= rate <= high <= 1
    wider = stats.bounds(*sample, alpha / 10)
    assert wider[0] <= low + 1e-9
    assert wider[1] >= high - 1e-9


@given(samples, st.floats(0.001, 0.5))
def test_the_tripwire_fires_exactly_where_the_lower_bound_passes_the_limit(
    sample: tuple[int, int], limit: float
) -> None:
    low, high = stats.bounds(*sample, 0.01)
    if abs(low - limit) > 1e-6:
        assert stats.is_convincing(stats.log_evidence_above(*sample, limit), 0.01) == (low > limit)
    if abs(high - limit) > 1e-6 and sample[0] < sample[1]:
        assert stats.is_convincing(stats.log_evidence_below(*sample, limit), 0.01) == (high < limit)


@given(samples, st.floats(0.001, 0.5))
def test_one_more_event_never_speaks_for_the_agent(sample: tuple[int, int], limit: float) -> None:
    events, n = sample
    if events < n:
        assert stats.log_evidence_above(events + 1, n, limit) > stats.log_evidence_above(events, n, limit)
        assert stats.log_evidence_below(events + 1, n, limit) < stats.log_evidence_below(events, n, limit)


def test_no_sample_rules_out_that_nothing_or_everything_happens() -> None:
    assert stats.bounds(0, 500, 0.05)[0] == 0.0
    assert stats.bounds(500, 500, 0.05)[1] == 1.0


@pytest.mark.parametrize("phases", [1, 5])
def test_alpha_suffices_for_any_number_of_stays_in_a_phase(phases: int) -> None:
    """A rollout that steps back and climbs again has fresh figures each time: 5 % cover all of it."""
    spent = [6 * stats.split_alpha(6, phases, entry) for entry in range(1, 500)]
    assert sum(spent) <= stats.ALPHA + 1e-12
    assert spent[0] == pytest.approx(0.05 / (phases + 1))
    assert min(spent) > 0


def test_the_controls_p95_lies_between_its_bounds() -> None:
    """A thousand at the buckets 10 and 20, 6 % of them above: the p95 is 20; with 3 % above it is 10."""
    above_six, above_three = [0] * 30, [0] * 30
    above_six[10], above_six[20] = 9_400, 600
    above_three[10], above_three[20] = 9_700, 300
    assert stats.quantile_bounds(above_six, 0.05, 0.01) == (19, 20)
    assert stats.quantile_bounds(above_three, 0.05, 0.01) == (9, 10)
    assert stats.quantile_bounds([0, 5, 0], 0.05, 0.01) == (0, None)
    assert stats.quantile_bounds([], 0.05, 0.01) == (None, None)


def test_the_bounds_of_a_p95_hold_however_often_they_are_looked_at() -> None:
    """Buckets 0 to 19, each as likely: exactly 5 % lie above 18. Looks after each ten of 2,000."""
    rng, wrong = random.Random(13), 0
    for _ in range(40):
        counts = [0] * 21
        for n in range(1, 2_001):
            counts[rng.randrange(20)] += 1
            if n % 10 == 0:
                low, high = stats.quantile_bounds(counts, 0.05, 0.05)
                if (low is not None and low >= 18) or (high is not None and high <= 18):
                    wrong += 1
                    break
    assert wrong <= 4  # 5 % each way


def test_equal_arms_are_never_called_worse_in_most_runs() -> None:
    rng, false_alarms = random.Random(11), 0
    for _ in range(100):
        a = c = 0
        for n in range(100, 3_001, 100):
            a += sum(rng.random() < 0.02 for _ in range(100))
            c += sum(rng.random() < 0.02 for _ in range(100))
            if (
                n >= 200
                and stats.against_control(stats.Mean.of_rate(a, n), stats.Mean.of_rate(c, n), 1.0, 0.05).is_worse
            ):
                false_alarms += 1
                break
    assert false_alarms <= 5


def test_a_wrong_split_is_found() -> None:
    assert not stats.is_split_wrong(500, 520, 0)
    assert stats.is_split_wrong(500, 700, 0)
    assert not stats.is_split_wrong(40, 5, 0)  # too few units to tell
    assert stats.is_split_wrong(10, 10, 1)


def test_what_a_plan_can_detect_shrinks_with_its_traffic() -> None:
    few, many = stats.detectable_rate(0.05, 200, 0.002), stats.detectable_rate(0.05, 5_000, 0.002)
    assert few is not None and many is not None
    assert 0.05 < many < 0.08 < few < 0.25
    assert stats.detectable_rate(0.05, 2, 0.002) is None


def test_four_runs_in_five_find_the_change_that_a_plan_promises_to_detect() -> None:
    rng, rate = random.Random(17), stats.detectable_rate(0.05, 400, 0.0017)
    assert rate is not None
    found = [first_alarm(rate, 0.05, 0.0017, 400, rng) is not None for _ in range(100)]
    assert sum(found) >= 80


def test_how_many_more_transactions_a_pass_takes() -> None:
    needed = stats.needed_to_accept(0.01, 0.05, 0.05)
    assert needed is not None and 100 < needed < 250
    assert stats.needed_to_accept(0.06, 0.05, 0.05) is None
