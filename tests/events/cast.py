"""What the tests of events need: a subscription to a receiver on loopback, things that happen, and a courier's turn."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.test import override_settings

from apps.audit.actions import record
from apps.events import actions, queries, sending
from apps.events.models import Delivery, Replay, Subscription
from apps.tenants.models import Tenant
from portal.tenancy.context import tenant_transaction
from tests.world import SETUP, World

LOOPBACK = override_settings(OUTBOUND_NETWORKS=["127.0.0.0/8"])


def now() -> datetime:
    return datetime.now(UTC)


def subscribed(
    world: World,
    address: str,
    patterns: Iterable[str] = ("workload.*",),
    name: str = "lake",
    tenant: Tenant | None = None,
) -> Subscription:
    tenant = tenant or world.tenant
    by = world.adam if tenant == world.tenant else world.mallory
    with tenant_transaction(tenant.id):
        return actions.subscribe(
            tenant_id=tenant.id,
            name=name,
            address=address,
            patterns=patterns,
            by=by,
            actor=world.actor(by, tenant),
            now=now(),
        )


def happen(world: World, *actions_: str, tenant: Tenant | None = None) -> list[int]:
    """Entries in the trail, about the tenant's workload; their sequence numbers."""
    tenant = tenant or world.tenant
    workload = world.workload if tenant == world.tenant else world.foreign
    with tenant_transaction(tenant.id):
        for action in actions_:
            record(actor=SETUP, action=action, obj=workload, before={"secret plan": 1}, reason="a private reason")
        head = queries.head(tenant.id)
    return list(range(head - len(actions_) + 1, head + 1))


def carry(row: Subscription) -> int:
    """One turn of the courier's, whatever is due."""
    return sending.turn(row.tenant_id, row.id)


def fresh(row: Subscription) -> Subscription:
    with tenant_transaction(row.tenant_id):
        return Subscription.objects.get(id=row.id)


def change(row: Subscription, **values: Any) -> None:
    with tenant_transaction(row.tenant_id):
        Subscription.objects.filter(id=row.id).update(**values)


def log(row: Subscription) -> list[Delivery]:
    """The oldest first."""
    with tenant_transaction(row.tenant_id):
        return list(Delivery.objects.filter(subscription=row.id).order_by("run", "seq", "id"))


def replays(row: Subscription) -> list[Replay]:
    with tenant_transaction(row.tenant_id):
        return list(Replay.objects.filter(subscription=row.id).order_by("number"))


def overdue(row: Subscription) -> None:
    """As if the receiver's rest were over and everything that waits were due."""
    with tenant_transaction(row.tenant_id):
        Subscription.objects.filter(id=row.id).update(rest_until=None, leased_until=None)
        Delivery.objects.filter(subscription=row.id, state="pending").update(due_at=now())
