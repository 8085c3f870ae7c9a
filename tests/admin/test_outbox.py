"""Messages that wait or were given up: seen by topic, and tried again by an action that says no where it has to."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.models import AuditEntry
from portal import actor, jobs
from portal.admin.session import operator
from portal.errors import Forbidden, Invalid
from portal.models import OutboxMessage
from portal.outbox.actions import deliver_again, enqueue
from portal.tenancy.context import tenant_transaction
from tests.admin.test_admin import act, opened
from tests.world import World

NOW = timezone.now()


def message(world: World, key: str, *, tenant: Any = None, **values: Any) -> OutboxMessage:
    tenant = tenant or world.tenant
    with tenant_transaction(tenant.id):
        enqueue(topic="test.topic", key=key, payload={}, now=NOW - timedelta(hours=1))
        rows = OutboxMessage.objects.filter(tenant=tenant.id, topic="test.topic", key=key)
        rows.update(**values) if values else None
        return rows.get()


DEAD: dict[str, Any] = {"dead_at": NOW, "attempts": 20, "last_error": "refused"}


def test_what_was_given_up_is_tried_again_with_its_key_and_a_reason(world: World) -> None:
    dead = message(world, "a", **DEAD)
    assert act(opened("adam"), OutboxMessage, "send_again", dead, reason="the receiver is back").status_code == 302
    with tenant_transaction(world.tenant.id):
        dead.refresh_from_db()
        assert (dead.key, dead.dead_at, dead.attempts, dead.last_error) == ("a", None, 0, "refused")
        assert dead.due_at >= NOW
        body = AuditEntry.objects.get(action="message.requeued").body
    assert "the receiver is back" in body and "operator:adam@example.org" in body and '"attempts":20' in body


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"delivered_at": NOW}, "wasn&#x27;t given up"),
        ({}, "wasn&#x27;t given up"),
        ({**DEAD, "kind": "digest", "delivered_at": NOW}, "goes out once at most"),
    ],
)
def test_what_went_out_or_may_have_is_not_sent_again(world: World, values: dict[str, Any], said: str) -> None:
    found = message(world, "a", **values)
    answer = act(opened("otto"), OutboxMessage, "send_again", found)
    assert answer.status_code == 409 and said in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        after = OutboxMessage.objects.get(pk=found.pk)
        assert (after.due_at, after.attempts, after.dead_at) == (found.due_at, found.attempts, found.dead_at)
        assert not AuditEntry.objects.filter(action="message.requeued").exists()


def test_the_action_is_the_admins_and_wants_a_reason(world: World) -> None:
    dead = message(world, "a", **DEAD)
    with tenant_transaction(world.tenant.id):
        with pytest.raises(Forbidden, match="in the admin alone"):
            deliver_again(message=dead, actor=world.actor(world.adam), now=NOW, reason="r")
        with pytest.raises(Forbidden):
            deliver_again(message=dead, actor=actor.task("x"), now=NOW, reason="r")
        with pytest.raises(Invalid):
            deliver_again(message=dead, actor=operator(world.otto), now=NOW, reason=" ")
        assert OutboxMessage.objects.get(pk=dead.pk).dead_at is not None


def test_a_tenants_admin_sees_their_messages_and_an_operator_those_of_all(world: World) -> None:
    message(world, "a", **DEAD)
    message(world, "b", attempts=2)
    message(world, "c")
    message(world, "d", tenant=world.other, **DEAD)
    mine = opened("adam").get("/admin/messages/")
    topic = next(row for row in mine.context["topics"] if row.name == "test.topic")
    assert (topic.waiting, topic.retried, topic.dead) == (2, 1, 1)
    assert "gauges" not in mine.context and "All tenants" not in mine.content.decode()


def test_across_tenants_it_counts_and_names_none(live_world: World) -> None:
    message(live_world, "a", **DEAD)
    message(live_world, "b")
    message(live_world, "c", tenant=live_world.other, **DEAD)
    page = opened("otto").get("/admin/messages/")
    topic = next(row for row in page.context["across"] if row.name == "test.topic")
    assert (topic.waiting, topic.dead, topic.tenants, topic.retried) == (1, 2, 2, None)
    names = {gauge.name for gauge in page.context["gauges"]}
    assert {"causeway_outbox_waiting", "causeway_pages_overdue", "causeway_event_subscriptions_due"} <= names
    text = page.content.decode()
    assert "Umbra" not in text
    assert "16 of 16 should have succeeded since" in text and "rollouts.tick <b>late</b>" in text
    jobs.ran(name="rollouts.tick", began_at=timezone.now(), now=timezone.now())
    assert "15 of 16 should have succeeded since" in opened("otto").get("/admin/messages/").content.decode()
    assert "Regular jobs" not in opened("adam").get("/admin/messages/").content.decode(), "they are the operator's"
