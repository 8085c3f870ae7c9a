"""What a call costs, by hand and for any call (COST-4: unknown is unknown, never 0)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing.rules import Price, at, cost, day_of, per_token, problems, unknown

TODAY = date(2026, 11, 20)
SONNET = Price("sonnet", D("3"), D("15"), D("0.3"), TODAY, "here")
FREE = Price("own", D(0), D(0), D(0), TODAY, "here")

amounts = st.decimals(0, 1_000_000, places=6)
tokens = st.integers(0, 10**12)
known = st.builds(lambda i, o, c: Price("m", i, o, min(i, c), TODAY, "here"), amounts, amounts, amounts)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ((1_000_000, 0), "3"),
        ((0, 1_000_000), "15"),
        ((310, 122), "0.00276"),
        ((1, 1), "0.000018"),
        ((1_000, 0, 1_000), "0.0003"),
        ((1_000, 100, 400), "0.00342"),
        ((0, 0), "0"),
    ],
)
def test_a_call_costs_exactly_what_its_tokens_do(call: tuple[int, ...], expected: str) -> None:
    assert cost(SONNET, *call) == D(expected)


def test_cached_input_without_a_price_of_its_own_costs_what_input_does() -> None:
    plain = replace(SONNET, cached_input=None)
    assert cost(plain, 1_000, 0, 1_000) == cost(SONNET, 1_000, 0) == D("0.003")


def test_cached_input_alone_needs_no_price_for_the_rest_of_the_input() -> None:
    only_cached = replace(SONNET, input=None)
    assert cost(only_cached, 1_000, 0, 1_000) == D("0.0003")
    assert cost(only_cached, 1_001, 0, 1_000) is None


def test_a_part_without_a_price_makes_the_call_unknown_unless_it_has_no_tokens() -> None:
    embedding = replace(SONNET, output=None)
    assert cost(embedding, 1_000, 0) == D("0.003")
    assert cost(embedding, 1_000, 1) is None
    assert (embedding.is_known, embedding.is_complete) == (True, False)


def test_what_is_given_away_costs_0_because_somebody_said_so() -> None:
    assert cost(FREE, 10**9, 10**9) == 0
    assert FREE.is_complete


@pytest.mark.parametrize("call", [(-1, 0, 0), (0, -1, 0), (1, 0, -1), (1, 0, 2)])
def test_counts_that_make_no_sense_are_an_error_and_no_price(call: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="counted from 0"):
        cost(SONNET, *call)


def test_a_single_token_is_exact_and_no_sum_is_rounded() -> None:
    assert per_token(D("0.000001")) == D("1e-12")
    # 29 digits, one more than Python's own decimals keep; the bundled list has such amounts.
    odd = replace(SONNET, input=D("0.09999999999999999"))
    assert str(cost(odd, 10**12 + 1, 0)) == "100000.00000009998999999999999"


@given(known, tokens, tokens, tokens, tokens)
def test_two_calls_cost_what_one_with_the_tokens_of_both_does(price: Price, a: int, b: int, c: int, d: int) -> None:
    one, other, both = cost(price, a, b), cost(price, c, d), cost(price, a + c, b + d)
    assert one is not None and other is not None and both is not None
    assert one + other == both


@given(known, tokens, tokens, tokens)
def test_more_tokens_never_cost_less_and_more_of_them_cached_never_more(price: Price, a: int, b: int, c: int) -> None:
    less, more, cached = cost(price, a, b), cost(price, a + c, b), cost(price, a + c, b, c)
    assert less is not None and more is not None and cached is not None
    assert less <= cached <= more


@given(tokens, tokens)
def test_an_unknown_price_is_never_0_whatever_the_call(a: int, b: int) -> None:
    assert cost(unknown("m"), a, b) is None
    assert cost(replace(unknown("m"), cached_input=D(1)), a, b) is None


def test_a_price_counts_from_its_day_until_the_next_ones() -> None:
    first, second = replace(SONNET, valid_from=date(2026, 1, 1)), replace(FREE, valid_from=date(2026, 7, 1))
    rows = [second, first]
    assert at(rows, date(2025, 12, 31)) is None
    assert [at(rows, day) for day in (date(2026, 1, 1), date(2026, 6, 30))] == [first, first]
    assert at(rows, date(2026, 7, 1)) == second
    assert at([replace(first, valid_from=None), second], date(1999, 1, 1)) == replace(first, valid_from=None)


def test_days_change_at_midnight_utc_wherever_the_tenant_is() -> None:
    midnight = datetime(2026, 7, 1, tzinfo=UTC)
    assert day_of(midnight) == date(2026, 7, 1)
    assert day_of(midnight - timedelta(microseconds=1)) == date(2026, 6, 30)
    assert day_of(datetime(2026, 7, 1, 1, 59, tzinfo=timezone(timedelta(hours=2)))) == date(2026, 6, 30)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input": D("-0.01")}, "Input: give 0 to 1,000,000 USD per million tokens, or nothing if it isn't known."),
        ({"output": D("1000000.01")}, "Output: give 0 to 1,000,000 USD"),
        ({"output": D("1e999999")}, "Output: give 0 to"),
        ({"input": D("NaN")}, "Input: give 0 to"),
        ({"cached_input": D("Infinity")}, "Cached input: give 0 to"),
        ({"input": D("3.0000001")}, "Input: give at most 6 decimal places."),
        ({"cached_input": D("3.01")}, "Cached input costs more than input: look whether the two are swapped."),
        ({"model": ""}, "Name the model as its calls do, in at most 120 characters."),
        ({"model": " sonnet"}, "Name the model"),
        ({"model": "m" * 121}, "Name the model"),
        ({"model": "a\0b"}, "Name the model"),
        ({"valid_from": TODAY - timedelta(days=401)}, "It can count from 2025-10-16 on at the earliest"),
        ({"valid_from": TODAY + timedelta(days=1831)}, "It can count from 2031-11-24 on at the latest."),
        ({"valid_from": date.min}, "at the earliest"),
        ({"valid_from": date.max}, "at the latest"),
    ],
)
def test_what_can_be_no_price_is_said_in_words(change: dict[str, object], said: str) -> None:
    (found,) = problems(replace(SONNET, **change), "", TODAY)  # type: ignore[arg-type]
    assert said in found


def test_the_bounds_themselves_unknown_amounts_and_0_can_be_set() -> None:
    for change in (
        {"input": D(1_000_000), "output": D(0)},
        {"input": None, "output": None, "cached_input": None},
        {"input": None, "cached_input": D("0.3")},
        {"cached_input": D(3)},
        {"valid_from": TODAY - timedelta(days=400)},
        {"valid_from": TODAY + timedelta(days=1830)},
    ):
        assert problems(replace(SONNET, **change), "x" * 300, TODAY) == []  # type: ignore[arg-type]
    assert problems(SONNET, "x" * 301, TODAY) == ["Keep the note to 300 characters."]
