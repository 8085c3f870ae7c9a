"""Write, claim, deliver, mark. Each step survives the death of the process after it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from portal import faults
from portal.actor import Actor
from portal.directory import directory
from portal.errors import Conflict, Forbidden, Refused
from portal.models import OutboxMessage
from portal.outbox import registry
from portal.reasons import given
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("portal.outbox")

# Longer than one message takes at most, and short: a page whose sender died waits for its end.
LEASE = timedelta(seconds=30)
# What a sender that sleeps listens to; it looks by itself each second too.
WAKE = "causeway_outbox"
MAX_ATTEMPTS = 20
# The same (topic, key) again is the same message for so long after it was delivered.
KEPT = timedelta(days=14)
LONGEST_RETRY = timedelta(minutes=15)


def enqueue(
    *, topic: str, key: str, payload: dict[str, Any], now: datetime, kind: str = OutboxMessage.Kind.PAGE
) -> None:
    """Add a message to the current tenant transaction; the same (topic, key) again is the same message."""
    enqueue_many(messages=[(topic, key, payload)], now=now, kind=kind)


def enqueue_many(
    *, messages: Iterable[tuple[str, str, dict[str, Any]]], now: datetime, kind: str = OutboxMessage.Kind.PAGE
) -> None:
    """Messages as (topic, key, payload), in one statement however many."""
    enqueue_due(messages=[(topic, key, payload, now) for topic, key, payload in messages], now=now, kind=kind)


def enqueue_due(
    *,
    messages: Iterable[tuple[str, str, dict[str, Any], datetime]],
    now: datetime,
    kind: str = OutboxMessage.Kind.PAGE,
    are_keys_ids: bool = False,
) -> None:
    """Messages as (topic, key, payload, when they are due). Whoever delivers is woken when this commits.

    ``are_keys_ids``: each key is the id of the row that the message is about, and becomes the message's own id.
    """
    rows = [
        OutboxMessage(topic=topic, key=key, payload=payload, kind=kind, due_at=due_at, created_at=now)
        for topic, key, payload, due_at in messages
    ]
    for row in rows if are_keys_ids else ():
        row.id = UUID(row.key)
    if not rows:
        return
    OutboxMessage.objects.bulk_create(rows, ignore_conflicts=True)
    if kind == OutboxMessage.Kind.PAGE:
        with connection.cursor() as cursor:
            cursor.execute("select pg_notify(%s, '')", [WAKE])


def deliver(*, tenant_id: UUID, message_ids: Sequence[UUID], now: datetime) -> int:
    """Deliver those of the messages that are due and that nobody else holds. Returns how many went out.

    Each is claimed right before it is sent, so that no lease runs out behind a slow receiver.
    """
    claimed = (message for one in message_ids for message in _claim(tenant_id, [one], now))
    return sum(_deliver_one(message, now) for message in claimed)


def deliver_again(*, message: OutboxMessage, actor: Actor, now: datetime, reason: str) -> OutboxMessage:
    """Try a message that was given up from the start; its key is the same, so a receiver that has it can tell.

    Raises:
        Forbidden: from outside the admin.
        Invalid: no reason.
        Refused: it wasn't given up, or is one that may go out once at most.
    """
    if actor.kind != "operator":
        raise Forbidden("admin_needed", "Messages are put back in the admin alone.")
    why = given(reason)
    held = OutboxMessage.objects.select_for_update(of=("self",)).get(tenant=message.tenant_id, id=message.id)
    if held.dead_at is None:
        raise Conflict("not_dead", f"{held} wasn't given up: it went out, or is still being tried.")
    if held.kind == OutboxMessage.Kind.DIGEST:
        raise Refused("at_most_once", f"{held} goes out once at most, and may have; it isn't sent again.")
    before = {"attempts": held.attempts, "dead_at": held.dead_at}
    held.attempts, held.dead_at, held.leased_until, held.due_at = 0, None, None, now
    held.save(update_fields=["attempts", "dead_at", "leased_until", "due_at"])
    directory().note_message(held, actor, before, why)
    with connection.cursor() as cursor:
        cursor.execute("select pg_notify(%s, '')", [WAKE])
    return held


def forget(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Drop those of the messages that were delivered two weeks ago. Returns how many."""
    return OutboxMessage.objects.filter(tenant=tenant_id, id__in=ids, delivered_at__lt=now - KEPT).delete()[0]


def retry_delay(attempts: int) -> timedelta:
    """Doubling from two seconds up to a quarter of an hour."""
    return min(timedelta(seconds=2 << min(attempts - 1, 16)), LONGEST_RETRY)


def _claim(tenant_id: UUID, message_ids: Sequence[UUID], now: datetime) -> list[OutboxMessage]:
    with tenant_transaction(tenant_id):
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        rows = OutboxMessage.objects.filter(
            free, tenant=tenant_id, id__in=message_ids, delivered_at=None, dead_at=None, due_at__lte=now
        )
        messages = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "id"))
        for message in messages:
            message.fence += 1
            message.attempts += 1
            message.leased_until = now + LEASE
            if message.kind == OutboxMessage.Kind.DIGEST:
                message.delivered_at = now  # at most once: marked before it is sent
        OutboxMessage.objects.bulk_update(messages, ["fence", "attempts", "leased_until", "delivered_at"])
    faults.point("outbox.claimed")
    return messages


def _deliver_one(message: OutboxMessage, now: datetime) -> bool:
    envelope = registry.Envelope(
        tenant_id=message.tenant_id,
        message_id=message.id,
        topic=message.topic,
        key=message.key,
        payload=message.payload,
        attempt=message.attempts,
    )
    try:
        registry.handler(message.topic)(envelope)
    except registry.TryLater as error:
        _mark(message, last_error=str(error)[:2000], **_after_failure(message, now, error.after))
        return False
    except Exception as error:
        log.warning("outbox delivery failed", extra={"topic": message.topic, "key": message.key}, exc_info=True)
        _mark(message, last_error=f"{type(error).__name__}: {error}"[:2000], **_after_failure(message, now))
        return False
    faults.point("outbox.sent")
    return _mark(message, delivered_at=now, leased_until=None)


def _after_failure(message: OutboxMessage, now: datetime, after: timedelta = timedelta()) -> dict[str, Any]:
    if message.kind == OutboxMessage.Kind.DIGEST or message.attempts >= MAX_ATTEMPTS:
        return {"dead_at": now, "leased_until": None}
    return {"due_at": now + max(after, retry_delay(message.attempts)), "leased_until": None}


def _mark(message: OutboxMessage, **values: Any) -> bool:
    """Write the outcome, unless the lease ran out and somebody else claimed the message since."""
    with tenant_transaction(message.tenant_id):
        held = OutboxMessage.objects.filter(tenant=message.tenant_id, id=message.id, fence=message.fence)
        return bool(held.update(**values))
