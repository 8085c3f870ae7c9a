from uuid import UUID

from django.utils import timezone

from portal.celery import platform_task, tenant_task
from portal.outbox import actions, queries
from portal.tenancy.context import tenant_transaction
from portal.tenancy.due import batches


@platform_task("outbox.tick")
def outbox_tick() -> None:
    for tenant_id, ids in queries.due(timezone.now()).items():
        deliver_messages.delay(tenant_id=str(tenant_id), message_ids=[str(i) for i in ids])


@platform_task("outbox.prune")
def outbox_prune() -> None:
    """Once an hour."""
    for tenant_id, ids in batches(queries.old(timezone.now())):
        forget_messages.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@tenant_task("outbox.forget")
def forget_messages(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        actions.forget(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())


@tenant_task("outbox.deliver")
def deliver_messages(*, tenant_id: UUID, message_ids: list[str]) -> None:
    for message_id in message_ids:
        actions.deliver(tenant_id=tenant_id, message_ids=[UUID(message_id)], now=timezone.now())
