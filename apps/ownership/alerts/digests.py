"""Quiet alerts: they wake nobody and are collected into one message an hour (CALL-5), sent at most once."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from apps.ownership.models import Alert, Notification
from apps.ownership.models.channels import SendState, Urgency
from portal.models import OutboxMessage
from portal.outbox.actions import enqueue_due

TOPIC = "notify.digest"
HOUR = timedelta(hours=1)


def collect(alert: Alert, people: Iterable[UUID], now: datetime) -> None:
    """Show it to those on call in the product, and have the digest of this hour made."""
    wanted = list(people)
    Notification.objects.bulk_create(
        Notification(
            tenant_id=alert.tenant_id,
            alert=alert,
            person_id=person,
            urgency=Urgency.QUIET,
            due_at=now,
            state=SendState.SENT,
            sent_at=now,
            created_at=now,
        )
        for person in wanted
    )
    ends = next_hour(now)
    messages = [
        (TOPIC, f"{person}:{ends:%Y%m%d%H}", {"person": str(person), "until": ends.isoformat()}, ends)
        for person in wanted
    ]
    enqueue_due(messages=messages, now=now, kind=OutboxMessage.Kind.DIGEST)


def next_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) + HOUR


def collected(tenant_id: UUID, person_id: UUID, until: datetime) -> list[Notification]:
    """What one digest tells one person, oldest first."""
    rows = Notification.objects.filter(
        tenant=tenant_id,
        person=person_id,
        urgency=Urgency.QUIET,
        channel=None,
        created_at__gte=until - HOUR,
        created_at__lt=until,
    )
    return list(rows.select_related("alert").order_by("created_at", "id")[:100])
