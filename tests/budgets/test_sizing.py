"""CAP-3, COST-8, COST-11: sizes from the formula, and a month on other models. Exact, and unknown where unknown."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.budgets.sizing.rules import (
    Elsewhere,
    Estimate,
    Seen,
    Used,
    elsewhere,
    is_due,
    need,
    price_of,
    rounded_up,
)
from apps.pricing.rules import Price, unknown
from portal.errors import Invalid
from tests.world import NOW

# 20 sessions x 4 turns x (1,500 + 400 x 1) x 1.5 x 1.1
USUAL = Estimate(Decimal(20), Decimal(4), Decimal(1500), Decimal(400), Decimal(1), Decimal("1.5"), Decimal("1.1"))


def test_the_need_is_the_formula_of_the_capacity_model() -> None:
    assert need(USUAL) == 250_800
    assert need(replace(USUAL, multiplier=Decimal(3))) == 356_400
    assert need(replace(USUAL, retry_factor=Decimal("1.10001"))) == 250_803, "rounded up"


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"sessions": None}, "sessions", "Estimate sessions: nothing is sized without it."),
        ({"sessions": Decimal(-1)}, "sessions", "Sessions has to be from 0 to 100,000."),
        ({"turns": Decimal(0)}, "turns", "Turns can't be 0"),
        ({"input": Decimal("NaN")}, "input", "Input has to be from 0"),
        ({"output": Decimal("Infinity")}, "output", "Output has to be from 0"),
        ({"output": Decimal("1e9")}, "output", "Output has to be from 0 to 10,000,000."),
        ({"multiplier": None}, "multiplier", "Estimate multiplier"),
        ({"tool_call_factor": Decimal("0.5")}, "tool_call_factor", "Tool call factor is at least 1"),
        ({"retry_factor": Decimal("0.9")}, "retry_factor", "Retry factor is at least 1"),
        (
            {"sessions": Decimal(100_000), "turns": Decimal(10_000), "input": Decimal(10_000_000)},
            "sessions",
            "more than",
        ),
    ],
)
def test_an_estimate_that_is_missing_negative_or_absurd_is_refused(
    change: dict[str, Decimal | None], field: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        need(replace(USUAL, **change))
    assert refused.value.code == field


def test_an_answer_of_nothing_but_input_can_be_sized() -> None:
    assert need(replace(USUAL, output=Decimal(0))) == 198_000


SEEN = Seen("standard", 4, 10, 40, 60, 90_000, 30_000, 20_000, 41_234, 41_234, 1)


def test_the_factors_are_measured_and_their_product_is_what_users_used_on_average() -> None:
    estimate = SEEN.estimate()
    assert (estimate.sessions, estimate.turns, estimate.retry_factor) == (Decimal("2.5"), 4, Decimal("1.5"))
    assert (estimate.input, estimate.output) == (1_500, 500)
    assert need(estimate) == 30_000, "120,000 tokens of 4 users"
    assert SEEN.suggestion == 42_000


@given(
    users=st.integers(1, 50),
    per=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4)),
    tokens=st.tuples(st.integers(1, 5_000), st.integers(0, 5_000)),
)
def test_the_formula_over_measured_factors_gives_the_ledger_back(
    users: int, per: tuple[int, int, int], tokens: tuple[int, int]
) -> None:
    sessions, requests = users * per[0], users * per[0] * per[1]
    calls = requests * per[2]
    seen = Seen("t", users, sessions, requests, calls, calls * tokens[0], calls * tokens[1], 1, 1, 1, 0)
    assert need(seen.estimate()) == (calls * sum(tokens)) // users


@pytest.mark.parametrize(("tokens", "up"), [(12_345, 13_000), (13_000, 13_000), (99, 99), (5, 5), (991, 1_000), (0, 1)])
def test_a_suggestion_has_two_figures(tokens: int, up: int) -> None:
    assert rounded_up(tokens) == up


@given(st.integers(1, 10**15))
def test_no_suggestion_lies_below_what_was_needed_or_far_above_it(tokens: int) -> None:
    assert tokens <= rounded_up(tokens) <= tokens * 1.1 + 1


@pytest.mark.parametrize(("days", "due"), [(0, False), (92, False), (93, True)])
def test_a_gate_is_flagged_once_its_quarter_is_over(days: int, due: bool) -> None:
    """COST-8"""
    assert is_due(NOW - timedelta(days=days), NOW) is due


DAY, NEXT = date(2026, 10, 30), date(2026, 10, 31)
DAYS = [Used(DAY, 10, 1_000_000, 100_000), Used(NEXT, 2, 500_000, 0)]


def price_on(model: str, day: date) -> Price:
    listed = {"large": (Decimal(10), Decimal(30)), "small": (Decimal(1), Decimal(5))}
    if model not in listed or (model == "small" and day == NEXT):
        return unknown(model)
    return Price(model, *listed[model], None, DAY, "test")


def test_a_month_elsewhere_is_priced_day_by_day_and_what_is_unknown_is_said() -> None:
    """COST-11: the wholly known first; a price for some days is no price for the month."""
    assert elsewhere(DAYS, ["secret", "small", "large"], price_on) == [
        Elsewhere("large", 12, 12, Decimal(18)),
        Elsewhere("small", 12, 10, Decimal("1.5")),
        Elsewhere("secret", 12, 0, None),
    ]
    assert [each.unknown for each in elsewhere(DAYS, ["small", "secret"], price_on)] == [2, 12]


def test_what_a_ceiling_costs_mixes_input_and_output_as_they_were_seen() -> None:
    large = price_on("large", DAY)
    assert price_of(4_000, 90_000, 30_000, large) == Decimal("0.06"), "3,000 in at 10, 1,000 out at 30"
    assert price_of(4_000, 90_000, 30_000, unknown("x")) is None
    assert is_due(datetime.fromisoformat("2026-08-01T00:00:00+00:00"), NOW)
