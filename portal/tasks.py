from uuid import UUID

from django.utils import timezone

from portal.celery import platform_task, tenant_task
from portal.outbox import actions, queries


@platform_task("outbox.tick")
def outbox_tick() -> None:
    for tenant_id, ids in queries.due(timezone.now()).items():
        deliver_messages.delay(tenant_id=str(tenant_id), message_ids=[str(i) for i in ids])


@tenant_task("outbox.deliver")
def deliver_messages(*, tenant_id: UUID, message_ids: list[str]) -> None:
    for message_id in message_ids:
        actions.deliver(tenant_id=tenant_id, message_ids=[UUID(message_id)], now=timezone.now())
