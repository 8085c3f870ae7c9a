"""CALL-3, the timing vectors of 2.4: who is woken when, by the pure climb."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ownership.alerts import codec, escalation
from apps.ownership.alerts.escalation import Aim, Move, Place, Policy, Step, Target, advance, plan, reopens
from apps.ownership.rotation import Hours
from tests.ownership.alerts.cast import MINUTE, at

SOMEBODY = (Target(Aim.ROTA, "1"),)


def policy(*minutes: int, repeats: int = 1) -> Policy:
    return Policy(tuple(Step(SOMEBODY, m * MINUTE) for m in minutes), repeats)


def clocks(found: list[tuple[datetime, Move]]) -> list[tuple[str, int | None]]:
    return [(f"{when:%H:%M}", move.entered) for when, move in found]


def test_5_and_10_minutes_repeated_once_end_after_half_an_hour() -> None:
    found = plan(policy(5, 10), at("12:00"), lambda step: True)
    assert clocks(found) == [("12:00", 0), ("12:05", 1), ("12:15", 0), ("12:20", 1), ("12:30", None)]
    assert [move.due is None for _, move in found] == [False, False, False, False, True]


def test_an_empty_first_step_is_skipped_at_once() -> None:
    found = plan(policy(5, 10, repeats=0), at("12:00"), lambda step: step == 1)
    assert clocks(found) == [("12:00", 1), ("12:10", None)]
    assert found[0][1].skipped == (0,)


def test_an_empty_last_step_begins_the_next_round_at_once() -> None:
    found = plan(policy(5, 10), at("12:00"), lambda step: step == 0)
    assert clocks(found) == [("12:00", 0), ("12:05", 0), ("12:10", None)]
    assert [move.skipped for _, move in found] == [(), (1,), (1,)]


def test_a_policy_that_reaches_nobody_is_said_to_each_round_and_ends() -> None:
    found = plan(policy(5, 10), at("12:00"), lambda step: False)
    assert [(f"{when:%H:%M}", move.nobody, move.entered) for when, move in found] == [
        ("12:00", True, None),
        ("12:10", True, None),
    ]


def test_a_late_look_takes_one_step_and_no_burst() -> None:
    move = advance(policy(5, 10), Place(0, 0), at("13:40"), lambda step: True)
    assert (move.entered, move.due) == (1, at("13:50"))


def test_a_step_with_hours_waits_until_an_absolute_instant() -> None:
    office = Hours(ZoneInfo("Europe/Berlin"), frozenset(range(5)), time(9), time(17))
    found = Policy((Step(SOMEBODY, 5 * MINUTE), Step(SOMEBODY, 5 * MINUTE, office)), repeats=0)
    # 20 November 2026 is a Friday; 16:10 UTC is after hours in Berlin.
    friday = at("16:10")
    moves = plan(found, friday, lambda step: True)
    assert [(move.entered, move.paused, move.due) for _, move in moves[:2]] == [
        (0, False, friday + 5 * MINUTE),
        (None, True, datetime.fromisoformat("2026-11-23T08:00:00+00:00")),
    ]
    assert (f"{moves[2][0]:%a %H:%M}", moves[2][1].entered) == ("Mon 08:00", 1)


@pytest.mark.parametrize(
    ("timeout", "acknowledged", "expected"),
    [
        (timedelta(hours=1), timedelta(minutes=3), timedelta(hours=1, minutes=3)),
        (None, timedelta(minutes=3), None),
        (timedelta(hours=1), timedelta(days=6, hours=23), None),
        (timedelta(hours=1), timedelta(days=6, hours=22, minutes=59), timedelta(days=6, hours=23, minutes=59)),
    ],
)
def test_an_acknowledgement_runs_out_within_a_week_of_the_alert(
    timeout: timedelta | None, acknowledged: timedelta, expected: timedelta | None
) -> None:
    opened = at("12:00")
    found = reopens(Policy((), 0, timeout), opened, opened + acknowledged)
    assert (found - opened if found else None) == expected


@pytest.mark.parametrize(
    ("what", "could_reach", "words"),
    [
        (policy(5), [True], ""),
        (policy(), [], "1 to 10 steps"),
        (policy(5, 5), [False, False], "every step is empty"),
        (policy(0), [True], "one minute to one day"),
        (policy(5, repeats=10), [True], "at most 9 times"),
        (Policy(policy(5).steps, 0, 4 * MINUTE), [True], "5 minutes to 4 days"),
    ],
)
def test_a_policy_that_could_not_work_is_refused(what: Policy, could_reach: list[bool], words: str) -> None:
    problems = escalation.shortcomings(what, could_reach)
    assert (words in " ".join(problems)) if words else problems == []


steps = st.lists(st.integers(1, 60), min_size=1, max_size=6)


@given(minutes=steps, repeats=st.integers(0, 4), data=st.data())
def test_a_climb_ends_never_goes_back_in_time_and_passes_over_nobody_reachable(
    minutes: list[int], repeats: int, data: st.DataObject
) -> None:
    reaches = data.draw(st.lists(st.booleans(), min_size=len(minutes), max_size=len(minutes)))
    found = plan(policy(*minutes, repeats=repeats), at("12:00"), lambda step: reaches[step])
    entered = [move.entered for _, move in found if move.entered is not None]
    assert [when for when, _ in found] == sorted(when for when, _ in found)
    assert entered == [step for _ in range(repeats + 1) for step, reached in enumerate(reaches) if reached]
    assert found[-1][1].due is None and all(move.due is not None for _, move in found[:-1])
    assert any(move.nobody for _, move in found) == (not any(reaches))


@given(minutes=steps, repeats=st.integers(0, 4), passed=st.integers(0, 600))
def test_what_the_auditor_asks_for_is_what_the_climb_does_on_time(
    minutes: list[int], repeats: int, passed: int
) -> None:
    until = at("12:00") + passed * MINUTE
    done = [
        when for when, move in plan(policy(*minutes, repeats=repeats), at("12:00"), lambda s: True) if when <= until
    ]
    delays = [m * MINUTE for m in minutes]
    wanted = escalation.fewest_entries(delays, repeats, at("12:00"), until)
    assert wanted == min(len(done), len(minutes) * (repeats + 1))


hours = st.builds(
    Hours,
    st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")]),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from([time(0), time(9)]),
    st.sampled_from([time(17, 30), time(0)]),
)
targets = st.lists(st.builds(Target, st.sampled_from(Aim), st.sampled_from(["", "1"])), max_size=3).map(tuple)


@given(
    st.builds(
        Policy,
        st.lists(
            st.builds(Step, targets, st.integers(60, 86_400).map(lambda s: timedelta(seconds=s)), st.none() | hours)
        ).map(tuple),
        st.integers(0, 9),
        st.none() | st.integers(300, 345_600).map(lambda s: timedelta(seconds=s)),
    )
)
def test_a_policy_comes_back_from_the_database_as_it_went_in(found: Policy) -> None:
    timeout = int(found.ack_timeout.total_seconds()) if found.ack_timeout else None
    assert codec.to_policy(codec.to_steps(found), found.repeats, timeout) == found
