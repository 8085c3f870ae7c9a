"""FEED-5, ROLL-10: a desk is named before a rollout, and measured against its target and its forecast."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from apps.feedback import desks, triage
from apps.feedback.models import Desk, DeskPerson
from apps.feedback.rules import Hours
from apps.rollouts import actions as rollouts
from apps.rollouts.conditions import unmet
from apps.rollouts.models import Rollout
from apps.tenants import actions as tenants
from apps.tenants.queries import membership
from apps.workloads import actions as workloads
from portal.errors import Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import filed
from tests.rollouts.factory import approved, running
from tests.world import NOW, SETUP, World, make_user, staff_desk

HOUR = timedelta(hours=1)
OFFICE = [Hours(day, time(9), time(17)) for day in range(5)]


def named(world: World, **fields: Any) -> Desk:
    values: dict[str, Any] = {
        "people": [world.bob.id],
        "hours": OFFICE,
        "zone": "UTC",
        "target_minutes": 60,
        "expected_reports": 70,
        **fields,
    }
    with tenant_transaction(world.tenant.id):
        return desks.name_desk(workload=world.workload, actor=world.actor(world.alice), now=NOW, **values)


def without_desk(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        DeskPerson.objects.all().delete()


def why_not(world: World, rollout: Rollout) -> str:
    with tenant_transaction(world.tenant.id):
        return next((found.why for found in unmet(rollout, NOW) if found.name == "live support"), "")


def test_no_rollout_starts_without_somebody_at_the_desk(world: World) -> None:
    rollout = approved(world)
    without_desk(world)
    assert why_not(world, rollout) == "Everybody at the support desk has left: name others."
    with pytest.raises(Refused) as refused, tenant_transaction(world.tenant.id):
        rollouts.start_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW)
    assert refused.value.data["conditions"] == {"live support": "Everybody at the support desk has left: name others."}
    named(world)
    assert why_not(world, rollout) == ""


def test_a_workload_that_never_had_a_desk_is_told_what_to_name(world: World) -> None:
    rollout = approved(world)
    with tenant_transaction(world.tenant.id):
        rollout.workload = workloads.register_workload(
            tenant_id=world.tenant.id,
            key="W-99",
            owner=world.alice,
            actor=SETUP,
            name="New",
            purpose="p",
            fallback_kind="people",
            fallback_description="by hand",
        )
    why = why_not(world, rollout)
    assert why == "Name the support desk of its first 30 days: people, hours and the load that is expected."


def test_who_has_left_the_tenant_is_at_no_desk(world: World) -> None:
    rollout = approved(world)
    with tenant_transaction(world.tenant.id):
        frank = make_user("frank")
        tenants.add_member(tenant_id=world.tenant.id, user=frank, roles=["frontline"], actor=SETUP)
        staff_desk(world.workload, frank)
    assert why_not(world, rollout) == ""
    with tenant_transaction(world.tenant.id):
        found = membership(world.tenant.id, frank.id)
        assert found is not None
        tenants.end_membership(member=found, actor=SETUP, now=NOW)
    assert why_not(world, rollout) == "Everybody at the support desk has left: name others."


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"people": []}, "people"),
        ({"hours": []}, "desk"),
        ({"weekly_shares": [10, 20, 30, 40]}, "desk"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"target_minutes": 0}, "target_minutes"),
        ({"expected_reports": -1}, "expected_reports"),
    ],
)
def test_a_desk_that_says_too_little_is_refused_and_the_old_one_stays(
    world: World, fields: dict[str, Any], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        named(world, **fields)
    assert refused.value.code == code
    with tenant_transaction(world.tenant.id):
        found = desks.desk_of(world.workload)
        assert found is not None and found.revision == 1
        assert [row.person_id for row in desks.people_of(found)] == [world.alice.id]


def test_somebody_of_another_tenant_is_at_no_desk(world: World) -> None:
    with pytest.raises(Invalid, match="all of them members"):
        named(world, people=[world.bob.id, world.mallory.id])


def test_naming_it_anew_replaces_it(world: World) -> None:
    desk = named(world, target_minutes=30)
    assert (desk.revision, desk.target_minutes) == (2, 30)
    with tenant_transaction(world.tenant.id):
        assert [row.person_id for row in desks.people_of(desk)] == [world.bob.id]


def answered(world: World, came: datetime, after: timedelta | None) -> None:
    report = filed(world, now=came)
    if after is not None:
        with tenant_transaction(world.tenant.id):
            triage.answer(report=report, state="acknowledged", text="x", actor=world.actor(world.bob), now=came + after)


def test_the_queue_is_measured_in_opening_time_against_the_target(world: World) -> None:
    """NOW is Friday noon. One was answered in half an hour, one in two, one came at 11:30 and one last night."""
    running(world)
    desk = named(world)
    ten = NOW.replace(hour=10)
    with tenant_transaction(world.tenant.id):
        Rollout.objects.update(started_at=NOW - timedelta(days=3))
    answered(world, ten, HOUR / 2)
    answered(world, ten - timedelta(days=1), 2 * HOUR)
    answered(world, NOW - HOUR / 2, None)
    answered(world, NOW - timedelta(hours=16), None)
    with tenant_transaction(world.tenant.id):
        found = desks.figures(desk, NOW)
    assert (found.is_open, found.queue, found.late) == (True, 2, 1)
    assert (found.answered, found.in_time, found.median_minutes) == (2, 1, 75.0)


def test_the_load_is_set_against_its_forecast_day_by_day(world: World) -> None:
    running(world)
    desk = named(world, expected_reports=70)
    with tenant_transaction(world.tenant.id):
        Rollout.objects.update(started_at=NOW - timedelta(days=1))
    for _ in range(3):
        filed(world, now=NOW - timedelta(hours=20))
    filed(world, now=NOW - timedelta(days=2))
    with tenant_transaction(world.tenant.id):
        found = desks.figures(desk, NOW)
    assert [(each.day, round(each.expected, 1), each.actual) for each in found.load[:3]] == [
        (date(2026, 11, 19), 4.0, 3),
        (date(2026, 11, 20), 4.0, 0),
        (date(2026, 11, 21), 4.0, None),
    ]
    assert (len(found.load), found.came, found.expected_so_far) == (30, 3, pytest.approx(8.0))
    assert found.until == NOW + timedelta(days=29)


def test_before_a_rollout_there_is_a_queue_and_no_load(world: World) -> None:
    filed(world)
    with tenant_transaction(world.tenant.id):
        desk = desks.desk_of(world.workload)
        assert desk is not None
        found = desks.figures(desk, NOW + HOUR)
    assert (found.since, found.load, found.queue) == (None, [], 1)
