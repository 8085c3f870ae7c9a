from uuid import UUID

from django.utils import timezone

from apps.gates import sweep
from apps.gates.evaluations import uploads
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction

BATCH = 500


@platform_task("gates.tick")
def tick() -> None:
    """Hand what runs out to one task a tenant and batch, and uploads that nobody reads to a worker."""
    now = timezone.now()
    for tenant_id, ids in sweep.due(now).items():
        for start in range(0, len(ids), BATCH):
            tell.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids[start : start + BATCH]])
    for tenant_id, ids in uploads.due(now).items():
        for upload_id in ids:
            read_upload.delay(tenant_id=str(tenant_id), upload_id=str(upload_id))


@tenant_task("gates.tell")
def tell(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        sweep.tell(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())


# Reading is as long as the file; a worker that dies is noticed by its silence and not by this limit.
@tenant_task("gates.read_upload", time_limit=6 * 3600)
def read_upload(*, tenant_id: UUID, upload_id: str) -> None:
    uploads.read_upload(tenant_id=tenant_id, upload_id=UUID(upload_id), clock=timezone.now)
