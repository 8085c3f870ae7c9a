"""FEED-1, FEED-2, FEED-5, ROLL-10: the pure rules."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.feedback.rules import (
    LIVE_SUPPORT,
    MOVES,
    Category,
    Hours,
    Reaction,
    State,
    forecast,
    hours_problem,
    is_open,
    open_time,
    reactions_of,
    shares_problem,
)

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = [Hours(day, time(9), time(17)) for day in range(5)]
HOUR = timedelta(hours=1)
ONE_DAY = "A desk opens before it closes, on one day; split hours that go past midnight."


def test_every_report_is_a_soft_failure_and_two_kinds_are_doubts() -> None:
    assert {c: reactions_of(c) for c in Category if len(reactions_of(c)) > 1} == {
        Category.REDONE: (Reaction.UNHELPFUL, Reaction.REDONE),
        Category.RECHECKED: (Reaction.UNHELPFUL, Reaction.RECHECKED),
    }
    assert reactions_of(Category.TONE) == (Reaction.UNHELPFUL,)


def test_nothing_becomes_new_again_and_what_is_settled_is_taken_up_before_anything_else() -> None:
    assert all(State.NEW not in targets for targets in MOVES.values())
    assert MOVES[State.FIXED] == MOVES[State.DECLINED] == {State.ACKNOWLEDGED}
    assert set(MOVES) == set(State)


@pytest.mark.parametrize(
    ("hours", "problem"),
    [
        (WEEKDAYS, ""),
        ([Hours(0, time(9), time(12)), Hours(0, time(12), time(17))], ""),
        ([], "Give at least one opening time."),
        (
            [Hours(0, time(17), time(9))],
            ONE_DAY,
        ),
        (
            [Hours(7, time(9), time(17))],
            ONE_DAY,
        ),
        ([Hours(0, time(9), time(13)), Hours(0, time(12), time(17))], "Two opening times overlap."),
    ],
)
def test_opening_hours_are_sound(hours: list[Hours], problem: str) -> None:
    assert hours_problem(hours) == problem


def test_a_desk_is_open_from_the_first_instant_until_before_the_last() -> None:
    # A Friday.
    nine, five = (datetime(2026, 11, 20, hour, tzinfo=BERLIN) for hour in (9, 17))
    assert is_open(WEEKDAYS, BERLIN, nine)
    assert not is_open(WEEKDAYS, BERLIN, five)
    assert is_open(WEEKDAYS, BERLIN, five - timedelta(microseconds=1))
    assert not is_open(WEEKDAYS, BERLIN, nine + timedelta(days=1)), "Saturday"


def test_a_first_response_is_measured_in_opening_time() -> None:
    """Friday 16:30 to Monday 09:15 is three quarters of an hour, not a weekend."""
    friday = datetime(2026, 11, 20, 16, 30, tzinfo=BERLIN)
    monday = datetime(2026, 11, 23, 9, 15, tzinfo=BERLIN)
    assert open_time(WEEKDAYS, BERLIN, friday, monday) == timedelta(minutes=45)


def test_an_hour_that_a_clock_change_leaves_out_is_not_waited() -> None:
    """On 28 March 2027 the clock goes from 2 to 3; on 31 October it goes back."""
    nights = [Hours(6, time(0), time(6))]
    for day, hours in ((datetime(2027, 3, 28), 5), (datetime(2027, 10, 31), 7)):
        start = day.replace(tzinfo=BERLIN)
        assert open_time(nights, BERLIN, start, start + timedelta(days=1)) == hours * HOUR


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC)),
    first=st.integers(0, 20_000),
    second=st.integers(0, 20_000),
)
def test_opening_time_adds_up_and_is_never_longer_than_the_time(start: datetime, first: int, second: int) -> None:
    middle, end = start + timedelta(minutes=first), start + timedelta(minutes=first + second)
    parts = open_time(WEEKDAYS, BERLIN, start, middle) + open_time(WEEKDAYS, BERLIN, middle, end)
    assert parts == open_time(WEEKDAYS, BERLIN, start, end) <= end - start


def test_the_load_is_heaviest_at_first_and_adds_up() -> None:
    load = forecast(700)
    assert len(load) == LIVE_SUPPORT.days == 30
    assert load[0] == pytest.approx(40.0) and load[7] == pytest.approx(25.0)
    assert load[-1] == pytest.approx(700 * 0.15 / 9)
    assert sum(load) == pytest.approx(700)


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ((40, 25, 20, 15), ""),
        ((25, 25, 25, 25), ""),
        ((20, 30, 30, 20), "The first week is the heaviest: give it the largest share (ROLL-10)."),
        ((50, 50), "Give four shares, in percent, that make 100."),
        ((110, -10, 0, 0), "Give four shares, in percent, that make 100."),
    ],
)
def test_the_first_week_is_the_heaviest(shares: tuple[int, ...], problem: str) -> None:
    assert shares_problem(shares) == problem
