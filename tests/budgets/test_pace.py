"""COST-3's pace, and what a month's burn-up adds up to: days and edges of the tenant's own calendar."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.budgets.months import LAST, THIS, Month, month_at, month_chosen
from apps.budgets.usage.pace import Outlook, ordinal, outlook, running

BERLIN = month_at(datetime(2026, 11, 20, tzinfo=UTC), "Europe/Berlin")
APIA = month_at(datetime(2026, 11, 20, tzinfo=UTC), "Pacific/Apia")
# The clock goes back on the 25th: this month has an hour more.
OCTOBER = month_at(datetime(2026, 10, 20, tzinfo=UTC), "Europe/Berlin")
WEEK = 168


def found(used: int, limit: int, burned: int, now: datetime, month: Month = BERLIN) -> Outlook:
    return outlook(used=Decimal(used), limit=Decimal(limit), burned=Decimal(burned), month=month, now=now)


def test_at_the_pace_of_seven_days_the_cap_is_reached_on_a_day_that_is_said() -> None:
    """168 in a week is one an hour: 96 are left, so four days."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    ahead = found(904, 1_000, WEEK, now)
    assert (ahead.burn, ahead.reached_at) == (1, now + timedelta(days=4))
    assert ahead.said("spend cap") == "At the pace of the last 7 days the spend cap is reached on the 24th."


@pytest.mark.parametrize(
    ("used", "burned", "said"),
    [
        (100, WEEK, "At the pace of the last 7 days the cap lasts the month."),
        (100, 0, "Nothing was used in the last 7 days: at this pace the cap lasts the month."),
        (1_000, WEEK, "The cap is reached."),
        (1_200, 0, "The cap is reached."),
    ],
)
def test_it_says_so_when_the_month_lasts_and_when_it_is_over(used: int, burned: int, said: str) -> None:
    assert found(used, 1_000, burned, datetime(2026, 11, 20, 12, tzinfo=UTC)).said("cap") == said


@pytest.mark.parametrize(("used", "said"), [(999, "was not reached"), (1_000, "was reached")])
def test_of_a_month_that_is_over_it_says_what_came_of_it(used: int, said: str) -> None:
    assert found(used, 1_000, WEEK, BERLIN.end).said("cap") == f"The month is over; the cap {said}."


def test_exactly_enough_lasts_the_month() -> None:
    now = BERLIN.end - timedelta(hours=24)
    assert found(976, 1_000, WEEK, now).reached_at is None
    assert found(977, 1_000, WEEK, now).reached_at == now + timedelta(hours=23)


@pytest.mark.parametrize(
    ("month", "now", "day"),
    [
        # 23:30 UTC on the 23rd is the 24th in Berlin and in Apia.
        (BERLIN, datetime(2026, 11, 23, 22, 30, tzinfo=UTC), "24th"),
        (APIA, datetime(2026, 11, 23, 9, 30, tzinfo=UTC), "23rd"),
        (APIA, datetime(2026, 11, 23, 10, 30, tzinfo=UTC), "24th"),
    ],
)
def test_the_day_is_that_of_the_tenants_own_calendar(month: Month, now: datetime, day: str) -> None:
    ahead = found(999, 1_000, WEEK, now, month)
    assert ahead.reached_at == now + timedelta(hours=1)
    assert ahead.said("cap").endswith(f"on the {day}.")


def test_the_last_hour_of_a_month_and_the_first_of_the_next_are_told_apart() -> None:
    """Apia is thirteen hours ahead: its December begins at 11:00 UTC on the 30th."""
    assert APIA.end == datetime(2026, 11, 30, 11, tzinfo=UTC)
    assert found(998, 1_000, WEEK, APIA.end - timedelta(hours=1), APIA).reached_at is None
    assert found(998, 1_000, WEEK, APIA.end - timedelta(hours=3), APIA).reached_at == APIA.end - timedelta(hours=1)
    december = month_at(APIA.end, "Pacific/Apia")
    assert december.key == "2026-12@Pacific/Apia"
    assert found(0, 1_000, WEEK, APIA.end, december).reached_at is None
    assert found(0, 700, WEEK, APIA.end, december).said("cap").endswith("on the 30th.")


def test_a_day_holds_what_was_posted_on_it_and_the_sum_runs_on() -> None:
    now = datetime(2026, 11, 3, 12, tzinfo=UTC)
    days = {date(2026, 11, 1): Decimal(5), date(2026, 11, 3): Decimal(2)}
    assert list(running(days, BERLIN, now)) == [
        (datetime(2026, 10, 31, 23, tzinfo=UTC), 0),
        (datetime(2026, 11, 1, 23, tzinfo=UTC), 5),
        (datetime(2026, 11, 2, 23, tzinfo=UTC), 5),
        (now, 7),
    ]


def test_a_month_with_a_change_of_clocks_has_its_days_and_an_hour_more() -> None:
    points = [at for at, _ in running({}, OCTOBER, OCTOBER.end)]
    assert len(points) == 32
    assert points[25] - points[24] == timedelta(hours=25)
    assert points[-1] == OCTOBER.end == datetime(2026, 10, 31, 23, tzinfo=UTC)


def test_what_comes_late_counts_at_the_months_end() -> None:
    days = {date(2026, 11, 30): Decimal(1), date(2026, 12, 2): Decimal(10)}
    *_, last = running(days, BERLIN, BERLIN.end + timedelta(days=5))
    assert last == (BERLIN.end, 11)


@given(
    days=st.dictionaries(st.dates(date(2026, 11, 1), date(2026, 12, 5)), st.integers(0, 100), max_size=12),
    zone=st.sampled_from(["Europe/Berlin", "Pacific/Apia", "UTC", "America/New_York"]),
)
def test_nothing_is_lost_and_no_sum_ever_falls(days: dict[date, int], zone: str) -> None:
    month = month_at(datetime(2026, 11, 20, tzinfo=UTC), zone)
    points = list(running({day: Decimal(n) for day, n in days.items()}, month, month.end + timedelta(days=9)))
    assert points[-1] == (month.end, sum(days.values()))
    assert [total for _, total in points] == sorted(total for _, total in points)
    assert len(points) == 31


def test_the_month_before_is_chosen_by_its_name_and_anything_else_is_this_one() -> None:
    now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert month_chosen(LAST, now, "UTC").key == "2026-02@UTC"
    assert month_chosen(LAST, now, "America/New_York").key == "2026-01@America/New_York"
    assert month_chosen(THIS, now, "UTC").key == month_chosen("x", now, "UTC").key == "2026-03@UTC"


def test_days_are_said_as_people_say_them() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th", "31st",
    ]  # fmt: skip
