"""A row in every table of budgets, for the tests that look for leaks."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.accounts.models import User
from apps.budgets import actions, checking, settling
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.alerting import BANNER
from apps.budgets.metered import actions as metered
from apps.budgets.models import AlertMail, BudgetAlert, Closure, CostGate, HoldSize, Reservation, UsageReport, UserTier
from apps.budgets.months import month_at
from apps.budgets.reported import actions as reported
from apps.budgets.reported.actions import Report
from apps.budgets.reserving import Ask, reserve
from apps.budgets.rules import Offer, Pattern
from apps.workloads.models import Workload
from portal.ids import uuid7
from tests.world import SETUP


def budgeted(workload: Workload, author: User, now: datetime) -> tuple[UserTier, Closure]:
    """A gate, a user in a tier, a call that spent more than it held, a record that says something else, and what was
    learned.
    """
    tenant_id = workload.tenant_id
    gate = actions.set_gate(
        workload=workload, spend_cap=Decimal(100), billing_contact=author, brake=Brake(), actor=SETUP, now=now
    )
    tier = actions.create_tier(tenant_id=tenant_id, slug="secret", name="Secret tier", actor=SETUP)
    actions.set_ceiling(gate=gate, tier=tier, ceiling=Ceiling(1_000, Pattern.HARD), actor=SETUP, now=now)
    actions.put_subject(tier=tier, user_key="secret-user", label="Secret user", member=author, actor=SETUP)
    offer = Offer("m", 900, Decimal("0.000001"), Decimal("0.000001"))
    found = reserve(
        Ask(
            tenant_id=tenant_id,
            workload_id=workload.id,
            id=uuid7(),
            request_id=uuid7(),
            attempt=1,
            credential=UUID(int=1),
            user_key="secret-user",
            month=month_at(now, "UTC").key,
            input_tokens=100,
            primary=offer,
            budget=None,
            at=now,
            expires_at=now + timedelta(minutes=10),
        )
    )
    reservation = Reservation.objects.select_related("workload").get(tenant=tenant_id, id=found.id)
    settling.settle(reservation=reservation, used=settling.Used(100, 901), prices=None, now=now)
    HoldSize.objects.create(
        tenant_id=tenant_id, workload=workload, model="m", output=64, calls=50, learned_at=now, created_at=now
    )
    said = Report(workload.id, reservation.request_id, 1, uuid7(), 100, 902, "secret-model")
    reported.keep(tenant_id=tenant_id, reports=[said], now=now)
    due = UsageReport.objects.filter(tenant=tenant_id).values_list("id", flat=True)
    reported.settle_reported(tenant_id=tenant_id, ids=list(due), now=now)
    checking.check(tenant_id=tenant_id, now=now)
    _metered(gate, author, now)
    return tier, Closure.objects.select_related("reservation").get(tenant=tenant_id, reservation=reservation)


def _metered(gate: CostGate, author: User, now: datetime) -> None:
    """A metered tier whose opt-in waits, and the mail of an alert."""
    tier = actions.create_tier(tenant_id=gate.tenant_id, slug="metered", name="Secret metered tier", actor=SETUP)
    row = actions.set_ceiling(gate=gate, tier=tier, ceiling=Ceiling(1_000, Pattern.METERED), actor=SETUP, now=now)
    until = now + timedelta(days=30)
    metered.ask(row=row, until=until, reason="Secret reason", requester=author, actor=SETUP, now=now)
    alert = BudgetAlert.objects.get(tenant=gate.tenant_id, workload=gate.workload_id, place=BANNER)
    AlertMail.objects.create(tenant_id=gate.tenant_id, alert=alert, person=author, at=now, created_at=now)
