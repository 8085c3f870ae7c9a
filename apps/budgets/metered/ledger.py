"""The ledger of metered billing: each call that used tokens beyond its ceiling, on which opt-in, at what price.

Its tokens add up to the ``metered`` counters of the month. A call's metered part costs its share of the call, by
tokens; what no price is known for is unknown, and never 0 (COST-4).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DecimalField,
    ExpressionWrapper,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, NullIf, Round

from apps.budgets.models import Reservation, Subject, WorkloadMonth
from apps.budgets.months import Month, month_named
from apps.workloads.models import Workload
from portal.errors import NotFound

COLUMNS = (
    "when",
    "user",
    "user_key",
    "request_id",
    "attempt",
    "model",
    "state",
    "tokens",
    "metered_tokens",
    "input_price",
    "output_price",
    "metered_cost",
    "currency",
    "opt_in",
)
_MONEY: Any = DecimalField(max_digits=24, decimal_places=12)


@dataclass(frozen=True, slots=True)
class Totals:
    """Of a month: calls, tokens beyond ceilings, and what of their cost is known; ``unknown`` calls have no price."""

    calls: int
    tokens: int
    cost: Decimal
    unknown: int


def rows(workload: Workload, month: str) -> QuerySet[Reservation]:
    """In the order in which they were admitted, each with ``label``, ``total``, ``part`` (its metered cost)."""
    named = Subject.objects.filter(tenant=workload.tenant_id, user_key=OuterRef("user_key"))
    found = Reservation.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month, metered__gt=0)
    return found.annotate(
        label=Coalesce(Subquery(named.values("label")[:1]), Value("")),
        total=F("used_input") + F("used_output"),
        part=_part(),
        answered=Case(When(served_model="", then=F("model")), default=F("served_model")),
    ).order_by("created_at", "id")


def totals(workload: Workload, month: str) -> Totals:
    found = Reservation.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month, metered__gt=0)
    told = found.annotate(part=_part()).aggregate(
        calls=Count("id"), tokens=Sum("metered"), cost=Sum("part"), known=Count("part")
    )
    calls = told["calls"]
    return Totals(calls, int(told["tokens"] or 0), told["cost"] or Decimal(0), calls - told["known"])


def months(workload: Workload, now: Month) -> list[str]:
    """Those in which anything was spent, and the current one; the newest first."""
    known = WorkloadMonth.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return sorted({now.key, *known.values_list("month", flat=True)}, reverse=True)


def month_for(workload: Workload, now: Month, asked: str) -> Month:
    """The month of that key, or the current one where none is named.

    Raises:
        NotFound: nothing was ever spent in a month of that key.
    """
    if not asked or asked == now.key:
        return now
    if asked not in months(workload, now):
        raise NotFound("Nothing was used in a month of that name; it is like 2026-11@Europe/Berlin.")
    return month_named(asked)


def lines(workload: Workload, month: str, currency: str) -> Iterator[list[Any]]:
    """As :data:`COLUMNS` has it."""
    for row in rows(workload, month).iterator(chunk_size=500):
        yield list(told(row, currency).values())


def told(row: Any, currency: str) -> dict[str, Any]:
    """A row of :func:`rows` as files and the API say it. Prices are per token, of the model that was held for; another
    that answered has its own, which the cost is made of.
    """
    prices = (row.input_price, row.output_price) if row.answered == row.model else (None, None)
    values = (
        row.created_at.isoformat(),
        row.label,
        row.user_key,
        str(row.request_id),
        row.attempt,
        row.answered,
        row.state,
        row.total,
        row.metered,
        *(_text(price) for price in prices),
        _text(row.part),
        currency,
        str(row.opt_in_id) if row.opt_in_id else None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _part() -> Any:
    total = Cast(F("used_input") + F("used_output"), _MONEY)
    share = ExpressionWrapper(F("cost") * F("metered") / NullIf(total, Value(Decimal(0), _MONEY)), output_field=_MONEY)
    return Round(share, precision=12)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
