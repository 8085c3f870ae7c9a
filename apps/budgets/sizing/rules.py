"""How large a ceiling has to be (CAP-3, COST-8), and what a month would have cost elsewhere (COST-11). Pure.

The formula is the capacity model's: tokens a user and month = sessions x turns x (input + output x multiplier)
x tool_call_factor x retry_factor, for one workload, never averaged across workloads.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from apps.pricing.rules import Price, cost
from portal.errors import Invalid

MOST_NEED = Decimal(10) ** 15
# The longest quarter there is: nothing is called old before its quarter is over.
QUARTER = timedelta(days=92)
# From 0 it grows by as much as what is measured is uncertain; two figures are as exact as any forecast.
_FIGURES = 2
_MOST: Mapping[str, int] = {
    "sessions": 100_000,
    "turns": 10_000,
    "input": 10_000_000,
    "output": 10_000_000,
    "multiplier": 100,
    "tool_call_factor": 1_000,
    "retry_factor": 1_000,
}
# Factors that only ever add: a call without tools and without retries is one call.
_AT_LEAST_ONE = frozenset({"tool_call_factor", "retry_factor"})
_MAY_BE_ZERO = frozenset({"output"})


@dataclass(frozen=True, slots=True)
class Estimate:
    """One user's month of one workload; None is missing. ``input`` and ``output`` are tokens of one call."""

    sessions: Decimal | None
    turns: Decimal | None
    input: Decimal | None
    output: Decimal | None
    multiplier: Decimal | None = Decimal(1)
    tool_call_factor: Decimal | None = Decimal(1)
    retry_factor: Decimal | None = Decimal(1)


def need(estimate: Estimate) -> int:
    """Tokens a user and month, rounded up (CAP-3).

    Raises:
        Invalid: a figure that is missing, negative or absurd, or more than any budget holds; ``field`` names it.
    """
    found = {each.name: _checked(each.name, getattr(estimate, each.name)) for each in fields(Estimate)}
    product = found["sessions"] * found["turns"] * (found["input"] + found["output"] * found["multiplier"])
    product *= found["tool_call_factor"] * found["retry_factor"]
    if product > MOST_NEED:
        raise Invalid("sessions", f"Together that is more than {MOST_NEED:,.0f} tokens: look at the figures again.")
    return math.ceil(product)


def _checked(name: str, figure: Decimal | None) -> Decimal:
    words, most = name.replace("_", " "), _MOST[name]
    if figure is None:
        raise Invalid(name, f"Estimate {words}: nothing is sized without it.")
    if not figure.is_finite() or figure < 0 or figure > most:
        raise Invalid(name, f"{words.capitalize()} has to be from 0 to {most:,}.")
    if figure == 0 and name not in _MAY_BE_ZERO:
        raise Invalid(name, f"{words.capitalize()} can't be 0: nobody would use anything.")
    if figure < 1 and name in _AT_LEAST_ONE:
        raise Invalid(name, f"{words.capitalize()} is at least 1: each call is made once.")
    return figure


@dataclass(frozen=True, slots=True)
class Seen:
    """A tier's month in the ledger: calls whose usage is known, and what users needed (p50, p90, p99).

    ``at_ceiling`` users came to the ceiling in force: they may have needed more than is known.
    """

    tier: str
    users: int
    sessions: int
    requests: int
    calls: int
    input_tokens: int
    output_tokens: int
    p50: int
    p90: int
    p99: int
    at_ceiling: int

    def estimate(self) -> Estimate:
        """The formula's factors as they were measured.

        The ledger can't tell a retry from a further call of the same request, so both are in ``retry_factor``.
        """
        return Estimate(
            sessions=_ratio(self.sessions, self.users),
            turns=_ratio(self.requests, self.sessions),
            input=_ratio(self.input_tokens, self.calls),
            output=_ratio(self.output_tokens, self.calls),
            retry_factor=_ratio(self.calls, self.requests),
        )

    @property
    def suggestion(self) -> int:
        """What 99 of 100 users stay within, rounded up."""
        return rounded_up(self.p99)


def _ratio(count: int, by: int) -> Decimal | None:
    return (Decimal(count) / by).quantize(Decimal("0.0001")) if by else None


def rounded_up(tokens: int) -> int:
    """To two figures: 12,345 is 13,000."""
    step = Decimal(10) ** max(0, len(str(tokens)) - _FIGURES)
    return max(1, int((Decimal(tokens) / step).to_integral_value(ROUND_CEILING) * step))


def price_of(tokens: int, seen_input: int, seen_output: int, price: Price) -> Decimal | None:
    """What so many tokens cost where input and output are mixed as they were seen; None where no price is known."""
    total = seen_input + seen_output
    given = tokens * seen_input // total if total else tokens
    return cost(price, given, tokens - given)


def is_due(sized_at: datetime, now: datetime) -> bool:
    """Whether ceilings are older than a quarter and have to be sized again (COST-8)."""
    return now - sized_at > QUARTER


@dataclass(frozen=True, slots=True)
class Used:
    """What a workload used on one day of prices: calls whose usage is known, whatever model answered."""

    day: date
    calls: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A month on one model: ``cost`` is of the calls whose day has a price, None if none has."""

    model: str
    calls: int
    priced: int
    cost: Decimal | None

    @property
    def unknown(self) -> int:
        return self.calls - self.priced


def elsewhere(days: Sequence[Used], models: Iterable[str], price_on: Callable[[str, date], Price]) -> list[Elsewhere]:
    """What the same tokens would have cost on each model, at the prices of their days; the cheapest first, and what
    isn't wholly known last.
    """
    found = [_on(model, days, price_on) for model in sorted(set(models))]
    return sorted(found, key=lambda each: (each.unknown > 0, each.cost is None, each.cost or 0, each.model))


def _on(model: str, days: Sequence[Used], price_on: Callable[[str, date], Price]) -> Elsewhere:
    costs = [(day.calls, cost(price_on(model, day.day), day.input_tokens, day.output_tokens)) for day in days]
    known = [(calls, paid) for calls, paid in costs if paid is not None]
    total = sum((paid for _, paid in known), Decimal(0)) if known else None
    return Elsewhere(model, sum(day.calls for day in days), sum(calls for calls, _ in known), total)
