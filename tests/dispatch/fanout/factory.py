"""A tenant with one workload of each kind that the map tells apart, through the product's own actions."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils import timezone

from apps.budgets.models import WorkloadMonth
from apps.budgets.months import month_at
from apps.budgets.rules import Pattern
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated
from tests.rollouts.factory import running
from tests.world import SETUP, World, make_workload

NAMES = {
    "W-01": "Customer support chat",
    "W-02": "Refunds under 100 euros",
    "W-03": "Invoice extraction",
    "W-04": "Everything else that customers could ever want to ask anybody",
    "W-05": "Release notes",
}


def five(world: World) -> dict[str, Workload]:
    """W-01 in a rollout, W-02 with a soft cap, W-03 at its spend cap, W-04 on the way to a monolith, W-05 without a
    gate.
    """
    running(world)
    with tenant_transaction(world.tenant.id):
        made = {
            key: make_workload(world.tenant, world.alice, key, is_gated=False)[0]
            for key in ("W-02", "W-03", "W-04", "W-05")
        }
    made["W-01"] = world.workload
    for key in ("W-02", "W-03", "W-04"):
        serve(world, made[key])
    gated(world)
    gated(world, workload=made["W-02"], pattern=Pattern.SOFT, ceiling=250_000)
    gated(world, workload=made["W-03"], cap=Decimal(40))
    gated(world, workload=made["W-04"], cap=Decimal(300))
    for key, spent, held in (("W-01", "12.5", "0.25"), ("W-02", "520", "31"), ("W-03", "39.9", "0.1")):
        spend(world, made[key], spent, held)
    for key, tools in (("W-02", ["refund"]), ("W-03", ["scan"]), ("W-04", ["refund", "scan", "mail"])):
        tooled(world, made[key], tools)
    with tenant_transaction(world.tenant.id):
        for key, name in NAMES.items():
            Workload.objects.filter(key=key).update(name=name)
    return made


def serve(world: World, workload: Workload) -> None:
    """Its newest version answers everybody."""
    with tenant_transaction(world.tenant.id):
        newest = workload.versions.latest("created_at")
        workloads.serve_version(workload=workload, version=newest, actor=SETUP, reason="set up for the test")


def spend(world: World, workload: Workload, spent: str, held: str = "0") -> None:
    """This month."""
    with tenant_transaction(world.tenant.id):
        WorkloadMonth.objects.create(
            tenant=world.tenant,
            workload=workload,
            month=month_at(timezone.now(), "UTC").key,
            spent=Decimal(spent),
            held=Decimal(held),
        )


def tooled(world: World, workload: Workload, tools: Sequence[str]) -> None:
    """A further version with these tools."""
    with tenant_transaction(world.tenant.id):
        workloads.add_version(
            workload=workload,
            label=f"2.{workload.versions.count()}",
            model="sonnet-4.5",
            prompt_digest=f"sha256:{workload.key}-{'-'.join(tools)}",
            why="more tools",
            made_by=world.alice,
            actor=SETUP,
            tools=list(tools),
        )
