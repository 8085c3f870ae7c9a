"""What the model that really answered costs, where it isn't the one that was held for (COST-4)."""

from decimal import Decimal

from apps.budgets.models import Reservation
from apps.pricing.queries import price
from apps.pricing.rules import day_of, per_token


def served_prices(reservation: Reservation, model: str) -> tuple[Decimal | None, Decimal | None] | None:
    """A token in and a token out on the day of the admission, None where not known; no pair for the same model."""
    if not model or model == reservation.model:
        return None
    found = price(reservation.tenant_id, model, day_of(reservation.created_at))
    return _token(found.input), _token(found.output)


def _token(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else per_token(amount)
