"""CALL-2: rotations in closed form, with the vectors V1 to V28 and V30 by name (V29 is about frozen history)."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ownership.rotation import Hours, Rotation, Unit, resolve

A, B, C, D, E = (UUID(int=n) for n in range(1, 6))
HOUR, DAY, QUARTER = timedelta(hours=1), timedelta(days=1), timedelta(minutes=15)
WEEKDAYS = frozenset(range(5))
UTC_ZONE = ZoneInfo("UTC")


def rota(
    zone: str, anchor: str, unit: Unit = Unit.DAY, length: int = 1, people: int = 3, **options: object
) -> Rotation:
    participants = tuple(UUID(int=n + 1) for n in range(people))
    return Rotation(datetime.fromisoformat(anchor), ZoneInfo(zone), unit, length, participants, **options)  # type: ignore[arg-type]


def shift(rotation: Rotation, at: str) -> tuple[str, str]:
    """The shift in which an instant lies, as local times with their offsets."""
    k = rotation.index(datetime.fromisoformat(at))
    return tuple(rotation.boundary(n).astimezone(rotation.zone).isoformat() for n in (k, k + 1))  # type: ignore[return-value]


def lengths(rotation: Rotation, at: str, count: int = 1) -> list[timedelta]:
    k = rotation.index(datetime.fromisoformat(at))
    return [rotation.boundary(n + 1) - rotation.boundary(n) for n in range(k, k + count)]


def chain(rotation: Rotation, first: int, count: int) -> list[str]:
    return [rotation.boundary(k).astimezone(rotation.zone).isoformat() for k in range(first, first + count)]


def test_v1_chicago_daily_in_spring_has_a_day_of_23_hours() -> None:
    found = rota("America/Chicago", "2026-01-05T09:00")
    assert shift(found, "2026-03-07T18:00:00+00:00") == ("2026-03-07T09:00:00-06:00", "2026-03-08T09:00:00-05:00")
    assert lengths(found, "2026-03-07T18:00:00+00:00") == [23 * HOUR]


def test_v2_chicago_daily_in_autumn_has_a_day_of_25_hours() -> None:
    assert lengths(rota("America/Chicago", "2026-01-05T09:00"), "2026-10-31T18:00:00+00:00") == [25 * HOUR]


def test_v3_chicago_at_half_past_two_hands_over_at_three_when_that_time_does_not_exist() -> None:
    found = rota("America/Chicago", "2026-01-05T02:30")
    assert shift(found, "2026-03-07T18:00:00+00:00") == ("2026-03-07T02:30:00-06:00", "2026-03-08T03:00:00-05:00")
    assert lengths(found, "2026-03-07T18:00:00+00:00", 2) == [23.5 * HOUR, 23.5 * HOUR]


def test_v4_chicago_at_half_past_one_hands_over_the_first_time_that_it_is_so() -> None:
    found = rota("America/Chicago", "2026-01-05T01:30")
    assert shift(found, "2026-11-01T12:00:00+00:00")[0] == "2026-11-01T01:30:00-05:00"
    assert lengths(found, "2026-11-01T12:00:00+00:00") == [25 * HOUR]


def test_v5_berlin_weekly_over_the_change_is_167_hours() -> None:
    found = rota("Europe/Berlin", "2026-01-05T09:00", Unit.WEEK)
    assert shift(found, "2026-03-25T00:00:00+00:00")[1] == "2026-03-30T09:00:00+02:00"
    assert lengths(found, "2026-03-25T00:00:00+00:00") == [167 * HOUR]


def test_v6_berlin_weekly_has_one_person_right_after_the_change() -> None:
    found = rota("Europe/Berlin", "2026-10-12T09:00", Unit.WEEK, people=2)
    holders = {found.holder(datetime(2026, 10, 26, hour, 30, tzinfo=UTC)) for hour in (8, 9)}
    assert holders == {A}, "the third week, so the first person again; alone"
    assert found.holder(datetime(2026, 10, 26, 7, 59, tzinfo=UTC)) == B


def test_v7_berlin_every_twelve_hours_on_the_local_clock_is_13_hours_once() -> None:
    found = rota("Europe/Berlin", "2026-10-24T02:30", Unit.HOUR, 12)
    assert shift(found, "2026-10-25T02:00:00+00:00") == ("2026-10-25T02:30:00+02:00", "2026-10-25T14:30:00+01:00")
    assert lengths(found, "2026-10-25T02:00:00+00:00") == [13 * HOUR]


def test_v8_new_york_hourly_holds_the_repeated_hour_twice_as_long() -> None:
    found = rota("America/New_York", "2026-10-31T00:00", Unit.HOUR)
    for at in ("2026-11-01T05:30:00+00:00", "2026-11-01T06:30:00+00:00"):
        assert shift(found, at) == ("2026-11-01T01:00:00-04:00", "2026-11-01T02:00:00-05:00")


def test_v9_new_york_hourly_skips_the_turn_of_the_hour_that_is_not_there() -> None:
    found = rota("America/New_York", "2026-03-08T00:00", Unit.HOUR)
    assert chain(found, 1, 3) == [
        "2026-03-08T01:00:00-05:00",
        "2026-03-08T03:00:00-04:00",
        "2026-03-08T03:00:00-04:00",
    ]
    assert found.index(datetime(2026, 3, 8, 7, tzinfo=UTC)) == 3, "the skipped one still counts"
    people = [span.person for _, span in found.spans(found.boundary(1), found.boundary(4))]
    assert people == [B, A], "C's turn has no length"


def test_v10_new_york_every_seven_hours_is_eight_once() -> None:
    found = rota("America/New_York", "2026-10-31T00:00", Unit.HOUR, 7)
    assert shift(found, "2026-11-01T02:00:00+00:00") == ("2026-10-31T21:00:00-04:00", "2026-11-01T04:00:00-05:00")


def test_v11_london_monthly_from_the_31st_clamps_and_never_drifts() -> None:
    found = rota("Europe/London", "2026-01-31T09:00", Unit.MONTH)
    assert [at[:10] for at in chain(found, 0, 6)] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
    ]


def test_v12_london_monthly_from_the_30th() -> None:
    found = rota("Europe/London", "2026-01-30T09:00", Unit.MONTH)
    assert [at[:10] for at in chain(found, 1, 2)] == ["2026-02-28", "2026-03-30"]


def test_v13_every_twelve_months_from_a_leap_day() -> None:
    found = rota("UTC", "2024-02-29T00:00", Unit.MONTH, 12)
    assert [at[:10] for at in chain(found, 1, 4)] == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_v14_a_month_before_the_anchor_begins_where_it_should() -> None:
    found = rota("UTC", "2026-01-15T09:00", Unit.MONTH)
    assert shift(found, "2025-10-15T09:00:00+00:00") == ("2025-10-15T09:00:00+00:00", "2025-11-15T09:00:00+00:00")


def test_v15_lord_howe_jumps_by_half_an_hour() -> None:
    found = rota("Australia/Lord_Howe", "2026-09-01T02:15")
    assert shift(found, "2026-10-03T12:00:00+00:00")[1] == "2026-10-04T02:30:00+11:00"
    assert lengths(found, "2026-10-03T12:00:00+00:00", 2) == [23.75 * HOUR, 23.75 * HOUR]


def test_v16_lord_howe_hourly_has_ninety_minutes_once() -> None:
    found = rota("Australia/Lord_Howe", "2021-04-03T02:30", Unit.HOUR)
    assert shift(found, "2021-04-03T14:45:00+00:00") == ("2021-04-04T01:30:00+11:00", "2021-04-04T02:30:00+10:30")
    assert lengths(found, "2021-04-03T14:45:00+00:00") == [1.5 * HOUR]


def test_v17_cairo_has_no_midnight_once() -> None:
    found = rota("Africa/Cairo", "2026-04-01T00:00")
    assert shift(found, "2026-04-23T12:00:00+00:00")[1] == "2026-04-24T01:00:00+03:00"
    assert lengths(found, "2026-04-23T12:00:00+00:00", 2) == [24 * HOUR, 23 * HOUR]


def test_v18_santiago_has_no_midnight_once() -> None:
    found = rota("America/Santiago", "2026-08-01T00:00")
    assert shift(found, "2026-09-05T12:00:00+00:00")[1] == "2026-09-06T01:00:00-03:00"
    assert lengths(found, "2026-09-05T12:00:00+00:00", 2) == [24 * HOUR, 23 * HOUR]


def test_v19_havana_has_no_midnight_once() -> None:
    found = rota("America/Havana", "2026-02-01T00:00")
    assert shift(found, "2026-03-07T18:00:00+00:00")[1] == "2026-03-08T01:00:00-04:00"


def test_v20_havana_has_half_past_midnight_twice() -> None:
    found = rota("America/Havana", "2026-10-01T00:30")
    assert shift(found, "2026-11-01T12:00:00+00:00")[0] == "2026-11-01T00:30:00-04:00"
    assert lengths(found, "2026-11-01T12:00:00+00:00") == [25 * HOUR]


def test_v21_apia_lost_a_whole_day() -> None:
    found = rota("Pacific/Apia", "2011-12-29T09:00")
    assert chain(found, 0, 3) == [
        "2011-12-29T09:00:00-10:00",
        "2011-12-31T00:00:00+14:00",
        "2011-12-31T09:00:00+14:00",
    ]
    assert lengths(found, "2011-12-29T20:00:00+00:00", 2) == [15 * HOUR, 9 * HOUR]


def test_v22_kathmandu_is_a_quarter_off_and_never_changes() -> None:
    assert lengths(rota("Asia/Kathmandu", "2026-01-05T09:00", Unit.WEEK), "2026-03-25T00:00:00+00:00") == [168 * HOUR]


def test_v23_casablanca_goes_back_for_ramadan() -> None:
    found = rota("Africa/Casablanca", "2026-02-01T02:30")
    assert lengths(found, "2026-02-15T12:00:00+00:00") == [25 * HOUR]
    first = found.boundary(found.index(datetime(2026, 2, 15, 12, tzinfo=UTC)))
    assert first.astimezone(found.zone).isoformat() == "2026-02-15T02:30:00+01:00"


def test_v24_chicago_weekly_round_the_clock() -> None:
    found = rota("America/Chicago", "2024-10-01T00:00", Unit.WEEK)
    k = found.index(datetime(2024, 11, 1, tzinfo=UTC))
    assert found.boundary(k) == datetime(2024, 10, 29, 5, tzinfo=UTC)
    assert found.boundary(k + 1) == datetime(2024, 11, 5, 6, tzinfo=UTC)


def test_v25_before_an_anchor_in_the_future_the_count_goes_backwards() -> None:
    found = rota("UTC", "2030-01-01T09:00")
    at = datetime(2029, 12, 30, 12, tzinfo=UTC)
    assert (found.index(at), found.holder(at)) == (-2, B)
    assert found.boundary(-2) <= at < found.boundary(-1)


def test_v26_an_anchor_that_never_was_is_kept_as_it_was_written() -> None:
    found = rota("Europe/Berlin", "2026-03-29T02:30")
    assert found.anchor.isoformat() == "2026-03-29T02:30:00"
    assert chain(found, 0, 2) == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]


@pytest.mark.parametrize(("counts", "monday"), [(True, A), (False, C)])
def test_v27_after_friday_comes_the_next_person_or_the_calendars(counts: bool, monday: UUID) -> None:
    found = rota("UTC", "2026-01-05T09:00", people=5, hours=Hours(UTC_ZONE, WEEKDAYS), counts_active_days=counts)
    week = [found.holder(datetime(2026, 1, 5 + n, 12, tzinfo=UTC)) for n in range(5)]
    assert week == [A, B, C, D, E]
    assert found.holder(datetime(2026, 1, 10, 12, tzinfo=UTC)) is None, "Saturday"
    assert found.holder(datetime(2026, 1, 12, 12, tzinfo=UTC)) == monday


@pytest.mark.parametrize(("alias", "canonical"), [("US/Central", "America/Chicago"), ("Etc/UTC", "UTC")])
def test_v28_an_alias_of_a_zone_gives_the_same_boundaries(alias: str, canonical: str) -> None:
    ours, theirs = (rota(zone, "2026-01-05T02:30") for zone in (alias, canonical))
    assert [ours.boundary(k) for k in range(400)] == [theirs.boundary(k) for k in range(400)]


UNITS = ((Unit.HOUR, 1), (Unit.HOUR, 12), (Unit.DAY, 1), (Unit.WEEK, 1), (Unit.MONTH, 1))
BEGIN, OVER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
ZONES = sorted(available_timezones())
PARTS = 8


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """The instants in two years at which the zone's offset changes, to the quarter of an hour."""
    at = BEGIN
    while at < OVER:
        if at.astimezone(zone).utcoffset() != (at + DAY).astimezone(zone).utcoffset():
            inside = at
            while inside.astimezone(zone).utcoffset() == (inside + QUARTER).astimezone(zone).utcoffset():
                inside += QUARTER
            yield inside + QUARTER
        at += DAY


@pytest.mark.parametrize("part", range(PARTS))
def test_v30_in_no_zone_and_for_no_unit_has_an_instant_none_or_two_holders(part: int) -> None:
    looked = 0
    for name in ZONES[part::PARTS]:
        zone = ZoneInfo(name)
        for change in changes(zone):
            for unit, length in UNITS:
                found = Rotation(datetime(2026, 1, 5, 2, 30), zone, unit, length, (A, B, C))
                for step in range(-48, 49):
                    at = change + step * QUARTER
                    k = found.index(at)
                    # Boundaries never decrease, so being inside one shift is being in no other.
                    assert found.boundary(k) <= at < found.boundary(k + 1), (name, unit, at)
                    looked += 1
    assert looked > 10_000, "this machine's zones change their clocks"


@given(
    st.sampled_from(ZONES),
    st.sampled_from(UNITS),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.integers(-500, 500),
)
def test_boundaries_never_decrease(zone: str, unit: tuple[Unit, int], anchor: datetime, k: int) -> None:
    found = Rotation(anchor.replace(second=0, microsecond=0), ZoneInfo(zone), *unit, (A, B))
    assert found.boundary(k) <= found.boundary(k + 1)


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 1)).map(lambda at: at.replace(tzinfo=UTC, microsecond=0)),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.times(),
    st.times(),
    st.booleans(),
)
def test_spans_and_the_holder_at_an_instant_say_the_same(
    zone: str, at: datetime, days: frozenset[int], starts: time, ends: time, counts: bool
) -> None:
    """One function for a page's timeline, the other for whom to wake: they can't disagree."""
    clean = [each.replace(second=0, microsecond=0) for each in (starts, ends)]
    hours = Hours(ZoneInfo(zone), days, *clean)
    found = Rotation(datetime(2026, 1, 5, 9), ZoneInfo(zone), Unit.DAY, 1, (A, B, C), hours, counts)
    spans = [span for _, span in found.spans(at, at + 9 * DAY)]
    for before, after in pairwise(spans):
        assert before.end <= after.start
    for number in range(0, 9 * 24, 5):
        instant = at + number * HOUR
        inside = [span.person for span in spans if span.start <= instant < span.end]
        assert inside == ([found.holder(instant)] if found.holder(instant) else [])


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    found = Hours(UTC_ZONE, WEEKDAYS, time(22), time(6))
    assert found.holds(datetime(2026, 1, 10, 5, 59, tzinfo=UTC)), "Friday's night ends on Saturday"
    assert not found.holds(datetime(2026, 1, 10, 6, tzinfo=UTC))
    assert not found.holds(datetime(2026, 1, 12, 5, tzinfo=UTC)), "Sunday's night isn't one"


def test_an_instant_is_resolved_to_the_first_of_two_and_the_first_after_a_gap() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert resolve(datetime(2026, 10, 25, 2, 30), berlin) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert resolve(datetime(2026, 3, 29, 2, 0), berlin) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert resolve(datetime(2026, 3, 29, 2, 59), berlin) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_nobody_is_on_call_in_a_rotation_without_people() -> None:
    found = rota("UTC", "2026-01-05T09:00", people=0)
    assert found.holder(BEGIN) is None
    assert list(found.spans(BEGIN, BEGIN + DAY)) == []
