"""The rate card as a file: what a line may say, every error named, and what leaves comes back."""

from datetime import date, timedelta
from decimal import Decimal as D
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing import card
from apps.pricing.card import Wanted
from apps.pricing.rules import Price
from portal.admin import exporting
from portal.errors import Invalid, TooLarge
from tests.pricing.cast import wanted

TODAY = date(2026, 11, 20)
HEAD = "model,valid_from,input_per_million,output_per_million,cached_input_per_million,note\n"


def problems(text: str) -> list[str]:
    with pytest.raises(Invalid) as refusal:
        card.read(text, TODAY)
    found: list[str] = refusal.value.data["problems"]
    return found


def test_a_line_is_a_price_and_an_empty_amount_is_not_known() -> None:
    text = HEAD + "sonnet-4,2026-11-20,3,15.50,0.3,contract\r\n\r\nown,2026-12-01,0,0,,\nodd,2026-12-01,,,,\n"
    assert card.read(text, TODAY) == [
        wanted("sonnet-4", TODAY, "3", "15.50", "0.3", "contract"),
        wanted("own", date(2026, 12, 1), "0", "0"),
        wanted("odd", date(2026, 12, 1), None, None),
    ]


def test_columns_stand_in_any_order_and_the_last_two_may_be_left_out() -> None:
    text = "output_per_million,model,input_per_million,valid_from\n15,sonnet-4,3,2026-11-20\n"
    assert card.read(text, TODAY) == [wanted()]


def test_every_line_that_is_wrong_is_named_with_all_that_is_wrong() -> None:
    text = HEAD + (
        "a,2026-11-20,three,15,,\n"
        "b,20.11.2026,3,15,,\n"
        "c,2026-11-20,-1,15,99,\n"
        "d,2026-11-20,3,15,,,\n"
        "e,2026-11-20,3,15,,\n"
        "e,2026-11-20,4,15,,\n"
        ",2026-11-20,NaN,1e999,,\n"
    )
    amount = "give 0 to 1,000,000 USD per million tokens, or nothing if it isn't known."
    assert problems(text) == [
        "Line 2: input_per_million: 'three' is no number like 2.50.",
        "Line 3: valid_from: '20.11.2026' is no day like 2026-11-20.",
        f"Line 4: Input: {amount}",
        "Line 5: it has more cells than the head has columns.",
        "Line 7: line 6 is about the same model and day.",
        "Line 8: Name the model as its calls do, in at most 120 characters.",
        f"Line 8: Input: {amount}",
        f"Line 8: Output: {amount}",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The head has no column model."),
        (HEAD, "Write a line for each price below the head, 1,000 at most."),
        (HEAD + "a,2026-11-20,1,1,,\n" * 1_001, "Write a line for each price below the head, 1,000 at most."),
        (HEAD.replace("note", "comment"), "There is no column 'comment'; the columns are model, valid_from"),
        (HEAD.replace("note", "model"), "The head names a column twice."),
        (HEAD.replace("note", "currency") + "a,2026-11-20,1,1,,EUR\n", "Line 2: prices are in USD."),
        (HEAD + '"' + "x" * 200_000, "can't be read as CSV"),
        (HEAD + "a\0,2026-11-20,1,1,,\n", "Name the model as its calls do"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(text: str, said: str) -> None:
    assert any(said in problem for problem in problems(text))


def test_bytes_that_are_no_text_or_too_many_are_refused() -> None:
    assert card.text_of(BytesIO("\ufeffmödel".encode())) == "mödel"
    with pytest.raises(Invalid, match="UTF-8"):
        card.text_of(BytesIO(b"\xff\xfe"))
    with pytest.raises(TooLarge):
        card.text_of(BytesIO(b"x" * 1_000_001))


_words = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)
_amount = st.none() | st.decimals(0, 1_000_000, places=6)
_wanted = st.builds(
    lambda m, d, i, o, n: Wanted(m, d, i, o, i, n),
    _words.filter(bool).map(lambda word: word.lstrip("'") or "m"),
    st.dates(TODAY - timedelta(days=400), TODAY + timedelta(days=1_830)),
    _amount,
    _amount,
    _words.map(lambda word: word.lstrip("'")),
)


@given(st.lists(_wanted, min_size=1, max_size=5, unique_by=lambda each: (each.model, each.valid_from)))
def test_what_was_exported_can_be_imported_as_it_is(prices: list[Wanted]) -> None:
    cells = [
        card.row(Price(w.model, w.input, w.output, w.cached_input, w.valid_from, ""), w.note, "adam@example.org", "now")
        for w in prices
    ]
    text = "".join(exporting.lines("csv", list(card.COLUMNS), [list(row) for row in cells]))
    assert card.read(text, TODAY) == prices


def test_what_begins_like_a_formula_leaves_as_a_text() -> None:
    cells = card.row(Price("=cmd", D(3), None, None, TODAY, ""), "+1", "a@b", "now")
    text = "".join(exporting.lines("csv", list(card.COLUMNS), [list(cells)]))
    assert text.splitlines()[1] == "'=cmd,2026-11-20,3,,,'+1,USD,a@b,now"
