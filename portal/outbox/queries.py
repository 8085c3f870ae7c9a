"""Finding what is due, across tenants, in one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
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


@dataclass(frozen=True, slots=True)
class Topic:
    """How a topic stands. ``retried`` is None where it can't be seen: across tenants; ``tenants`` within one."""

    name: str
    waiting: int
    oldest: datetime | None
    dead: int
    retried: int | None = None
    tenants: int | None = None


_WAITING, _DEAD = Q(delivered_at=None, dead_at=None), Q(dead_at__isnull=False)
_STANDING = {
    "waiting": Count("id", filter=_WAITING),
    "oldest": Min("due_at", filter=_WAITING),
    "dead": Count("id", filter=_DEAD),
}


def topics_of(tenant_id: UUID) -> list[Topic]:
    """The tenant's messages that wait or were given up, by topic, in one statement."""
    rows = OutboxMessage.objects.filter(_WAITING | _DEAD, tenant=tenant_id)
    retried = Count("id", filter=_WAITING & Q(attempts__gt=0))
    counted: Any = rows.values(name=F("topic")).annotate(**_STANDING, retried=retried).order_by("name")
    return [Topic(**row) for row in counted]


def topics_across() -> list[Topic]:
    """The same of all tenants, over the columns that the platform may see."""
    with platform_work("admin") as alias:
        rows = OutboxMessage.objects.using(alias).filter(_WAITING | _DEAD).values(name=F("topic"))
        counted: Any = rows.annotate(**_STANDING, tenants=Count("tenant_id", distinct=True)).order_by("name")
        return [Topic(**row) for row in counted]


def waiting() -> list[tuple[str, int, datetime]]:
    """What hasn't gone out yet, across tenants: topic, how many, and since when the oldest was due."""
    with platform_work("metrics") as alias:
        rows = OutboxMessage.objects.using(alias).filter(delivered_at=None, dead_at=None)
        counted = rows.values_list("topic").annotate(Count("id"), Min("due_at")).order_by("topic")
        return [(str(topic), count, oldest) for topic, count, oldest in counted]
