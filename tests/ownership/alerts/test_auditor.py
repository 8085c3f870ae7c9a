"""CALL-3: the auditor works out by itself what should have gone out, takes nothing for granted, and alarms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from apps.ownership.alerts import actions, auditor
from apps.ownership.alerts.pager import audit_and_tell
from apps.ownership.models import Alert, Notification
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import LEAD, MINUTE, look, opened, person_step, policy_of, reachable
from tests.ownership.alerts.receiver import receiver
from tests.world import World


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def two(live_world: World) -> World:
    """Committed, since the auditor looks across tenants as portal_ops."""
    reachable(live_world.tenant, live_world.bob)
    reachable(live_world.tenant, live_world.alice)
    policy_of(live_world, person_step(live_world.bob, 5), person_step(live_world.alice, 10), repeats=0)
    return live_world


def found(at: datetime) -> dict[str, int]:
    return dict(auditor.audit(at).counted())


def change(world: World, alert: Alert, **values: Any) -> None:
    with tenant_transaction(world.tenant.id):
        Alert.objects.filter(id=alert.id).update(**values)


def sent(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        Notification.objects.update(state="sent", sent_at=now())


def test_nothing_open_is_proved_and_clean(live_world: World) -> None:
    done = auditor.audit(now())
    assert (done.looked_at, done.is_clean) == (0, True)


def test_what_climbs_on_time_is_clean_all_along(two: World) -> None:
    alert = opened(two, now())
    sent(two)
    for minutes in (0, 1, 5, 15, 60):
        at = alert.created_at + timedelta(minutes=minutes, seconds=1)
        look(two, at)
        sent(two)
        done = auditor.audit(at)
        assert (done.looked_at, dict(done.counted())) == (1, {}), minutes


def test_a_climb_that_nobody_took_is_found_after_a_minute(two: World) -> None:
    alert = opened(two, now())
    sent(two)
    assert found(alert.created_at + 6 * MINUTE - timedelta(seconds=1)) == {}
    assert found(alert.created_at + 6 * MINUTE + timedelta(seconds=1)) == {
        "is due and nobody looked": 1,
        "has climbed too little": 1,
    }


def test_a_due_time_that_was_moved_away_does_not_hide_a_lost_step(two: World) -> None:
    """From first principles: it counts the steps that the policy asks for, whatever the alert's own clock says."""
    alert = opened(two, now())
    sent(two)
    change(two, alert, due_at=alert.created_at + timedelta(days=1))
    assert found(alert.created_at + 7 * MINUTE) == {"has climbed too little": 1}


def test_an_entry_without_an_intent_and_an_intent_without_a_message_are_found(two: World) -> None:
    alert = opened(two, now())
    with tenant_transaction(two.tenant.id):
        OutboxMessage.objects.filter(topic="notify").update(dead_at=now())
    at = alert.created_at + 2 * MINUTE
    assert found(at) == {"a page has no message that would deliver it": 1, "a page is overdue": 1}
    change(two, alert, entry=7)
    sent(two)
    assert found(at) == {"entered a step and told nobody": 1}


def test_the_database_itself_refuses_an_alert_that_is_never_due(two: World) -> None:
    alert = opened(two, now())
    with pytest.raises(Exception, match="ownership_alert_is_due"):
        change(two, alert, due_at=None)


def test_maintenance_an_ack_and_the_end_are_no_findings(two: World) -> None:
    first, second = opened(two, now()), opened(two, now(), "second")
    sent(two)
    with tenant_transaction(two.tenant.id):
        actions.acknowledge(alert=second, by=two.bob, actor=LEAD, now=now())
        actions.hold(
            workload=two.workload,
            start=now(),
            end=now() + timedelta(hours=2),
            by=two.alice,
            actor=LEAD,
            now=now(),
            reason="r",
        )
    look(two, first.created_at + 5 * MINUTE)
    assert found(first.created_at + 90 * MINUTE) == {}
    ends = first.created_at + timedelta(hours=2, seconds=2)
    look(two, ends)
    sent(two)
    assert found(ends + 5 * MINUTE) == {}, "what was held is counted from when it went on"
    look(two, ends + 10 * MINUTE)
    assert found(ends + timedelta(days=1)) == {}, "its climb is over"


def test_the_alarm_is_an_alert_of_the_tenant_concerned_and_the_heartbeat_stops(two: World) -> None:
    alert = opened(two, now() - timedelta(hours=1))
    sent(two)
    with receiver() as watchdog, override_settings(HEARTBEAT_URL=watchdog.address):
        alarms = auditor.Alarms()
        audit_and_tell(now(), alarms)
        assert watchdog.received == []
        with tenant_transaction(two.tenant.id):
            raised = OutboxMessage.objects.get(topic="alert.raise")
            assert raised.payload["source"] == "paging" and "1 × is due and nobody looked" in raised.payload["summary"]
        with tenant_transaction(two.other.id):
            assert not OutboxMessage.objects.filter(topic="alert.raise").exists()
        with tenant_transaction(two.tenant.id):
            actions.resolve(alert=alert, actor=LEAD, now=now())
            OutboxMessage.objects.filter(topic="alert.raise").update(delivered_at=now())
        audit_and_tell(now(), alarms)
        assert len(watchdog.received) == 1
        with tenant_transaction(two.tenant.id):
            ended = OutboxMessage.objects.get(topic="alert.end")
            assert ended.key == raised.key


def test_an_audit_costs_the_same_number_of_statements_whatever_is_open(two: World) -> None:
    counts = []
    for n in (1, 4):
        for number in range(n):
            opened(two, now(), f"k{n}-{number}")
        with CaptureQueriesContext(connections["ops"]) as captured:
            auditor.audit(now())
        counts.append(len(captured))
    assert counts == [6, 6]
