from uuid import UUID

from django.utils import timezone

from apps.approvals import actions, queries
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction


@platform_task("approvals.tick")
def tick() -> None:
    """Hand what has run out of time to one task a tenant."""
    for tenant_id, ids in queries.due(timezone.now()).items():
        expire.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@tenant_task("approvals.expire")
def expire(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        actions.expire(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())
