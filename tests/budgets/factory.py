"""Gates and calls for the tests of budgets."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.budgets import actions, settling
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.models import CostGate, Reservation, UserMonth, UserTier, WorkloadMonth
from apps.budgets.months import month_at
from apps.budgets.reserving import Ask, Held, reserve
from apps.budgets.rules import Offer, Pattern
from apps.workloads.models import Workload
from portal.ids import uuid7
from portal.tenancy.context import tenant_transaction
from tests.world import NOW, SETUP, World

CREDENTIAL = UUID(int=7)
SONNET = Offer("sonnet-4.5", 100, Decimal("0.000003"), Decimal("0.000015"))
HAIKU = Offer("haiku-4.5", 100, Decimal("0.000001"), Decimal("0.000005"))
ZONE = "UTC"


def gated(
    world: World,
    *,
    ceiling: int = 1_000,
    pattern: Pattern = Pattern.HARD,
    cap: Decimal = Decimal(1_000),
    brake: Brake | None = None,
    workload: Workload | None = None,
) -> CostGate:
    """A gate with one tier that everybody is in."""
    workload = workload or world.workload
    with tenant_transaction(workload.tenant_id):
        if pattern is Pattern.SOFT:
            workload.may_degrade, workload.budget_tier = True, "haiku-4.5"
            workload.save(update_fields=["may_degrade", "budget_tier"])
        contact = world.alice if workload.tenant_id == world.tenant.id else world.mallory
        gate = actions.set_gate(
            workload=workload,
            spend_cap=cap,
            billing_contact=contact,
            brake=brake or Brake(),
            actor=SETUP,
            now=NOW - timedelta(days=1),
        )
        tier = UserTier.objects.filter(tenant=workload.tenant_id, is_default=True).first()
        if tier is None:
            tier = actions.create_tier(tenant_id=workload.tenant_id, slug="standard", name="Standard", actor=SETUP)
        disclosure = "A smaller model answered." if pattern is Pattern.SOFT else ""
        actions.set_ceiling(
            gate=gate,
            tier=tier,
            ceiling=Ceiling(ceiling, pattern, disclosure),
            actor=SETUP,
            now=NOW - timedelta(days=1),
        )
    return gate


def add_tier(world: World, slug: str, **options: Any) -> UserTier:
    """Another tier of the first tenant: no gate there is complete until it has a ceiling for it."""
    with tenant_transaction(world.tenant.id):
        return actions.create_tier(tenant_id=world.tenant.id, slug=slug, name=slug.capitalize(), actor=SETUP, **options)


def cap(world: World, tier: UserTier, pattern: Pattern = Pattern.HARD, disclosure: str = "") -> None:
    """A ceiling of the tier for W-01."""
    with tenant_transaction(world.tenant.id):
        gate = CostGate.objects.select_related("workload").get(workload=world.workload)
        actions.set_ceiling(gate=gate, tier=tier, ceiling=Ceiling(1_000, pattern, disclosure), actor=SETUP, now=NOW)


def asked(world: World, **changes: Any) -> Ask:
    """A first attempt of a new request, of 50 tokens in and at most 100 out."""
    now: datetime = changes.pop("now", NOW)
    standard = Ask(
        tenant_id=world.tenant.id,
        workload_id=world.workload.id,
        id=uuid7(),
        request_id=uuid7(),
        attempt=1,
        credential=CREDENTIAL,
        user_key="u1",
        month=month_at(now, ZONE).key,
        input_tokens=50,
        primary=SONNET,
        budget=None,
        at=now,
        expires_at=now + timedelta(minutes=10),
    )
    return replace(standard, **changes)


def held(world: World, **changes: Any) -> Held:
    return reserve(asked(world, **changes))


def settled(
    world: World, found: Held, used_in: int | None, used_out: int | None, *, now: datetime = NOW, **used: Any
) -> settling.Settled:
    with tenant_transaction(world.tenant.id):
        reservation = Reservation.objects.get(id=found.id)
        return settling.settle(
            reservation=reservation, used=settling.Used(used_in, used_out, **used), prices=None, now=now
        )


def counters(world: World, user: str = "u1") -> tuple[int, int]:
    """Settled and held of the user, across months."""
    with tenant_transaction(world.tenant.id):
        rows = UserMonth.objects.filter(tenant=world.tenant, user_key=user)
        return sum(r.settled for r in rows), sum(r.held for r in rows)


def purse(world: World) -> tuple[Decimal, Decimal]:
    """Spent and held of the workload's money, across months."""
    with tenant_transaction(world.tenant.id):
        rows = list(WorkloadMonth.objects.filter(tenant=world.tenant, workload=world.workload))
        return sum((r.spent for r in rows), Decimal(0)), sum((r.held for r in rows), Decimal(0))
