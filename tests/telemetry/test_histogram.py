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


@given(values, st.floats(0.1, 1_000_000))
def test_every_latency_over_the_limit_is_counted_as_possibly_over(latencies: list[float], limit: float) -> None:
    made = counts(latencies)
    assert histogram.count_possibly_over(made, limit) >= sum(v > limit * (1 + 1e-6) for v in latencies)
    assert histogram.count_possibly_over(made, limit) >= histogram.count_over(made, limit)


def test_a_limit_on_an_edge_splits_nothing_and_one_inside_a_bucket_splits_that_alone() -> None:
    made = counts([90.0, 100.0, 110.0])  # in the buckets that end at 97.0, 106.7 and 117.4 ms
    on_edge, inside = histogram.edge(histogram.bucket_of(100.0)), 101.0
    assert [histogram.count_over(made, x) for x in (on_edge, inside)] == [1, 1]
    assert [histogram.count_possibly_over(made, x) for x in (on_edge, inside)] == [1, 2]


def test_beyond_the_last_edge_nothing_is_known() -> None:
    """Records of over 36 minutes are surely over that, and possibly over any limit."""
    made, limit = counts([86_400_000.0]), histogram.LARGEST_MS
    assert 35 < limit / 60_000 < 36
    assert [histogram.count_over(made, x) for x in (limit, 2 * limit)] == [1, 0]
    assert [histogram.count_possibly_over(made, x) for x in (limit, 2 * limit)] == [1, 1]


@given(values, values)
def test_merging_is_counting_together(a: list[float], b: list[float]) -> None:
    assert histogram.merge(counts(a), counts(b)) == counts(a + b)


def test_nothing_has_no_quantile() -> None:
    assert histogram.quantile([0] * histogram.BUCKETS, 0.95) is None
    assert histogram.merge([], counts([5.0])) == counts([5.0])
