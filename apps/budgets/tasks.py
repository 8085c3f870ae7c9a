from uuid import UUID

from django.utils import timezone

from apps.budgets import checking, holds, queries, settling
from apps.budgets.reported import actions as reported
from apps.budgets.reported import queries as reports
from apps.tenants.queries import all_tenants
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction
from portal.tenancy.due import batches


@platform_task("budgets.tick")
def tick() -> None:
    """Hand holds whose time is over to their tenants."""
    for tenant_id, ids in batches(queries.expired(timezone.now())):
        expire.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@platform_task("budgets.tick_reported")
def tick_reported() -> None:
    """Hand what records report to their tenants, to be settled."""
    for tenant_id, ids in batches(reports.due(timezone.now()), 200):
        settle_reported.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@platform_task("budgets.keep")
def keep_all() -> None:
    """Learn how much to hold, and compare counters and ledger, for every tenant."""
    for tenant in all_tenants():
        keep.delay(tenant_id=str(tenant.id))


@tenant_task("budgets.expire")
def expire(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        settling.expire(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())


@tenant_task("budgets.settle_reported")
def settle_reported(*, tenant_id: UUID, ids: list[str]) -> None:
    reported.settle_reported(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())


@tenant_task("budgets.keep_tenant")
def keep(*, tenant_id: UUID) -> None:
    now = timezone.now()
    with tenant_transaction(tenant_id):
        holds.learn(tenant_id=tenant_id, now=now)
        checking.check(tenant_id=tenant_id, now=now)
