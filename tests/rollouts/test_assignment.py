"""ROLL-4: sticky, monotonic assignment with a concurrent control arm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.rollouts.assignment import Arm, Cohort, Exposure, Mode, arm, bucket, unleash_bucket
from apps.rollouts.plan import DEFAULT_PHASES, exposure

units = st.text(min_size=1, max_size=30)
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
    assert [assign(share, None) for share in (0, 500, 9_999, 10_000)] == [Arm.NONE, Arm.NONE, Arm.NONE, Arm.AGENT]


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


def test_a_cohort_is_in_whatever_its_bucket() -> None:
    served = Exposure(share=0, control=500, cohorts=(Cohort("department", frozenset({"support"})),))
    inside = {arm(served, seed="s", unit=str(i), attributes={"department": "support"}) for i in range(100)}
    outside = {arm(served, seed="s", unit=str(i), attributes={"department": "sales"}) for i in range(200)}
    assert inside == {Arm.AGENT}
    assert outside == {Arm.CONTROL, Arm.NONE}
