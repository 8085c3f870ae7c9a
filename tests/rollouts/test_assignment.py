"""ROLL-4: sticky, monotonic assignment with a concurrent control arm."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.rollouts.assignment import Arm, Cohort, Exposure, Mode, arm, bucket, unleash_bucket
from apps.rollouts.plan import DEFAULT_PHASES, exposure

# With lone surrogates, which no UTF-8 has and JSON may carry.
units = st.text(st.characters(exclude_categories=()), min_size=1, max_size=30)
shares = st.integers(0, 10_000)


def assign(
    share: int, unit: str | None, seed: str = "s", control: int | None = None, mode: Mode = Mode.BUCKETS_10000
) -> Arm:
    size = share if control is None else control
    return arm(Exposure(share=share, control=size), seed=seed, unit=unit, attributes={}, mode=mode)


@pytest.mark.parametrize(
    ("group", "unit", "expected"),
    [
        ("gr1", "123", 73),
        ("groupX", "999", 25),
        ("AB12A", "122", 23),
        ("AB12A", "155", 100),
        ("Feature.flexibleRollout.10", "174", 10),
        ("Feature.flexibleRollout.10", "499", 32),
        ("Feature.flexibleRollout.userId.55", "25", 55),
        ("Feature.flexibleRollout.sessionId.42", "147", 42),
        ("Feature.flexible.rollout.custom.stickiness_50", "402", 55),
        ("Feature.flexible.rollout.custom.stickiness_50", "388", 10),
        ("Feature.flexible.rollout.custom.stickiness_50", "39", 25),
        ("g", "user-é", 3),
        ("g", "日本", 37),
    ],
)
def test_unleash_published_buckets(group: str, unit: str, expected: int) -> None:
    assert unleash_bucket(group, unit) == expected
    for percent in (expected - 1, expected):
        is_in = assign(percent * 100, unit, seed=group, mode=Mode.UNLEASH) is Arm.AGENT
        assert is_in == (percent == expected)


@pytest.mark.parametrize(
    ("seed", "unit", "expected"), [("gr1", "123", 1_172), ("s", "caf\u00e9", 2_541), ("s", "\ud800", 7_763)]
)
def test_the_bucket_is_the_hash_modulo_ten_thousand(seed: str, unit: str, expected: int) -> None:
    """538421172 is the published hash of gr1:123."""
    assert bucket(seed, unit) == expected


def test_half_a_surrogate_pair_from_json_is_a_unit_like_any_other() -> None:
    """A process that took the text as it is died of it, for every tenant it served."""
    unit = json.loads('"\\ud800"')
    assert [assign(share, unit) for share in (7_763, 7_764)] == [Arm.CONTROL, Arm.AGENT]
    assert unleash_bucket("g", unit) in range(1, 101)


@given(units, shares, shares)
def test_growing_never_evicts(unit: str, a: int, b: int) -> None:
    small, large = sorted((a, b))
    if assign(small, unit) is Arm.AGENT:
        assert assign(large, unit) is Arm.AGENT


@given(units)
def test_zero_admits_nobody_and_all_admits_everybody(unit: str) -> None:
    assert assign(0, unit) is Arm.NONE
    assert assign(10_000, unit) is Arm.AGENT


def test_a_unit_without_an_id_is_in_only_when_everybody_is() -> None:
    for missing in (None, ""):
        arms = [assign(share, missing) for share in (0, 500, 9_999, 10_000)]
        assert arms == [Arm.NONE, Arm.NONE, Arm.NONE, Arm.AGENT]


@given(units, shares)
def test_the_same_unit_always_gets_the_same_answer(unit: str, share: int) -> None:
    assert assign(share, unit) is assign(share, unit)


@given(units, shares, shares)
def test_growth_never_moves_a_unit_from_the_agents_arm_to_control(unit: str, a: int, b: int) -> None:
    small, large = sorted((a, b))
    assert (assign(small, unit), assign(large, unit)) != (Arm.AGENT, Arm.CONTROL)


def test_the_arms_do_not_touch_while_the_share_is_below_half() -> None:
    """A quarter is in each arm; between them, and behind, lies a quarter that is in none."""
    by_arm = Counter((assign(2_500, unit), bucket("s", unit) // 2_500) for unit in map(str, range(5_000)))
    assert set(by_arm) == {(Arm.AGENT, 0), (Arm.NONE, 1), (Arm.CONTROL, 2), (Arm.NONE, 3)}


def test_composed_and_decomposed_characters_are_the_same_unit() -> None:
    assert bucket("s", "caf\u00e9") == bucket("s", "cafe\u0301")


def test_the_control_arm_is_as_large_as_the_agents_and_the_remainder_above_half() -> None:
    names = [f"unit-{i}" for i in range(20_000)]
    for share, control in ((500, 500), (2_500, 2_500), (5_000, 5_000), (8_000, 2_000), (10_000, 0)):
        arms = [assign(share, name) for name in names]
        assert abs(arms.count(Arm.AGENT) - 2 * share) < 300
        assert abs(arms.count(Arm.CONTROL) - 2 * control) < 300


@given(units)
def test_over_a_whole_plan_nobody_leaves_the_agents_arm(unit: str) -> None:
    arms = [
        arm(exposure(DEFAULT_PHASES, index), seed="s", unit=unit, attributes={}) for index in range(len(DEFAULT_PHASES))
    ]
    first = arms.index(Arm.AGENT)
    assert arms[first:] == [Arm.AGENT] * (len(arms) - first)


def test_different_rollouts_are_independent() -> None:
    names = [f"unit-{i}" for i in range(20_000)]
    both = sum(assign(1_000, n, seed="a") is Arm.AGENT and assign(1_000, n, seed="b") is Arm.AGENT for n in names)
    assert 140 < both < 260  # 1 % of 20,000 and not 10 %


def test_buckets_are_even_and_two_seeds_say_nothing_of_each_other() -> None:
    """Chi-square over ten by ten tenths of two rollouts, fixed units: 99 degrees of freedom, 148.2 is p = 0.001."""
    cells = Counter((bucket("a", unit) // 1_000, bucket("b", unit) // 1_000) for unit in map(str, range(20_000)))
    assert len(cells) == 100
    assert sum((count - 200) ** 2 / 200 for count in cells.values()) < 148.2


def test_a_cohort_is_in_whatever_its_bucket() -> None:
    served = Exposure(share=0, control=500, cohorts=(Cohort("department", frozenset({"support"})),))
    inside = {arm(served, seed="s", unit=str(i), attributes={"department": "support"}) for i in range(100)}
    outside = {arm(served, seed="s", unit=str(i), attributes={"department": "sales"}) for i in range(200)}
    assert inside == {Arm.AGENT}
    assert outside == {Arm.CONTROL, Arm.NONE}


def test_nobody_is_in_a_cohort_by_having_no_attribute() -> None:
    cohort = Cohort("department", frozenset({"", "None", "7"}))
    assert not cohort.admits({})
    assert not cohort.admits({"department": None})
    assert cohort.admits({"department": 7})
    assert not Cohort("department", frozenset({"[]", "{}"})).admits({"department": []}), "a list is no value"
