"""FEED-3: the share of users who re-check, its trend and its alert."""

import random
from datetime import date, datetime, timedelta

import pytest

from apps.feedback import counting
from apps.feedback.models import TrustDay
from apps.feedback.trust import Day, trend
from apps.ownership.models import Alert
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import answered_by_agent, reacted
from tests.world import NOW, World

TODAY = date(2026, 11, 20)


def days(before: float, now: float, users: int = 100) -> list[Day]:
    """28 days at one share and three at another."""
    found = []
    for back in range(31):
        share = now if back < 3 else before
        found.append(Day(TODAY - timedelta(days=back), users, round(users * share)))
    return found


@pytest.mark.parametrize(
    ("before", "now", "rising"),
    [(0.05, 0.05, False), (0.05, 0.20, True), (0.20, 0.05, False), (0.30, 0.40, False), (0.0, 0.015, False)],
)
def test_a_rise_is_convincingly_more_than_before(before: float, now: float, rising: bool) -> None:
    assert trend(days(before, now), TODAY).is_rising is rising


def test_a_few_users_are_no_trend_and_it_says_how_many_are_wanted() -> None:
    found = trend(days(0.05, 0.5, users=10), TODAY)
    assert (found.is_rising, found.needed) == (False, 70)


def test_older_days_do_not_count() -> None:
    old = Day(TODAY - timedelta(days=31), 1_000_000, 0)
    assert trend([*days(0.05, 0.20), old], TODAY) == trend(days(0.05, 0.20), TODAY)


def test_looking_each_hour_at_a_share_that_stays_raises_hardly_any_alarm() -> None:
    """200 workloads at 8 %, 30 users a day, looked at each day for a month: at most 1 % would be 2."""
    rng = random.Random(7)
    alarms = 0
    for _ in range(200):
        made = [Day(TODAY + timedelta(days=n), 30, sum(rng.random() < 0.08 for _ in range(30))) for n in range(-31, 30)]
        alarms += any(trend(made, TODAY + timedelta(days=n)).is_rising for n in range(30))
    assert alarms <= 2


def test_a_day_counts_each_user_once_on_the_tenants_calendar(world: World) -> None:
    """Ann re-checks twice, Ben once, Cem never; Dora does so after midnight UTC, which is the next day."""
    for n, user in enumerate(("ann", "ann", "ben", "cem")):
        answered_by_agent(world, f"r-{n}", user=user, at=NOW)
    reacted(world, ("r-0", "rechecked"), ("r-1", "redone"), ("r-2", "rechecked"), ("r-3", "used"))
    late = NOW.replace(hour=23, minute=30) + timedelta(hours=1)
    answered_by_agent(world, "r-9", user="dora", at=late)
    reacted(world, ("r-9", "rechecked"), now=late)
    with tenant_transaction(world.tenant.id):
        counting.sum_up(tenant_id=world.tenant.id, now=late)
        counting.sum_up(tenant_id=world.tenant.id, now=late)
        found = list(TrustDay.objects.order_by("day").values_list("day", "users", "doubting"))
    assert found == [(TODAY, 3, 2), (TODAY + timedelta(days=1), 1, 1)]


def fallen(world: World, doubting: int) -> None:
    with tenant_transaction(world.tenant.id):
        for back in range(1, 31):
            TrustDay.objects.update_or_create(
                tenant_id=world.tenant.id,
                workload=world.workload,
                day=TODAY - timedelta(days=back),
                defaults={"users": 200, "doubting": 10 if back > 2 else doubting, "as_of": NOW},
            )
        TrustDay.objects.update_or_create(
            tenant_id=world.tenant.id,
            workload=world.workload,
            day=TODAY,
            defaults={"users": 200, "doubting": doubting, "as_of": NOW},
        )


def watch(world: World, now: datetime) -> list[tuple[str, str]]:
    """What the hourly look says, delivered."""
    with tenant_transaction(world.tenant.id):
        counting._watch(world.tenant.id, TODAY, now)
        ids = list(OutboxMessage.objects.filter(topic__in=["alert.raise", "alert.end"], delivered_at=None))
    outbox.deliver(tenant_id=world.tenant.id, message_ids=[m.id for m in ids], now=now)
    with tenant_transaction(world.tenant.id):
        return list(Alert.objects.values_list("summary", "state"))


def test_trust_that_falls_is_an_alert_once_and_ends_when_it_comes_back(world: World) -> None:
    fallen(world, doubting=10)
    assert watch(world, NOW) == []
    fallen(world, doubting=60)
    summary = "W-01: 30% of its users re-check or redo its work; it was 5%."
    assert watch(world, NOW) == [(summary, "triggered")]
    assert watch(world, NOW + timedelta(hours=1)) == [(summary, "triggered")], "said once"
    fallen(world, doubting=10)
    assert watch(world, NOW + timedelta(hours=2)) == [(summary, "resolved")]


def test_the_look_takes_the_same_statements_for_one_workload_and_for_many(world: World) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.world import make_workload

    def cost() -> int:
        with tenant_transaction(world.tenant.id), CaptureQueriesContext(connection) as captured:
            counting.sum_up(tenant_id=world.tenant.id, now=NOW)
        return len(captured)

    answered_by_agent(world, "r-1")
    reacted(world, ("r-1", "rechecked"))
    first = cost()
    with tenant_transaction(world.tenant.id):
        for key in ("W-02", "W-03", "W-04"):
            made, *_ = make_workload(world.tenant, world.alice, key)
            TrustDay.objects.create(tenant_id=world.tenant.id, workload=made, day=TODAY, users=5, doubting=1, as_of=NOW)
    assert cost() == first
