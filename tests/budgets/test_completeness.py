"""COST-9, H7: what a cost gate lacks, each as a sentence that says what to do; until then nobody is served."""

from uuid import UUID

import pytest

from apps.budgets.completeness import AtCeiling, Gap, Kind, Policy, Tier, gaps, unpriced
from apps.budgets.rules import Pattern

FREE = Tier(UUID(int=1), "free", "Free", is_free=True, is_default=False)
STANDARD = Tier(UUID(int=2), "standard", "Standard", is_free=False, is_default=True)
TIERS = [STANDARD, FREE]
OPEN = Policy("W-01", is_regulated=False, budget_model="haiku")
HARD = AtCeiling(1_000, Pattern.HARD, "")
SOFT = AtCeiling(1_000, Pattern.SOFT, "A smaller model answered.")
METERED = AtCeiling(1_000, Pattern.METERED, "")


def kinds(policy: Policy, standard: AtCeiling | None, free: AtCeiling | None = HARD) -> list[Kind]:
    found = {tier.id: ceiling for tier, ceiling in ((STANDARD, standard), (FREE, free)) if ceiling is not None}
    return [gap.kind for gap in gaps(policy, TIERS, found)]


def test_a_gate_is_complete_with_a_permitted_ceiling_for_every_tier() -> None:
    for standard in (HARD, SOFT, METERED):
        assert kinds(OPEN, standard) == []


def test_each_thing_that_lacks_is_a_sentence_of_its_own() -> None:
    assert gaps(OPEN, TIERS, None) == [
        Gap(Kind.GATE, "W-01 has no cost gate: set its spend cap and a ceiling for every tier.")
    ]
    assert gaps(OPEN, [], {}) == [Gap(Kind.TIERS, "No tier is everybody's: a tenant admin or finance adds one.")]
    assert [gap.what for gap in gaps(OPEN, TIERS, {})] == [
        "Standard has no ceiling: set one.",
        "Free has no ceiling: set one.",
    ]
    assert unpriced({"opus", "haiku", ""}, {"haiku"}) == [
        Gap(Kind.PRICE, "Nobody knows what opus costs, so its calls are refused: set its price on the rate card.")
    ]


@pytest.mark.parametrize(
    ("policy", "standard", "free", "found"),
    [
        (OPEN, HARD, SOFT, [Kind.HARD_ONLY]),
        (OPEN, HARD, METERED, [Kind.HARD_ONLY]),
        (Policy("W-01", True, "haiku"), SOFT, HARD, [Kind.HARD_ONLY]),
        (Policy("W-01", True, "haiku"), METERED, HARD, [Kind.HARD_ONLY]),
        (Policy("W-01", True, "haiku"), HARD, HARD, []),
        (Policy("W-01", False, ""), SOFT, HARD, [Kind.MAY_NOT_DEGRADE]),
        (OPEN, AtCeiling(1, Pattern.SOFT, " "), HARD, [Kind.DISCLOSURE]),
    ],
)
def test_what_is_no_longer_permitted_makes_a_gate_incomplete(
    policy: Policy, standard: AtCeiling, free: AtCeiling, found: list[Kind]
) -> None:
    """COST-2, COST-6, COST-7"""
    assert kinds(policy, standard, free) == found


def test_without_a_ceiling_nobody_is_served_and_a_pattern_no_longer_permitted_serves_on_as_a_hard_cap() -> None:
    """COST-7, COST-9"""
    stopping = {kind: Gap(kind, "").stops for kind in Kind}
    assert [kind for kind, stops in stopping.items() if stops] == [Kind.GATE, Kind.TIERS, Kind.CEILING]
