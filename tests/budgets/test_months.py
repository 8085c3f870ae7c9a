"""COST-1: a month is the calendar's on the tenant's clock; its boundaries are exact, clock changes included."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.budgets.models import UserMonth
from apps.budgets.months import month_at, month_before, month_named
from apps.budgets.settling import expire
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import asked, counters, gated, held, settled
from tests.world import World

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "year", "month", "start", "hours"),
    [
        # Samoa, thirteen hours ahead: its month begins on the eve in UTC.
        ("Pacific/Apia", 2026, 11, "2026-10-31T11:00", 720),
        ("Pacific/Apia", 2026, 2, "2026-01-31T11:00", 672),
        # It left out 30 December 2011 when it crossed the date line.
        ("Pacific/Apia", 2011, 12, "2011-12-01T10:00", 720),
        ("Pacific/Apia", 2012, 1, "2011-12-31T10:00", 744),
        # Clocks go forward in March and back in October.
        ("Europe/Berlin", 2026, 3, "2026-02-28T23:00", 743),
        ("Europe/Berlin", 2026, 4, "2026-03-31T22:00", 720),
        ("Europe/Berlin", 2026, 10, "2026-09-30T22:00", 745),
        ("Europe/Berlin", 2026, 11, "2026-10-31T23:00", 720),
        ("Europe/Berlin", 2026, 2, "2026-01-31T23:00", 672),
        ("Europe/Berlin", 2028, 2, "2028-01-31T23:00", 696),
        ("Europe/Berlin", 2026, 12, "2026-11-30T23:00", 744),
        ("UTC", 2026, 2, "2026-02-01T00:00", 672),
        ("America/St_Johns", 2026, 11, "2026-11-01T02:30", 721),
    ],
)
def test_a_month_begins_and_ends_on_the_wall_clock(zone: str, year: int, month: int, start: str, hours: int) -> None:
    began = datetime.fromisoformat(start).replace(tzinfo=UTC)
    found = month_named(f"{year:04}-{month:02}@{zone}")
    assert (found.start, found.end - found.start) == (began, hours * HOUR)
    # Half open: the last second before belongs to the month before, the first one to this.
    assert month_at(began, zone) == month_at(found.end - SECOND, zone) == found
    assert month_at(began - SECOND, zone) == month_before(found) != found
    assert month_at(found.end, zone).start == found.end


def test_the_hour_that_comes_twice_is_in_one_month() -> None:
    """25 October 2026 in Berlin, 2:30 before and after the change."""
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert {each.astimezone(ZoneInfo("Europe/Berlin")).hour for each in (first, second)} == {2}
    assert month_at(first, "Europe/Berlin") == month_at(second, "Europe/Berlin")


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Europe/Berlin", "UTC"])
def test_the_share_that_is_over_grows_from_one_day_to_all(zone: str) -> None:
    """COST-3: never below a day of it."""
    february = month_named(f"2026-02@{zone}")
    assert february.elapsed(february.start) == february.elapsed(february.start + 23 * HOUR) == 1 / 28
    assert february.elapsed(february.start + 14 * 24 * HOUR) == 0.5
    assert february.elapsed(february.end) == february.elapsed(february.end + HOUR) == 1.0
    assert month_named("2026-10@Europe/Berlin").elapsed(datetime(2026, 10, 16, 10, 30, tzinfo=UTC)) == 372.5 / 745


def test_what_it_says_of_its_end_is_on_the_tenants_clock() -> None:
    assert month_named("2026-10@Europe/Berlin").resets_at == "2026-11-01T00:00:00+01:00"
    assert month_named("2026-03@Europe/Berlin").resets_at == "2026-04-01T00:00:00+02:00"
    assert month_named("2026-11@Pacific/Apia").resets_at == "2026-12-01T00:00:00+13:00"


@given(
    st.datetimes(datetime(2012, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["Pacific/Apia", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC"]),
)
def test_every_instant_is_in_exactly_one_month_and_months_leave_no_gap(now: datetime, zone: str) -> None:
    month = month_at(now, zone)
    assert month.start <= now < month.end
    assert month_named(month.key) == month
    assert month_at(month.end, zone).start == month.end
    assert month_before(month).end == month.start


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Europe/Berlin"])
def test_another_month_is_another_row_and_what_is_late_goes_to_the_one_it_was_admitted_in(
    world: World, zone: str
) -> None:
    """COST-4: nothing is reset; use, expiry and correction stay where the call began."""
    gated(world, ceiling=1_000)
    october = month_named(f"2026-10@{zone}")
    last, first = october.end - SECOND, october.end
    before = held(world, now=last, month=month_at(last, zone).key)
    dead = held(world, now=last, month=month_at(last, zone).key)
    after = held(world, now=first, month=month_at(first, zone).key)
    settled(world, before, 50, 80, now=first + HOUR)
    with tenant_transaction(world.tenant.id):
        assert expire(tenant_id=world.tenant.id, ids=[dead.id], now=first + HOUR) == 1  # type: ignore[list-item]
        rows = {row.month: (row.settled, row.held) for row in UserMonth.objects.filter(tenant=world.tenant)}
    assert rows == {f"2026-10@{zone}": (130 + 150, 0), f"2026-11@{zone}": (0, 150)}
    settled(world, dead, 10, 0, now=first + 2 * HOUR)
    settled(world, after, 50, 0, now=first + 2 * HOUR)
    assert counters(world) == (130 + 10 + 50, 0)
    assert asked(world, now=first, month=month_at(first, zone).key).month == f"2026-11@{zone}"
