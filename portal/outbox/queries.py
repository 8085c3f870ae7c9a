"""Finding what is due, across tenants, in one statement."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Min, Q

from portal.models import OutboxMessage
from portal.outbox import registry
from portal.tenancy.context import platform_work


def due(now: datetime, limit: int = 1000) -> dict[UUID, list[UUID]]:
    """Due messages that have a handler, oldest first: message ids by tenant."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    with platform_work("outbox.find") as alias:
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        rows = OutboxMessage.objects.using(alias).filter(
            free, due_at__lte=now, delivered_at=None, dead_at=None, topic__in=registry.topics()
        )
        for tenant_id, message_id in rows.order_by("due_at").values_list("tenant_id", "id")[:limit]:
            found[tenant_id].append(message_id)
    return found


def waiting() -> list[tuple[str, int, datetime]]:
    """What hasn't gone out yet, across tenants: topic, how many, and since when the oldest was due."""
    with platform_work("metrics") as alias:
        rows = OutboxMessage.objects.using(alias).filter(delivered_at=None, dead_at=None)
        counted = rows.values_list("topic").annotate(Count("id"), Min("due_at")).order_by("topic")
        return [(str(topic), count, oldest) for topic, count, oldest in counted]
