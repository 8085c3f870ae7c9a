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


def alarms(rng: random.Random, before: float, after: float, users: int = 100) -> int:
    """Of 100 workloads, looked at each day for a month from TODAY on, for how many an alarm was raised."""
    found = 0
    for _ in range(100):
        shares = {n: after if n > 0 else before for n in range(-31, 30)}
        made = [
            Day(TODAY + timedelta(days=n), users, sum(rng.random() < share for _ in range(users)))
            for n, share in shares.items()
        ]
        found += any(trend(made, TODAY + timedelta(days=n)).is_rising for n in range(30))
    return found


def test_a_share_that_stays_raises_hardly_any_alarm_and_one_that_trebles_nearly_always_does() -> None:
    """100 users a day. It is conservative: a rise of half is what is allowed, and isn't found."""
    rng = random.Random(7)
    assert alarms(rng, 0.08, 0.08) <= 1
    assert alarms(rng, 0.08, 0.30) >= 99


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
    """What the regular look says, delivered."""
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


def test_a_weekend_without_users_does_not_forget_an_alert_and_too_few_users_are_no_recovery(world: World) -> None:
    fallen(world, doubting=60)
    (alert,) = watch(world, NOW)
    with tenant_transaction(world.tenant.id):
        TrustDay.objects.filter(day__gt=TODAY - timedelta(days=3)).update(users=5, doubting=4)
    assert watch(world, NOW + timedelta(hours=1)) == [alert], "nobody left to ask is no better"
    with tenant_transaction(world.tenant.id):
        TrustDay.objects.filter(day=TODAY).update(is_falling=False)
        TrustDay.objects.filter(day=TODAY - timedelta(days=9)).update(is_falling=True)
    fallen(world, doubting=10)
    assert [state for _, state in watch(world, NOW + timedelta(hours=2))] == ["resolved"]


def test_a_second_fall_on_the_same_day_is_an_alert_again(world: World) -> None:
    fallen(world, doubting=60)
    watch(world, NOW)
    fallen(world, doubting=10)
    watch(world, NOW + timedelta(hours=1))
    fallen(world, doubting=60)
    assert sorted(state for _, state in watch(world, NOW + timedelta(hours=2))) == ["resolved", "triggered"]


def test_a_doubt_belongs_to_the_day_of_its_answer(world: World) -> None:
    """Ten users of Friday re-check on Monday, when one other user came: Monday isn't ten of ten."""
    monday = NOW + timedelta(days=1)
    for n in range(10):
        answered_by_agent(world, f"f-{n}", user=f"u{n}", at=NOW)
    answered_by_agent(world, "m", user="other", at=monday)
    reacted(world, *((f"f-{n}", "rechecked") for n in range(10)), now=monday)
    with tenant_transaction(world.tenant.id):
        counting.sum_up(tenant_id=world.tenant.id, now=monday)
        found = list(TrustDay.objects.order_by("day").values_list("users", "doubting"))
    assert found == [(10, 10), (1, 0)]


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
