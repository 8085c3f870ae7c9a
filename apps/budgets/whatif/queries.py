"""The calls of a month for a replay, in the order of admission, and the gates to try on them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.budgets import holds, queries
from apps.budgets.models import CostGate, Reservation, ReservationState, TierGate
from apps.budgets.months import Month
from apps.budgets.rules import Decision, Pattern, Reason
from apps.budgets.whatif.replay import Call, Gate, Limit, Replay, Tally, Trial
from apps.pricing.queries import Book, book
from apps.pricing.rules import day_of, per_token
from apps.workloads.models import Workload

# Calls that one answer looks at, over all gates that it tries: some seconds of work.
MOST_CALLS = 200_000
_CHUNK = 2_000
_FIELDS = (
    "user_key",
    "tier",
    "created_at",
    "settled_at",
    "decision",
    "reason",
    "pattern",
    "requested_model",
    "model",
    "asked_input",
    "held",
    "held_money",
    "input_price",
    "output_price",
    "used_input",
    "used_output",
    "cost",
    "metered",
    "state",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to try: of one tier, or of all; what is None stays as it is."""

    tier: str = ""
    ceiling: int | None = None
    pattern: Pattern | None = None
    spend_cap: Decimal | None = None
    factor: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Replayed:
    """``is_cut``: there were more calls than are looked at; the first ``limit`` of the month were."""

    was: Tally
    tried: Sequence[Tally]
    is_cut: bool
    limit: int


def replayed(workload: Workload, month: Month, gate: CostGate, wishes: Sequence[Wish], prices: Book) -> Replayed:
    """What each wish would have made of a month; nothing is written. ``prices`` knows the month's models and the
    budget model.
    """
    rows, price_of = list(queries.ceilings(workload)), _priced(prices)
    limit = MOST_CALLS // max(1, len(wishes))
    trials = [Trial(_wished(gate, rows, wish), _budget(workload), price_of) for wish in wishes]
    usual = {model: n for (owner, model), n in holds.sizes(workload.tenant_id).items() if owner == workload.id}
    replay, is_cut = Replay(_wished(gate, rows, Wish()), usual, trials), False
    for number, call in enumerate(calls(workload, month, limit + 1)):
        if number == limit:
            is_cut = True
            break
        replay.take(call)
    return Replayed(replay.tally, [trial.tally for trial in trials], is_cut, limit)


def prices_of(workload: Workload, month: Month) -> Book:
    """Of the models that were asked for in a month, and of the budget model."""
    rows = Reservation.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month.key)
    asked = rows.order_by().values_list("requested_model", flat=True).distinct()
    return book(workload.tenant_id, {*asked, _budget(workload)} - {""})


def calls(workload: Workload, month: Month, most: int) -> Iterator[Call]:
    """In the order of admission, a chunk at a time."""
    rows = Reservation.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month.key)
    rows = rows.order_by("created_at", "id")[:most]
    for row in rows.values_list(*_FIELDS).iterator(chunk_size=_CHUNK):
        yield _call(row)


def _call(row: tuple[Any, ...]) -> Call:
    values = dict(zip(_FIELDS, row, strict=True))
    return Call(
        user=values["user_key"],
        tier=values["tier"],
        at=values["created_at"],
        ended_at=values["settled_at"],
        decision=Decision(values["decision"]),
        reason=Reason(values["reason"]),
        pattern=Pattern(values["pattern"]),
        requested=values["requested_model"],
        model=values["model"],
        input=values["asked_input"],
        output=values["held"] - values["asked_input"],
        held_money=values["held_money"],
        input_price=values["input_price"],
        output_price=values["output_price"],
        used_input=values["used_input"],
        used_output=values["used_output"],
        cost=values["cost"],
        metered=values["metered"],
        is_released=values["state"] == ReservationState.RELEASED,
    )


def _wished(gate: CostGate, rows: Sequence[TierGate], wish: Wish) -> Gate:
    limits: Mapping[UUID, Limit] = {row.tier_id: _limit(row, wish) for row in rows}
    return Gate(limits, gate.spend_cap if wish.spend_cap is None else wish.spend_cap)


def _limit(row: TierGate, wish: Wish) -> Limit:
    if wish.tier not in {"", row.tier.slug}:
        return Limit(row.ceiling)
    ceiling = row.ceiling if wish.ceiling is None else wish.ceiling
    return Limit(max(1, int(ceiling * wish.factor)), wish.pattern)


def _budget(workload: Workload) -> str:
    return workload.budget_tier if workload.may_degrade else ""


def _priced(prices: Book) -> Callable[[str, datetime], tuple[Decimal | None, Decimal | None]]:
    """Prices a token at an instant. Calls of one day share what was looked up."""
    known: dict[tuple[str, Any], tuple[Decimal | None, Decimal | None]] = {}

    def price_of(model: str, at: datetime) -> tuple[Decimal | None, Decimal | None]:
        key = (model, day_of(at))
        if key not in known:
            found = prices.on(*key)
            parts = (None if part is None else per_token(part) for part in (found.input, found.output))
            known[key] = (next(parts), next(parts))
        return known[key]

    return price_of
