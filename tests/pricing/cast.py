"""Prices as finance sets them."""

from datetime import date
from decimal import Decimal
from typing import Any

from apps.pricing import actions
from apps.pricing.card import Wanted
from apps.pricing.models import ModelPrice
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.world import NOW, World

TODAY = NOW.date()


def payer(world: World) -> Actor:
    """Adam, the tenant's admin."""
    return world.actor(world.adam)


def wanted(
    model: str = "sonnet-4", day: date = TODAY, input: Any = "3", output: Any = "15", cached: Any = None, note: str = ""
) -> Wanted:
    amounts = (None if each is None else Decimal(each) for each in (input, output, cached))
    return Wanted(model, day, *amounts, note=note)  # type: ignore[misc,arg-type]


def priced(world: World, *args: Any, now: Any = NOW, **fields: Any) -> ModelPrice:
    """Set by Adam in the first tenant."""
    with tenant_transaction(world.tenant.id):
        return actions.set_price(
            tenant_id=world.tenant.id,
            wanted=wanted(*args, **fields),
            reason="new contract",
            by=world.adam,
            actor=payer(world),
            now=now,
        )
