"""TEL-4, WORK-6: latency histograms merge, and say how wrong they may be."""

from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry import histogram

values = st.lists(st.floats(0.1, 2_000_000), min_size=1, max_size=50)


def counts(latencies: list[float]) -> list[int]:
    made = [0] * histogram.BUCKETS
    for latency in latencies:
        made[histogram.bucket_of(latency)] += 1
    return made


@given(values, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_quantile_is_never_too_low_and_at_most_a_tenth_too_high(latencies: list[float], q: float) -> None:
    exact = sorted(latencies)[max(0, -(-int(q * 1000) * len(latencies) // 1000) - 1)]
    found = histogram.quantile(counts(latencies), q)
    assert found is not None
    assert exact * (1 - 1e-6) <= max(found, 1.0)
    assert found <= max(exact, 1.0) * histogram.GAMMA * (1 + 1e-6)


@given(values, st.floats(1, 1_000_000))
def test_a_latency_under_the_limit_is_never_counted_over_it(latencies: list[float], limit: float) -> None:
    assert histogram.count_over(counts(latencies), limit) <= sum(v > limit * (1 - 1e-6) for v in latencies)


@given(values, values)
def test_merging_is_counting_together(a: list[float], b: list[float]) -> None:
    assert histogram.merge(counts(a), counts(b)) == counts(a + b)


def test_nothing_has_no_quantile() -> None:
    assert histogram.quantile([0] * histogram.BUCKETS, 0.95) is None
    assert histogram.merge([], counts([5.0])) == counts([5.0])
