"""What was done with long ago is dropped, in batches found in one statement; what waits is kept however old it is."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connections

from apps.events import actions, queries
from apps.events import tasks as events
from apps.events.models import Delivery, Subscription
from portal import tasks
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.outbox import queries as messages
from portal.tenancy.context import tenant_transaction
from portal.tenancy.due import batches
from tests.events.cast import log, now, subscribed
from tests.world import World

DAY = timedelta(days=1)


def delivered(row: Subscription, seq: int, at: datetime | None, state: str = "delivered") -> None:
    with tenant_transaction(row.tenant_id):
        Delivery.objects.create(
            tenant_id=row.tenant_id,
            subscription=row,
            seq=seq,
            event=uuid4(),
            action="gate.opened",
            body="{}",
            state=state,
            due_at=now(),
            done_at=at,
        )


def message(tenant: Any, key: str, **fields: Any) -> None:
    with tenant_transaction(tenant.id):
        OutboxMessage.objects.create(tenant_id=tenant.id, topic="t", key=key, kind="page", payload={}, **fields)


def plan(sql: str, **params: Any) -> str:
    with connections["owner"].cursor() as cursor:
        cursor.execute("set enable_seqscan = off; set enable_bitmapscan = off")
        cursor.execute(f"explain {sql}", params)
        found = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("reset enable_seqscan; reset enable_bitmapscan")
        return found


def at_once(monkeypatch: Any, *found: Any) -> None:
    """Have these tasks run where they are sent."""
    for task in found:
        monkeypatch.setattr(task, "delay", task)


def test_deliveries_are_dropped_30_days_after_they_were_done_with(live_world: World, monkeypatch: Any) -> None:
    ours = subscribed(live_world, "https://93.184.215.14/x")
    theirs = subscribed(live_world, "https://93.184.215.14/x", tenant=live_world.other)
    for row in (ours, theirs):
        delivered(row, 1_001, now() - 31 * DAY)
        delivered(row, 1_002, now() - 31 * DAY, "failed")
        delivered(row, 1_003, now() - 29 * DAY)
        delivered(row, 1_004, None, "pending")
    with tenant_transaction(ours.tenant_id):
        Delivery.objects.filter(seq=1_004).update(created_at=now() - 400 * DAY)
    at_once(monkeypatch, events.forget)
    events.prune()
    assert [each.seq for each in log(ours)] == [each.seq for each in log(theirs)] == [1_003, 1_004]


def test_a_delivery_that_is_not_old_stays_whatever_a_task_was_told(world: World) -> None:
    row = subscribed(world, "https://93.184.215.14/x")
    delivered(row, 1_001, now() - 29 * DAY)
    with tenant_transaction(row.tenant_id):
        assert actions.forget(tenant_id=row.tenant_id, ids=[log(row)[0].id], now=now()) == 0
        assert actions.forget(tenant_id=row.tenant_id, ids=[log(row)[0].id], now=now() + 2 * DAY) == 1


def test_messages_are_dropped_14_days_after_they_were_delivered(live_world: World, monkeypatch: Any) -> None:
    with tenant_transaction(live_world.tenant.id):
        before = set(OutboxMessage.objects.values_list("key", flat=True))
    for tenant in (live_world.tenant, live_world.other):
        message(tenant, "old", delivered_at=now() - 15 * DAY)
        message(tenant, "young", delivered_at=now() - 13 * DAY)
        message(tenant, "dead", dead_at=now() - 90 * DAY)
        message(tenant, "waiting", due_at=now() - 90 * DAY)
    at_once(monkeypatch, tasks.forget_messages)
    tasks.outbox_prune()
    for tenant in (live_world.tenant, live_world.other):
        with tenant_transaction(tenant.id):
            kept = set(OutboxMessage.objects.filter(topic="t").values_list("key", flat=True))
        assert kept == {"young", "dead", "waiting"}
    with tenant_transaction(live_world.tenant.id):
        assert before <= set(OutboxMessage.objects.values_list("key", flat=True))


def test_no_task_drops_a_message_that_waits(world: World) -> None:
    message(world.tenant, "waiting", due_at=now() - 90 * DAY)
    with tenant_transaction(world.tenant.id):
        ids = list(OutboxMessage.objects.values_list("id", flat=True))
        assert outbox.forget(tenant_id=world.tenant.id, ids=ids, now=now()) == 0


def test_what_is_old_is_found_by_an_index_alone(live_world: World) -> None:
    """The cost grows with what is dropped, not with what is kept."""
    where = "where {column} < now() - interval '14 days' order by {column} limit 100"
    found = plan("select tenant_id, id from portal_outboxmessage " + where.format(column="delivered_at"))
    assert "Index Only Scan using outbox_delivered" in found and "Sort" not in found
    found = plan("select tenant_id, id from events_delivery " + where.format(column="done_at"))
    assert "Index Only Scan using events_delivery_prune" in found and "Sort" not in found


def test_the_oldest_are_found_first_across_tenants(live_world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(queries, "PRUNED_AT_ONCE", 1)
    monkeypatch.setattr(messages, "PRUNED_AT_ONCE", 1)
    ours = subscribed(live_world, "https://93.184.215.14/x")
    theirs = subscribed(live_world, "https://93.184.215.14/x", tenant=live_world.other)
    delivered(ours, 1, now() - 31 * DAY)
    delivered(theirs, 1, now() - 32 * DAY)
    assert list(queries.old(now())) == [theirs.tenant_id]


def test_batches_are_of_one_tenant_each() -> None:
    one, two = UUID(int=1), UUID(int=2)
    found = {one: [UUID(int=n) for n in range(3)], two: [UUID(int=9)]}
    assert [(tenant, len(ids)) for tenant, ids in batches(found, size=2)] == [(one, 2), (one, 1), (two, 1)]
