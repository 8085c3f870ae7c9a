from uuid import UUID

from django.utils import timezone

from apps.dispatch.classify import queries, training
from portal.celery import platform_task, tenant_task


@platform_task("dispatch.tick")
def tick() -> None:
    """Hand each tenant's training that is due to a task of its own."""
    for tenant_id in queries.due(timezone.now()):
        train.delay(tenant_id=str(tenant_id))


@tenant_task("dispatch.train")
def train(*, tenant_id: UUID) -> None:
    training.train_due(tenant_id=tenant_id, now=timezone.now())
