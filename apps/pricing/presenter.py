"""The rate card in words: what has a price, what lacks one, and what that means (COST-4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apps.pricing.rules import Price

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A model in use: who uses it, what it costs now, and what it will cost next."""

    model: str
    workloads: list[str]
    price: Price
    coming: Price | None

    @property
    def named(self) -> str:
        return f"{self.model} ({', '.join(self.workloads)})"


def rows(used: Mapping[str, list[str]], prices: Mapping[str, Price], coming: Mapping[str, Price]) -> list[Row]:
    """Those that lack a price first."""
    found = [Row(model, keys, prices[model], coming.get(model)) for model, keys in used.items()]
    return sorted(found, key=lambda row: (row.price.is_complete, row.model))


def sentence(found: Iterable[Row]) -> str:
    rows = list(found)
    lacking = [row for row in rows if not row.price.is_complete]
    if not rows:
        return "No workload names a model yet."
    if not lacking:
        return "The one model in use has a price." if len(rows) == 1 else f"All {len(rows)} models in use have a price."
    priced = len(rows) - len(lacking)
    have = f"{priced} of {len(rows)} models in use {'has' if priced == 1 else 'have'} a price."
    names = ", ".join(row.named for row in lacking[:SHOWN])
    more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
    lack = "lacks one: its" if len(lacking) == 1 else "lack one: their"
    return f"{have} {names}{more} {lack} calls are refused where money is capped."


def standing(price: Price) -> str:
    """One model's price, in a sentence."""
    if not price.is_known:
        return f"Nothing is known of what it costs ({price.source})."
    parts = zip(price.texts, ("input", "output", "cached input"), strict=True)
    amounts = [f"{text} for {name}" for text, name in parts if text]
    said = f"{price.currency} per million tokens: {', '.join(amounts)}; {price.source}."
    return said if price.is_complete else f"{said} The rest isn't known: calls are refused where money is capped."
