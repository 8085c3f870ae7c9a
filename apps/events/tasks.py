from uuid import UUID

from django.utils import timezone

from apps.events import actions, queries
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction
from portal.tenancy.due import batches


@platform_task("events.prune")
def prune() -> None:
    """Once an hour."""
    for tenant_id, ids in batches(queries.old(timezone.now())):
        forget.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@tenant_task("events.forget")
def forget(*, tenant_id: UUID, ids: list[str]) -> None:
    """The log of what went out is kept for 30 days."""
    with tenant_transaction(tenant_id):
        actions.forget(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())
