from uuid import UUID

from django.utils import timezone

from apps.dispatch.classify import queries, training
from apps.dispatch.pilot import actions
from apps.dispatch.pilot import queries as pilots
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction
from portal.tenancy.due import batches


@platform_task("dispatch.tick")
def tick() -> None:
    """Hand each tenant's training that is due to a task of its own, and services whose time is over."""
    now = timezone.now()
    for tenant_id in queries.due(now):
        train.delay(tenant_id=str(tenant_id))
    for tenant_id, ids in batches(pilots.over(now)):
        end_pilots.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@tenant_task("dispatch.train")
def train(*, tenant_id: UUID) -> None:
    training.train_due(tenant_id=tenant_id, now=timezone.now())


@tenant_task("dispatch.end_pilots")
def end_pilots(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        actions.end_over(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())
