"""Subscriptions, their log, and who has something to be sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from apps.audit.models import AuditEntry, AuditHead
from apps.events.models import Delivery, DeliveryState, Replay, State, Subscription
from apps.events.rules import EVERYTHING, KEPT, MOST_REPLAYED, is_family
from apps.tenants import queries as tenants
from apps.tenants.roles import RIGHTS
from portal.errors import NotFound
from portal.instants import sane
from portal.tenancy.context import platform_work
from portal.tenancy.due import by_tenant

LEFT_ALONE_FOR = timedelta(minutes=1)
PRUNED_AT_ONCE = 100_000


def subscriptions(tenant_id: UUID) -> QuerySet[Subscription]:
    rows = Subscription.objects.filter(tenant=tenant_id, removed_at=None).select_related("created_by")
    return rows.order_by("name", "id")


def subscription(tenant_id: UUID, subscription_id: UUID) -> Subscription:
    found = subscriptions(tenant_id).filter(id=subscription_id).first()
    if found is None:
        raise NotFound()
    return found


def deliveries(row: Subscription, state: str = "") -> QuerySet[Delivery]:
    """The log, newest first."""
    rows = Delivery.objects.filter(tenant=row.tenant_id, subscription=row.id).order_by("-created_at", "-id")
    return rows.filter(state=state) if state in DeliveryState.values else rows


def delivery(row: Subscription, delivery_id: UUID) -> Delivery:
    found = deliveries(row).filter(id=delivery_id).first()
    if found is None:
        raise NotFound()
    return found


def counts(row: Subscription) -> dict[str, int]:
    """How many deliveries of the log are in each state."""
    rows = deliveries(row).order_by().values_list("state").annotate(Count("id"))
    return dict(rows)


def replays(row: Subscription) -> QuerySet[Replay]:
    rows = Replay.objects.filter(tenant=row.tenant_id, subscription=row.id).select_related("by")
    return rows.order_by("-number")


def sent_again(row: Subscription, numbers: list[int]) -> dict[int, int]:
    """How many deliveries of each replay need no more attempts, in one statement."""
    rows = Delivery.objects.filter(tenant=row.tenant_id, subscription=row.id, run__in=numbers)
    done = rows.exclude(state=DeliveryState.PENDING).values_list("run").annotate(Count("id"))
    return dict(done)


def head(tenant_id: UUID) -> int:
    """The last sequence number of the tenant's audit trail: the chain has no gaps, so all before it is committed."""
    return AuditHead.objects.filter(tenant=tenant_id).values_list("seq", flat=True).first() or 0


def matching(row: Subscription, after: int, until: int) -> QuerySet[AuditEntry]:
    """The entries of ``(after, until]`` that the subscription wants, in their order."""
    rows = AuditEntry.objects.filter(tenant=row.tenant_id, seq__gt=after, seq__lte=until).order_by("seq")
    if EVERYTHING in row.patterns:
        return rows
    wanted = Q(action__in=[pattern for pattern in row.patterns if not is_family(pattern)])
    for pattern in filter(is_family, row.patterns):
        wanted |= Q(action__startswith=pattern[:-1])
    return rows.filter(wanted)


@dataclass(frozen=True, slots=True)
class Span:
    """What a replay would send: the matching ones of entries ``first`` to ``last``, at most one over the limit."""

    first: int
    last: int
    total: int


def span(
    row: Subscription, *, first: int | None = None, since: datetime | None = None, last: int | None = None
) -> Span:
    """From a sequence number or an instant up to an entry, or until now.

    Raises:
        Invalid: an instant that no calendar means.
        NotFound: there is nothing since then.
    """
    end = min(last or head(row.tenant_id), head(row.tenant_id))
    begin = max(1, first if since is None and first is not None else _first_since(row.tenant_id, since))
    if begin > end:
        raise NotFound("Nothing has happened since then: there is nothing to send again.")
    total = matching(row, begin - 1, end)[: MOST_REPLAYED + 1].count()
    return Span(begin, end, total)


def _first_since(tenant_id: UUID, since: datetime | None) -> int:
    """The first entry at or after the instant. Looked for from the end: it is rarely far away."""
    rows = AuditEntry.objects.filter(tenant=tenant_id)
    if since is None:
        return 1
    before = rows.filter(at__lt=sane(since, "since")).order_by("-seq").values_list("seq", flat=True).first()
    return (before or 0) + 1


def waiting_since(row: Subscription, now: datetime) -> datetime | None:
    """Since when the oldest thing that could be sent has been waiting for somebody to look."""
    due = Delivery.objects.filter(tenant=row.tenant_id, subscription=row.id, state=DeliveryState.PENDING)
    first = due.filter(due_at__lte=now).order_by("due_at").values_list("due_at", flat=True).first()
    return first or matching(row, row.cursor, head(row.tenant_id)).values_list("at", flat=True).first()


def last_delivered(row: Subscription) -> Delivery | None:
    return deliveries(row, DeliveryState.DELIVERED).order_by("-created_at", "-id").first()


def managers(tenant_id: UUID) -> list[UUID]:
    """The people who may change subscriptions."""
    roles = list(RIGHTS["token.manage"])
    return list(tenants.members(tenant_id).filter(roles__overlap=roles).values_list("user_id", flat=True))


def due(now: datetime, limit: int = 1_000) -> dict[UUID, list[UUID]]:
    """Subscriptions by tenant that have something to be sent and that nobody works on: one statement for all tenants.

    Those that waited longest for their turn come first, so that nobody's flood keeps the others from theirs.
    """
    return by_tenant("events.find", lambda alias: _due(alias, now), limit)


def due_count(now: datetime) -> int:
    with platform_work("metrics") as alias:
        return _due(alias, now).count()


def states() -> dict[str, int]:
    """How many subscriptions are in each state, across tenants."""
    with platform_work("metrics") as alias:
        rows = Subscription.objects.using(alias).filter(removed_at=None).order_by()
        return dict(rows.values_list("state").annotate(Count("id")))


def _due(alias: str, now: datetime) -> QuerySet[Subscription]:
    mine: dict[str, Any] = {"tenant": OuterRef("tenant"), "subscription": OuterRef("id")}
    work = (
        Q(Exists(AuditHead.objects.filter(tenant=OuterRef("tenant"), seq__gt=OuterRef("cursor"))))
        | Q(Exists(Delivery.objects.filter(state=DeliveryState.PENDING, due_at__lte=now, **mine)))
        | Q(Exists(Replay.objects.filter(finished_at=None, **mine)))
    )
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    rested = Q(rest_until=None) | Q(rest_until__lte=now)
    rows = Subscription.objects.using(alias).filter(free, rested, work, state=State.ACTIVE, removed_at=None)
    return rows.order_by(F("worked_at").asc(nulls_first=True), "id")


def old(now: datetime) -> dict[UUID, list[UUID]]:
    """Deliveries that were done with 30 days ago, the oldest first, by tenant."""

    def rows(alias: str) -> QuerySet[Delivery]:
        return Delivery.objects.using(alias).filter(done_at__lt=now - KEPT).order_by("done_at")

    return by_tenant("events.find", rows, PRUNED_AT_ONCE)
