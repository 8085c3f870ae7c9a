from uuid import UUID

from django.utils import timezone

from apps.ownership import actions, queries
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction


@platform_task("ownership.tick")
def tick() -> None:
    """Hand rotas whose past is to be frozen to one task a tenant."""
    for tenant_id, ids in queries.due(timezone.now()).items():
        freeze.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@tenant_task("ownership.freeze")
def freeze(*, tenant_id: UUID, ids: list[str]) -> None:
    for rota_id in ids:
        with tenant_transaction(tenant_id):
            actions.freeze(rota=queries.rota(tenant_id, UUID(rota_id)), now=timezone.now())
