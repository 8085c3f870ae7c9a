"""What swaps to the budget model saved, and what they did to the validators' verdicts (COST-2, COST-6). Pure.

What telemetry knows comes through a registry, since it stands above budgets: :func:`register` says where flags are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.budgets.months import Month
from apps.pricing.rules import Price, cost
from portal.intervals import wilson


@dataclass(frozen=True, slots=True)
class Group:
    """Swapped calls of one day from one model to another whose usage is known; ``cost`` is None where no price was."""

    day: date
    requested: str
    served: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Saved:
    """What swapped calls of one pair of models cost, and what they would have: both of ``priced`` calls alone."""

    requested: str
    served: str
    calls: int
    priced: int
    actual: Decimal
    otherwise: Decimal

    @property
    def unknown(self) -> int:
        """Calls of which nobody knows what they saved."""
        return self.calls - self.priced

    @property
    def saved(self) -> Decimal | None:
        """None where it isn't known of any call; negative where the budget model was the dearer one."""
        return self.otherwise - self.actual if self.priced else None


def saved(groups: Iterable[Group], price_on: Callable[[str, date], Price]) -> list[Saved]:
    """By pair of models. The requested model has the price of the day of the call; what isn't known is left out, and
    counted.
    """
    sums: dict[tuple[str, str], Saved] = {}
    for group in groups:
        pair = (group.requested, group.served)
        so_far = sums.get(pair, Saved(*pair, 0, 0, Decimal(0), Decimal(0)))
        otherwise = cost(price_on(group.requested, group.day), group.input_tokens, group.output_tokens)
        is_priced = otherwise is not None and group.cost is not None
        sums[pair] = Saved(
            *pair,
            calls=so_far.calls + group.calls,
            priced=so_far.priced + (group.calls if is_priced else 0),
            actual=so_far.actual + (group.cost or 0 if is_priced else 0),
            otherwise=so_far.otherwise + (otherwise or 0 if is_priced else 0),
        )
    return [sums[pair] for pair in sorted(sums)]


@dataclass(frozen=True, slots=True)
class Flags:
    """Of so many answers that a validator judged, how many it flagged."""

    judged: int
    flagged: int

    @property
    def rate(self) -> float | None:
        return self.flagged / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.flagged, self.judged)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What validators said of answers of the model that was asked for, and of swapped ones."""

    kept: Flags
    swapped: Flags

    def said(self) -> str:
        """Whether swaps changed the flag rate, as far as the intervals tell."""
        if not self.swapped.judged or not self.kept.judged:
            return "Too few answers were judged to compare: nothing can be said about quality."
        (kept_low, kept_high), (low, high) = self.kept.interval, self.swapped.interval
        if low > kept_high:
            return "Validators flag swapped answers more often."
        if high < kept_low:
            return "Validators flag swapped answers less often."
        return "No difference shows: the intervals overlap."


Source = Callable[[UUID, UUID, Month], Verdicts]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Say where verdicts are: of a tenant's workload, for calls admitted in a month."""
    _sources.append(source)


def verdicts(tenant_id: UUID, workload_id: UUID, month: Month) -> Verdicts | None:
    """None where nobody registered."""
    return _sources[0](tenant_id, workload_id, month) if _sources else None
