from uuid import UUID

from django.utils import timezone

from apps.gates import sweep
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction

BATCH = 500


@platform_task("gates.tick")
def tick() -> None:
    """Hand what runs out to one task a tenant and batch."""
    for tenant_id, ids in sweep.due(timezone.now()).items():
        for start in range(0, len(ids), BATCH):
            tell.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids[start : start + BATCH]])


@tenant_task("gates.tell")
def tell(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        sweep.tell(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())
