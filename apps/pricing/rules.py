"""What a call costs: dated prices per million tokens, exact, and unknown wherever one isn't known (COST-4). Pure.

A price counts on ``[valid_from, the next one's valid_from)``, from 00:00 UTC. An amount that is None is not known, and
never taken for 0: a model that is given away has the price 0, which somebody has to say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation

CURRENCY = "USD"
UNKNOWN = "unknown"

LONGEST_MODEL = 120
LONGEST_NOTE = 300
MOST = Decimal(1_000_000)  # per million: a dollar a token, far beyond any price there is
PLACES = 6
OLDEST = timedelta(days=400)
FURTHEST = timedelta(days=5 * 366)

# Sums of money are exact or they are an error: nothing is rounded here.
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero])


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs per million tokens, from a day on. ``valid_from`` None: for as long as anybody knows.

    ``source`` says where that stands, for people: here, in the bundled list, or nowhere.
    """

    model: str
    input: Decimal | None
    output: Decimal | None
    cached_input: Decimal | None
    valid_from: date | None
    source: str
    currency: str = CURRENCY

    @property
    def is_known(self) -> bool:
        """Whether any call at all can be priced."""
        return self.input is not None or self.output is not None

    @property
    def is_complete(self) -> bool:
        """Whether every call can be priced, which is what a cap on money takes."""
        return self.input is not None and self.output is not None

    @property
    def amounts(self) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
        return self.input, self.output, self.cached_input

    @property
    def texts(self) -> tuple[str, ...]:
        """The amounts without zeros that say nothing; empty where one isn't known."""
        return tuple("" if amount is None else f"{amount.normalize(_EXACT):f}" for amount in self.amounts)


def unknown(model: str) -> Price:
    return Price(model, None, None, None, None, UNKNOWN)


def day_of(at: datetime) -> date:
    """The day whose price an instant has: days change at 00:00 UTC, whatever the tenant's zone."""
    return at.astimezone(UTC).date()


def at(prices: Iterable[Price], day: date) -> Price | None:
    """Which of one model's prices counts on ``day``; None before the first."""
    begun = [price for price in prices if price.valid_from is None or price.valid_from <= day]
    return max(begun, key=lambda price: price.valid_from or date.min, default=None)


def per_token(per_million: Decimal) -> Decimal:
    """Exactly."""
    return per_million.scaleb(-6, _EXACT)


def cost(price: Price, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Decimal | None:
    """What a call costs, exactly; None where it isn't known.

    ``cached_tokens`` are those of ``input_tokens`` that came from the provider's cache; without a price of their own
    they cost what others do. A part without tokens needs no price (an embedding has no output), but a price of which
    nothing is known prices nothing, not even a call without tokens.

    Raises:
        ValueError: negative counts, or more cached tokens than there is input.
    """
    if min(input_tokens, output_tokens, cached_tokens) < 0 or cached_tokens > input_tokens:
        raise ValueError("Tokens are counted from 0, and cached ones are a part of the input.")
    cached = price.input if price.cached_input is None else price.cached_input
    parts = (
        _part(price.input, input_tokens - cached_tokens),
        _part(cached, cached_tokens),
        _part(price.output, output_tokens),
    )
    known = [part for part in parts if part is not None]
    if not price.is_known or len(known) < len(parts):
        return None
    total = Decimal(0)
    for part in known:
        total = _EXACT.add(total, part)
    return per_token(total)


def _part(per_million: Decimal | None, tokens: int) -> Decimal | None:
    """A part of a call, times a million."""
    if tokens == 0:
        return Decimal(0)
    return None if per_million is None else _EXACT.multiply(per_million, Decimal(tokens))


def problems(price: Price, note: str, today: date) -> list[str]:
    """What is wrong with a price that somebody sets, in sentences."""
    amounts = [_amount_problem(name, amount) for name, amount in zip(_NAMES, price.amounts, strict=True)]
    found = [_name_problem(price.model), *amounts, _day_problem(price.valid_from, today)]
    if not any(amounts) and price.input is not None and (price.cached_input or 0) > price.input:
        found.append("Cached input costs more than input: look whether the two are swapped.")
    if len(note) > LONGEST_NOTE or "\0" in note:
        found.append(f"Keep the note to {LONGEST_NOTE} characters.")
    return [each for each in found if each]


_NAMES = ("Input", "Output", "Cached input")


def _name_problem(model: str) -> str:
    if 1 <= len(model) <= LONGEST_MODEL and model == model.strip() and "\0" not in model:
        return ""
    return f"Name the model as its calls do, in at most {LONGEST_MODEL} characters."


def _amount_problem(name: str, amount: Decimal | None) -> str:
    if amount is None:
        return ""
    if not amount.is_finite() or not 0 <= amount <= MOST:
        return f"{name}: give 0 to {MOST:,} {CURRENCY} per million tokens, or nothing if it isn't known."
    if amount != round(amount, PLACES):
        return f"{name}: give at most {PLACES} decimal places."
    return ""


def _day_problem(day: date | None, today: date) -> str:
    if day is None:
        return "Say from which day on it counts."
    if day < today - OLDEST:
        return f"It can count from {today - OLDEST} on at the earliest: what is older has been settled."
    if day > today + FURTHEST:
        return f"It can count from {today + FURTHEST} on at the latest."
    return ""
