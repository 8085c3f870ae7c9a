"""ROLL-7: states and the moves between them."""

from itertools import product

import pytest

from apps.rollouts.machine import ACTIVE, ALLOWED, SERVING, WATCHED, Mover, State, may


def test_final_states_are_final_and_only_listed_moves_exist() -> None:
    assert ALLOWED[State.ROLLED_BACK] == ALLOWED[State.CANCELLED] == frozenset()
    assert not may(State.ROLLED_BACK, State.RUNNING)
    assert not may(State.DRAFT, State.RUNNING)
    assert set(ALLOWED) == set(State)


@pytest.mark.parametrize("state", [State.RUNNING, State.HELD, State.COMPLETED])
@pytest.mark.parametrize("by", list(Mover))
def test_whatever_is_served_can_be_rolled_back_by_a_person_and_by_a_check(state: State, by: Mover) -> None:
    assert may(state, State.ROLLING_BACK, by)


def test_a_rollback_has_one_way_out() -> None:
    """ROLL-8: nothing resumes or cancels it, and only the read-back ends it."""
    assert ALLOWED[State.ROLLING_BACK] == {State.ROLLED_BACK}
    assert not may(State.ROLLING_BACK, State.ROLLED_BACK, Mover.PERSON)


@pytest.mark.parametrize("state", [State.DRAFT, State.AWAITING_APPROVAL])
def test_no_check_starts_approves_or_cancels_anything(state: State) -> None:
    assert not any(may(state, after, Mover.CHECK) for after in State)


def test_no_person_advances_a_rollout_past_its_checks() -> None:
    """ROLL-6: only a pass on every guardrail advances."""
    assert not may(State.RUNNING, State.RUNNING, Mover.PERSON)
    assert not may(State.RUNNING, State.COMPLETED, Mover.PERSON)
    assert may(State.RUNNING, State.HELD, Mover.PERSON)
    assert may(State.HELD, State.RUNNING, Mover.PERSON)


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_a_move_exists_exactly_if_somebody_may_make_it(before: State, after: State) -> None:
    assert may(before, after) == any(may(before, after, by) for by in Mover)


def test_whatever_is_served_is_watched_and_is_active() -> None:
    assert SERVING < ACTIVE
    assert SERVING < WATCHED
    assert State.COMPLETED not in ACTIVE
