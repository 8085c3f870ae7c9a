"""FEED-4 and H8 as pure rules: who is trained, until when, and whether enough are."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.training.rules import (
    Done,
    Question,
    coverage,
    missing_topics,
    questions_from,
    questions_text,
    trained_until,
    wrong_answers,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
A, B = UUID(int=1), UUID(int=2)


def test_every_module_counts_and_the_first_to_run_out_ends_it() -> None:
    done = [Done(A, 1, NOW + 9 * DAY), Done(B, 1, NOW + 3 * DAY)]
    assert trained_until({A: 1, B: 1}, done) == NOW + 3 * DAY
    assert trained_until({A: 1, B: 1}, done[:1]) is None
    assert trained_until({}, done) is None


def test_a_revision_that_no_longer_counts_is_as_if_never_taken_and_the_latest_completion_wins() -> None:
    done = [Done(A, 1, NOW + 9 * DAY), Done(A, 2, NOW + DAY)]
    assert trained_until({A: 2}, done) == NOW + DAY
    assert trained_until({A: 3}, done) is None
    assert trained_until({A: 1}, done) == NOW + 9 * DAY


@pytest.mark.parametrize(
    ("people", "trained", "holds"),
    [(0, 0, False), (5, 4, True), (5, 3, False), (6, 5, True), (6, 4, False), (1, 1, True)],
)
def test_eighty_percent_is_reached_by_people_and_never_by_rounding(people: int, trained: int, holds: bool) -> None:
    ends = [NOW + DAY] * trained + [None] * (people - trained)
    assert coverage(ends, 80, NOW).holds is holds


def test_it_says_when_too_few_will_be_trained() -> None:
    ends = [NOW + n * DAY for n in (1, 2, 3, 4, 5)]
    # Four of five are enough: the second one to run out is one too many.
    assert coverage(ends, 80, NOW).until == NOW + 2 * DAY
    assert coverage(ends, 100, NOW).until == NOW + DAY


def test_training_ends_at_its_end_and_not_after_it() -> None:
    assert coverage([NOW], 80, NOW).trained == 0
    assert coverage([NOW + timedelta(microseconds=1)], 80, NOW).trained == 1


@given(
    st.lists(st.one_of(st.none(), st.integers(-5, 40)), min_size=1, max_size=40),
    st.integers(80, 100),
)
def test_until_is_exactly_when_it_stops_holding(days: list[int | None], threshold: int) -> None:
    ends = [None if each is None else NOW + each * DAY for each in days]
    found = coverage(ends, threshold, NOW)
    assert found.holds is (found.until is not None)
    if found.until is not None:
        assert coverage(ends, threshold, found.until - timedelta(microseconds=1)).holds
        assert not coverage(ends, threshold, found.until).holds


def test_only_right_answers_pass() -> None:
    asked = [Question("a", ("x", "y"), 1), Question("b", ("x", "y"), 0)]
    assert wrong_answers(asked, [1, 0]) == []
    assert wrong_answers(asked, [1, 1]) == [2]
    assert wrong_answers(asked, [None, 0]) == [1]
    assert wrong_answers(asked, []) == [1, 2]
    assert wrong_answers(asked, [1, 0, 7]) == []


def test_all_three_topics_are_wanted() -> None:
    assert missing_topics(["reading"]) == ["How to spot a hallucination", "How to step in"]
    assert missing_topics(["reading", "spotting", "stepping_in"]) == []


def test_questions_are_written_as_lines_and_come_back_as_they_were() -> None:
    text = "Is it sure?\n- yes\n+ no\n\nWhat then?\n+ ask\n- guess"
    found = questions_from(text)
    assert found == [
        {"text": "Is it sure?", "answers": ["yes", "no"], "right": 1},
        {"text": "What then?", "answers": ["ask", "guess"], "right": 0},
    ]
    assert questions_text(found) == text


def test_a_question_with_two_right_answers_or_none_has_no_right_one() -> None:
    assert questions_from("Q\n+ a\n+ b")[0]["right"] == -1
    assert questions_from("Q\n- a\n- b")[0]["right"] is None
    assert questions_from("+ a") == [{"text": "+ a", "answers": [], "right": None}]


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_questions(text: str) -> None:
    assert isinstance(questions_from(text), list)


def test_nobody_is_trained_by_a_module_that_is_not_asked() -> None:
    assert trained_until({A: 1}, [Done(uuid4(), 1, NOW + DAY)]) is None
