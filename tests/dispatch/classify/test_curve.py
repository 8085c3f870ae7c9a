"""DISP-3: the curve, and the one threshold that is chosen on it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.classify.curve import AIM, FLOOR, LOSS, Answer, Judged, Point, choose

ANSWERS = st.lists(st.builds(Answer, st.booleans(), st.booleans(), st.floats(0, 1)), max_size=60)


def line(*rows: tuple[float, float, float | None]) -> list[Point]:
    """A curve by (threshold, right, none)."""
    return [Point(threshold, right, 0.0, none) for threshold, right, none in rows]


def test_a_refusal_in_scope_counts_as_wrong_and_out_of_scope_as_right() -> None:
    answers = [Answer(True, True, 0.9), Answer(True, True, 0.3), Answer(True, False, 0.8), Answer(True, False, 0.2)]
    answers += [Answer(False, False, 0.4), Answer(False, False, 0.7)]
    assert Judged(answers).at(0.5) == Point(0.5, right=0.25, wrong=0.25, none=0.5)
    assert Judged(answers).at(0.5).refused == 0.5
    assert Judged(answers).at(0.0) == Point(0.0, right=0.5, wrong=0.5, none=0.0)


def test_an_answer_at_the_threshold_is_given() -> None:
    assert Judged([Answer(True, True, 0.5)]).at(0.5).right == 1.0
    assert Judged([Answer(False, False, 0.5)]).at(0.5).none == 0.0


def test_what_was_not_judged_has_no_share() -> None:
    assert Judged([Answer(True, True, 1.0)]).at(0.5).none is None
    assert Judged([Answer(False, False, 1.0)]).at(0.5).right is None
    assert Judged([Answer(False, False, 1.0)]).at(0.5).refused is None


@given(answers=ANSWERS)
def test_a_higher_threshold_never_answers_more_and_never_refuses_less(answers: list[Answer]) -> None:
    points = Judged(answers).curve()
    assert [p.threshold for p in points] == [n / 100 for n in range(101)]
    for before, after in pairwise(points):
        for share, other in ((after.right, before.right), (after.wrong, before.wrong), (before.none, after.none)):
            assert share is other is None or (share is not None and other is not None and share <= other)


def test_the_lowest_threshold_that_refuses_enough_is_chosen() -> None:
    points = line((0.0, 0.99, 0.0), (0.3, 0.98, AIM - 0.01), (0.4, 0.97, AIM), (0.5, 0.96, 0.9))
    assert choose(points).threshold == 0.4


def test_and_then_the_highest_that_costs_no_right_answer_more() -> None:
    points = line((0.0, 0.99, 0.0), (0.3, 0.98, AIM), (0.4, 0.98, AIM), (0.5, 0.96, 0.9))
    assert choose(points).threshold == 0.4


def test_but_never_at_the_price_of_the_floor() -> None:
    points = line((0.0, 0.99, 0.0), (0.3, FLOOR, 0.5), (0.4, FLOOR - 0.001, 0.9))
    assert choose(points).threshold == 0.3


def test_where_the_floor_is_out_of_reach_at_most_the_loss_is_given_up() -> None:
    points = line((0.0, 0.80, 0.0), (0.3, 0.80 - LOSS, 0.3), (0.4, 0.79, 0.9))
    assert choose(points).threshold == 0.3


def test_without_examples_of_nobody_at_most_the_loss_is_given_up() -> None:
    points = line((0.0, 0.99, None), (0.3, 0.99 - LOSS, None), (0.4, 0.98, None))
    assert choose(points).threshold == 0.3


@given(answers=ANSWERS)
def test_there_is_always_one_and_it_keeps_the_promise(answers: list[Answer]) -> None:
    points = Judged(answers).curve()
    chosen, best = choose(points), max(p.right or 0.0 for p in points)
    assert chosen in points
    assert (chosen.right or 0.0) >= min(FLOOR, best - LOSS)
