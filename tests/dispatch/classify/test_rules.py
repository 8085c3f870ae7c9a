"""DISP-1: rules before the classifier, and examples as people write them."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.classify.reading import MOST_AT_ONCE, Said, checked, pasted
from apps.dispatch.classify.rules import Pattern, first_match, phrases
from portal.errors import Invalid

ONE, TWO = UUID(int=1), UUID(int=2)


def pattern(written: str, workload: UUID = ONE) -> Pattern:
    return Pattern(tuple(phrases(written)), workload)


@pytest.mark.parametrize(
    ("written", "text", "matches"),
    [
        ("refund", "I want a REFUND!", True),
        ("refund", "a refundable ticket", False),
        ("refund, order", "my order: refund it", True),
        ("refund, order", "refund it", False),
        ("credit card", "the credit-card", True),
        ("credit card", "card credit", False),
        ("credit card", "credit my card", False),
        ("größe", "Welche GRÖSSE?", True),
        (".*", "anything", None),
    ],
)
def test_all_phrases_have_to_be_there_as_whole_words(written: str, text: str, matches: bool | None) -> None:
    if matches is None:
        with pytest.raises(Invalid):
            phrases(written)
    else:
        assert (first_match([pattern(written)], text) is not None) is matches


def test_the_first_rule_that_matches_counts() -> None:
    rules = [pattern("card, lost", ONE), pattern("card", TWO)]
    assert first_match(rules, "my card is lost") == rules[0]
    assert first_match(rules, "a new card") == rules[1]
    assert first_match(rules, "hello") is None


@pytest.mark.parametrize("written", ["", " , ", "a,b,c,d,e,f", "x" * 200, "!!!"])
def test_phrases_that_cannot_be_taken_are_refused(written: str) -> None:
    with pytest.raises(Invalid):
        phrases(written)


@given(text=st.text(max_size=300), words=st.lists(st.from_regex(r"\A[a-z]{1,8}\Z"), min_size=1, max_size=3))
def test_a_text_with_all_the_words_in_it_always_matches(text: str, words: list[str]) -> None:
    assert first_match([pattern(",".join(words))], f"{' '.join(words)} {text}") is not None


def test_pasted_lines_are_examples_and_a_heading_makes_it_csv() -> None:
    assert pasted("one, with a comma\n\n  two \n") == [Said("one, with a comma"), Said("two")]
    assert pasted('Text,topic\n"a, b",t\nc,\n') == [Said("a, b", "t"), Said("c", "")]
    assert pasted("topic,text\nt,x\n") == [Said("x", "t")]


def test_a_file_is_refused_whole_with_its_lines_named() -> None:
    with pytest.raises(Invalid) as refusal:
        checked([Said("fine"), Said(" "), Said("x" * 1_001), Said("y", "t" * 61), Said("a\x00b")])
    assert refusal.value.data["problems"] == [
        "Example 2: the text is empty.",
        "Example 3: the text has more than 1,000 characters.",
        "Example 4: the topic has more than 60 characters.",
        "Example 5: leave out the character NUL.",
    ]


def test_there_are_bounds_on_how_many() -> None:
    for count in (0, MOST_AT_ONCE + 1):
        with pytest.raises(Invalid, match="1 to 5,000"):
            checked([Said("x")] * count)
