"""Write, claim, deliver, mark. Each step survives the death of the process after it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from portal import faults
from portal.models import OutboxMessage
from portal.outbox import registry
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("portal.outbox")

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 20
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
    rows = [
        OutboxMessage(topic=topic, key=key, payload=payload, kind=kind, due_at=now, created_at=now)
        for topic, key, payload in messages
    ]
    OutboxMessage.objects.bulk_create(rows, ignore_conflicts=True)


def deliver(*, tenant_id: UUID, message_ids: Sequence[UUID], now: datetime) -> int:
    """Deliver those of the messages that are due and that nobody else holds. Returns how many went out."""
    return sum(_deliver_one(message, now) for message in _claim(tenant_id, message_ids, now))


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
    except Exception as error:
        log.warning("outbox delivery failed", extra={"topic": message.topic, "key": message.key}, exc_info=True)
        _mark(message, last_error=f"{type(error).__name__}: {error}"[:2000], **_after_failure(message, now))
        return False
    faults.point("outbox.sent")
    return _mark(message, delivered_at=now, leased_until=None)


def _after_failure(message: OutboxMessage, now: datetime) -> dict[str, Any]:
    if message.kind == OutboxMessage.Kind.DIGEST or message.attempts >= MAX_ATTEMPTS:
        return {"dead_at": now, "leased_until": None}
    return {"due_at": now + retry_delay(message.attempts), "leased_until": None}


def _mark(message: OutboxMessage, **values: Any) -> bool:
    """Write the outcome, unless the lease ran out and somebody else claimed the message since."""
    with tenant_transaction(message.tenant_id):
        held = OutboxMessage.objects.filter(tenant=message.tenant_id, id=message.id, fence=message.fence)
        return bool(held.update(**values))
