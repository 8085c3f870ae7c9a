"""What the demo's own models cost, one of them less from next month on; the fourth stands in the bundled list."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from apps.pricing import actions, queries
from apps.pricing.card import Wanted
from apps.pricing.rules import day_of
from apps.tenants.directory import person
from apps.tenants.models import Membership, Tenant
from apps.tenants.roles import Role

# USD per million tokens: input, output, cached input.
_CARD = {"sonnet": ("3", "15", "0.3"), "haiku": ("1", "5", "0.1"), "opus": ("5", "25", "0.5")}
_TO_COME = {"sonnet": ("2.7", "13.5", "0.27")}


def build(tenant: Tenant, now: datetime) -> None:
    """Once a tenant, by somebody of finance, as long as there is anybody."""
    payers = Membership.objects.filter(tenant=tenant, ended_at=None, roles__contains=[Role.FINANCE])
    payer = payers.select_related("user").order_by("created_at").first()
    if payer is None or queries.own(tenant.id).exists():
        return
    today = day_of(now)
    rows = [*_wanted(_CARD, today - timedelta(days=90)), *_wanted(_TO_COME, today + timedelta(days=30))]
    actions.set_prices(
        tenant_id=tenant.id,
        wanted=rows,
        reason="the framework contract",
        by=payer.user,
        actor=person(payer, payer.user),
        now=now,
    )


def _wanted(card: dict[str, tuple[str, str, str]], day: date) -> list[Wanted]:
    return [
        Wanted(model, day, Decimal(input_), Decimal(output), Decimal(cached), "Framework contract")
        for model, (input_, output, cached) in card.items()
    ]
