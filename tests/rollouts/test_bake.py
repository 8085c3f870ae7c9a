"""ROLL-11: 48 h means 48 h of observed exposure."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.rollouts.bake import accrue

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMIT = 2 * MINUTE


@pytest.mark.parametrize(
    ("minutes", "observed", "expected"), [(1, True, 1), (10, True, 2), (-5, True, 0), (1, False, 0)]
)
def test_bake_time_is_observed_time(minutes: int, observed: bool, expected: int) -> None:
    baked = accrue(timedelta(0), looked_at=NOW, now=NOW + minutes * MINUTE, observed=observed, at_most=LIMIT)
    assert baked == expected * MINUTE


def test_the_first_look_counts_no_time() -> None:
    assert accrue(MINUTE, looked_at=None, now=NOW, observed=True, at_most=MINUTE) == MINUTE


looks = st.lists(st.tuples(st.integers(-600, 3_600), st.booleans()), max_size=40)


@given(looks)
def test_the_clock_never_runs_back_nor_faster_than_what_was_observed(looks: list[tuple[int, bool]]) -> None:
    """Whatever the clock and the workers do, each look adds the observed time since the last, and no look over its
    limit.
    """
    baked, at, observed_for = timedelta(0), NOW, timedelta(0)
    for seconds, observed in looks:
        now = at + timedelta(seconds=seconds)
        after = accrue(baked, looked_at=at, now=now, observed=observed, at_most=LIMIT)
        assert baked <= after <= baked + LIMIT
        observed_for += max(timedelta(0), now - at) if observed else timedelta(0)
        baked, at = after, now
    assert baked <= observed_for


@given(st.integers(1, 200))
def test_looks_without_a_gap_add_up_to_the_whole_time(count: int) -> None:
    baked = timedelta(0)
    for number in range(count):
        at = NOW + number * MINUTE
        baked = accrue(baked, looked_at=at, now=at + MINUTE, observed=True, at_most=LIMIT)
    assert baked == count * MINUTE
