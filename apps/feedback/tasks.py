from uuid import UUID

from django.utils import timezone

from apps.feedback import counting, nearness, queries, triage
from apps.tenants.queries import all_tenants
from portal import actor as actors
from portal.celery import platform_task, tenant_task
from portal.tenancy.context import tenant_transaction


@platform_task("feedback.tick")
def tick() -> None:
    """Hand reactions that wait for their action, and fixes a week old, to one task a tenant."""
    now = timezone.now()
    for tenant_id, ids in counting.due(now).items():
        count.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])
    for tenant_id, ids in queries.better_due(now).items():
        ask.delay(tenant_id=str(tenant_id), ids=[str(i) for i in ids])


@platform_task("feedback.trust")
def sum_up_all() -> None:
    """The trust of every tenant's workloads."""
    for tenant in all_tenants():
        sum_up.delay(tenant_id=str(tenant.id))


@tenant_task("feedback.count")
def count(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        counting.count(tenant_id=tenant_id, ids=[UUID(i) for i in ids], now=timezone.now())


@tenant_task("feedback.ask")
def ask(*, tenant_id: UUID, ids: list[str]) -> None:
    with tenant_transaction(tenant_id):
        triage.ask_whether_better(
            tenant_id=tenant_id, ids=[UUID(i) for i in ids], actor=actors.task("feedback"), now=timezone.now()
        )


@tenant_task("feedback.find_near")
def find_near(*, tenant_id: UUID, report_id: str) -> None:
    with tenant_transaction(tenant_id):
        nearness.find(tenant_id=tenant_id, report_id=UUID(report_id))


@tenant_task("feedback.sum_up")
def sum_up(*, tenant_id: UUID) -> None:
    now = timezone.now()
    with tenant_transaction(tenant_id):
        counting.sum_up(tenant_id=tenant_id, now=now)
        counting.forget(tenant_id=tenant_id, now=now)
