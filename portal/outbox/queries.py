"""Finding what is due, across tenants, in one statement."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from portal.models import OutboxMessage
from portal.outbox import registry
from portal.outbox.actions import KEPT
from portal.tenancy.context import platform_work
from portal.tenancy.due import by_tenant

# No tenant's flood keeps the messages of the others from being found.
OF_ONE_TENANT = 200
PRUNED_AT_ONCE = 100_000


def due(now: datetime, limit: int = 1000) -> dict[UUID, list[UUID]]:
    """Due messages that have a handler, oldest first, so many of each tenant: message ids by tenant."""
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    ready = Q(due_at__lte=now, delivered_at=None, dead_at=None, topic__in=registry.topics())
    place = Window(RowNumber(), partition_by=F("tenant_id"), order_by=F("due_at").asc())

    def rows(alias: str) -> QuerySet[OutboxMessage]:
        found = OutboxMessage.objects.using(alias).filter(free & ready).annotate(place=place)
        return found.filter(place__lte=OF_ONE_TENANT).order_by("due_at")

    return by_tenant("outbox.find", rows, limit)


def old(now: datetime) -> dict[UUID, list[UUID]]:
    """Messages that were delivered two weeks ago, the oldest first, by tenant."""

    def rows(alias: str) -> QuerySet[OutboxMessage]:
        return OutboxMessage.objects.using(alias).filter(delivered_at__lt=now - KEPT).order_by("delivered_at")

    return by_tenant("outbox.find", rows, PRUNED_AT_ONCE)


def waiting() -> list[tuple[str, int, datetime]]:
    """What hasn't gone out yet, across tenants: topic, how many, and since when the oldest was due."""
    with platform_work("metrics") as alias:
        rows = OutboxMessage.objects.using(alias).filter(delivered_at=None, dead_at=None)
        counted = rows.values_list("topic").annotate(Count("id"), Min("due_at")).order_by("topic")
        return [(str(topic), count, oldest) for topic, count, oldest in counted]
