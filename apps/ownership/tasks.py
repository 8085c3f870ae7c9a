from uuid import UUID

from django.utils import timezone

from apps.ownership import actions, queries
from apps.ownership.alerts.inbound import integrations
from apps.tenants.queries import all_tenants
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction


@platform_task("ownership.tick")
def tick() -> None:
    """Hand rotas whose past is to be frozen to one task a tenant."""
    for tenant_id, ids in queries.due(timezone.now()).items():
        freeze.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@platform_task("ownership.prune")
def prune() -> None:
    """Once an hour, in every tenant."""
    for tenant in all_tenants():
        forget_inbound.delay(tenant_id=str(tenant.id))


@tenant_task("ownership.forget_inbound")
def forget_inbound(*, tenant_id: UUID) -> None:
    """The log of what came in is kept for a week."""
    with tenant_transaction(tenant_id):
        integrations.forget(tenant_id, timezone.now())


@tenant_task("ownership.freeze")
def freeze(*, tenant_id: UUID, ids: list[str]) -> None:
    for rota_id in ids:
        with tenant_transaction(tenant_id):
            actions.freeze(rota=queries.rota(tenant_id, UUID(rota_id)), now=timezone.now())
