"""The dated price list that comes with the package genai-prices: what counts where a tenant has set nothing. Pure.

It is what was installed, and stays so until the package is updated: the package's own updater is never started, so
nothing here goes online. Names that the list doesn't know have no price; nothing is guessed from a similar name.

Where the list has several prices for one day, the dearest counts, since a hold must never be too low (COST-4):

- prices that rise with the length of the input (over 200,000 tokens, say): the dearest tier, for every call;
- prices that differ by the hour: the dearest of the day;
- reasoning tokens that cost more than the rest of the output: theirs.

A model that is charged by the request too has no price here: what its tokens cost would be too little.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version

from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import ConditionalPrice, ModelInfo, StartDateConstraint, TieredPrices, TimeOfDateConstraint
from genai_prices.types import ModelPrice as Listed

from apps.pricing.rules import LONGEST_MODEL, Price, at

SOURCE = f"genai-prices {version('genai-prices')}"
_BEFORE = date(1970, 1, 1)


def price_at(model: str, day: date) -> Price | None:
    """What the list says for a day, in UTC; None for a name that it doesn't know."""
    return at(history(model), day)


def history(model: str) -> tuple[Price, ...]:
    """Every price that the list has for a model, the oldest first; the first has no ``valid_from``."""
    return _history(model) if len(model) <= LONGEST_MODEL else ()


@lru_cache(maxsize=4096)
def _history(model: str) -> tuple[Price, ...]:
    found = _found(model)
    if found is None:
        return ()
    source, info = found
    prices: list[Price] = []
    for start in [None, *sorted(_starts(info))]:
        price = _price(model, source, info, start)
        if not prices or prices[-1].amounts != price.amounts:
            prices.append(price)
    return tuple(prices)


def _found(model: str) -> tuple[str, ModelInfo] | None:
    """The list's own entry for a name, and how to call it. A name with a slash may say its provider first.

    Each look-up has a snapshot of its own: the package remembers every name that it was ever asked for.
    """
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    try:
        provider, info = snapshot.find_provider_model(model, None, "litellm" if "/" in model else None, None)
    except LookupError:
        return None
    return f"{SOURCE}: {provider.id}/{info.id}", info


def _price(model: str, source: str, info: ModelInfo, start: date | None) -> Price:
    listed = [info.get_prices(moment) for moment in _moments(info, start or _BEFORE)]
    if any(each.requests_kcount is not None for each in listed):
        return Price(model, None, None, None, start, f"{source}, charged by the request too")
    return Price(
        model,
        _dearest([each.input_mtok] for each in listed),
        _dearest([each.output_mtok, each.output_reasoning_mtok] for each in listed),
        _dearest([each.cache_read_mtok] for each in listed),
        start,
        source,
    )


def _conditional(info: ModelInfo) -> list[ConditionalPrice]:
    return [] if isinstance(info.prices, Listed) else info.prices


def _starts(info: ModelInfo) -> set[date]:
    constraints = (each.constraint for each in _conditional(info))
    return {each.start_date for each in constraints if isinstance(each, StartDateConstraint)}


def _moments(info: ModelInfo, day: date) -> Iterator[datetime]:
    """When on this day a price may begin to be another."""
    yield datetime.combine(day, time(), UTC)
    for each in _conditional(info):
        if isinstance(each.constraint, TimeOfDateConstraint):
            for edge in (each.constraint.start_time, each.constraint.end_time):
                yield datetime.combine(day, edge if edge.tzinfo else edge.replace(tzinfo=UTC))


def _dearest(moments: Iterable[list[Decimal | TieredPrices | None]]) -> Decimal | None:
    """Of what is charged at each moment of a day; None if at one of them nothing is said."""
    found = [[amount for price in moment for amount in _tiers(price)] for moment in moments]
    return max(max(amounts) for amounts in found) if all(found) else None


def _tiers(price: Decimal | TieredPrices | None) -> list[Decimal]:
    if isinstance(price, TieredPrices):
        return [price.base, *(tier.price for tier in price.tiers)]
    return [] if price is None else [price]
