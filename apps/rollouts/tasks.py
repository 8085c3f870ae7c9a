from uuid import UUID

from django.utils import timezone

from apps.rollouts import checks, queries
from portal import faults
from portal.celery import platform_task, tenant_task

BATCH = 100


@platform_task("rollouts.tick")
def tick() -> None:
    """Hand what is due to one task a tenant and batch."""
    for tenant_id, ids in queries.due(timezone.now()).items():
        faults.point("rollouts.found")
        for start in range(0, len(ids), BATCH):
            batch = [str(i) for i in ids[start : start + BATCH]]
            check.delay(tenant_id=str(tenant_id), ids=batch)


@tenant_task("rollouts.check")
def check(*, tenant_id: UUID, ids: list[str]) -> None:
    checks.check_batch(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())
