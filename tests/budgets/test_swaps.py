"""COST-2, COST-6: what swaps saved, and what they did to the validators' verdicts. What isn't known is said."""

from datetime import date
from decimal import Decimal

import pytest

from apps.budgets.usage.swaps import Flags, Group, Saved, Verdicts, saved
from apps.pricing.rules import Price, unknown

DAY, NEXT = date(2026, 11, 20), date(2026, 11, 21)


def price_on(model: str, day: date) -> Price:
    """A large model that costs half from the second day on, and one that nobody knows."""
    if model != "large":
        return unknown(model)
    half = 1 if day == DAY else 2
    return Price(model, Decimal(10) / half, Decimal(30) / half, None, DAY, "test")


def group(day: date = DAY, requested: str = "large", cost: str | None = "0.01") -> Group:
    return Group(day, requested, "small", 2, 1_000, 500, None if cost is None else Decimal(cost))


def test_a_swap_saves_the_requested_models_price_of_its_day_less_what_was_paid() -> None:
    """1,000 x 10 + 500 x 30 per million are 0.025 on the first day, and half on the next."""
    assert saved([group(), group(NEXT)], price_on) == [
        Saved("large", "small", calls=4, priced=4, actual=Decimal("0.02"), otherwise=Decimal("0.0375"))
    ]
    assert saved([group()], price_on)[0].saved == Decimal("0.015")


def test_a_dearer_budget_model_saves_less_than_nothing() -> None:
    assert saved([group(cost="0.03")], price_on)[0].saved == Decimal("-0.005")


@pytest.mark.parametrize("missing", [group(requested="secret"), group(cost=None)])
def test_what_has_no_price_is_unknown_and_never_nothing(missing: Group) -> None:
    """COST-4"""
    assert (saved([missing], price_on)[0].saved, saved([missing], price_on)[0].unknown) == (None, 2)


def test_a_pair_that_is_known_in_part_counts_what_is_known_alone() -> None:
    found = saved([group(), group(NEXT, cost=None)], price_on)[0]
    assert (found.calls, found.unknown, found.saved) == (4, 2, Decimal("0.015"))


@pytest.mark.parametrize(
    ("kept", "swapped", "said"),
    [
        ((400, 8), (400, 60), "Validators flag swapped answers more often."),
        ((400, 60), (400, 8), "Validators flag swapped answers less often."),
        ((40, 2), (40, 4), "No difference shows: the intervals overlap."),
        ((40, 2), (0, 0), "Too few answers were judged to compare: nothing can be said about quality."),
    ],
)
def test_a_difference_is_said_only_where_the_intervals_are_apart(
    kept: tuple[int, int], swapped: tuple[int, int], said: str
) -> None:
    assert Verdicts(Flags(*kept), Flags(*swapped)).said() == said


def test_a_rate_comes_with_its_n_and_its_interval() -> None:
    flags = Flags(10, 1)
    assert (flags.rate, [round(bound, 4) for bound in flags.interval]) == (0.1, [0.0179, 0.4042])
    assert (Flags(0, 0).rate, Flags(0, 0).interval) == (None, (0.0, 1.0))
