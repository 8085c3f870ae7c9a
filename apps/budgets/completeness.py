"""What a cost gate lacks before it is *complete and live* (COST-1, COST-2, COST-7, COST-9, criterion H7). Pure.

A gate is complete when it has a spend cap, every tier of the tenant has a ceiling, what happens at each ceiling is
permitted now (a workload may have become regulated since it was set), and every model that may answer has a price: a
call whose price nobody knows is refused. What lacks is a :class:`Gap`, a sentence that says what to do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from apps.budgets.rules import Pattern


class Kind(StrEnum):
    """What lacks, in words that a program reads."""

    GATE = "gate_missing"
    TIERS = "tiers_missing"
    CEILING = "ceiling_missing"
    HARD_ONLY = "hard_only"
    DISCLOSURE = "disclosure_missing"
    MAY_NOT_DEGRADE = "may_not_degrade"
    PRICE = "price_unknown"


# Without these nothing is admitted at all. With the others the database admits as under a hard cap, so that a policy
# that changes under a running workload puts nobody out of service (COST-2, COST-7).
STOPS = frozenset({Kind.GATE, Kind.TIERS, Kind.CEILING})


@dataclass(frozen=True, slots=True)
class Gap:
    kind: Kind
    what: str

    @property
    def stops(self) -> bool:
        return self.kind in STOPS


@dataclass(frozen=True, slots=True)
class Policy:
    """What of a workload decides which pattern it may have. ``budget_model`` is empty where none is permitted."""

    key: str
    is_regulated: bool
    budget_model: str


@dataclass(frozen=True, slots=True)
class Tier:
    id: UUID
    slug: str
    name: str
    is_free: bool
    is_default: bool


@dataclass(frozen=True, slots=True)
class AtCeiling:
    """A tier's ceiling in tokens, and what happens there."""

    tokens: int
    pattern: Pattern
    disclosure: str


def gaps(policy: Policy, tiers: Sequence[Tier], ceilings: Mapping[UUID, AtCeiling] | None) -> list[Gap]:
    """What the gate lacks by itself; ``ceilings`` by tier, None where there is no gate at all."""
    if ceilings is None:
        return [Gap(Kind.GATE, f"{policy.key} has no cost gate: set its spend cap and a ceiling for every tier.")]
    if not any(tier.is_default for tier in tiers):
        return [Gap(Kind.TIERS, "No tier is everybody's: a tenant admin or finance adds one.")]
    found = [_of_tier(policy, tier, ceilings.get(tier.id)) for tier in tiers]
    return [gap for gap in found if gap is not None]


def unpriced(models: Iterable[str], priced: Iterable[str]) -> list[Gap]:
    """The models that may answer and whose price isn't known: every call to them would be refused (COST-4)."""
    return [
        Gap(Kind.PRICE, f"Nobody knows what {model} costs, so its calls are refused: set its price on the rate card.")
        for model in sorted({*models} - {*priced, ""})
    ]


def pattern_gap(policy: Policy, tier_name: str, is_free: bool, at_ceiling: AtCeiling) -> Gap | None:
    """Why this pattern can't be had here, if it can't."""
    if at_ceiling.pattern is Pattern.HARD:
        return None
    if is_free:
        return Gap(Kind.HARD_ONLY, f"{tier_name} is free: only a hard cap (COST-2).")
    if policy.is_regulated:
        return Gap(Kind.HARD_ONLY, f"{policy.key} is regulated: only a hard cap (COST-2).")
    return _soft_gap(policy, at_ceiling.disclosure) if at_ceiling.pattern is Pattern.SOFT else None


def _soft_gap(policy: Policy, disclosure: str) -> Gap | None:
    if not disclosure.strip():
        return Gap(Kind.DISCLOSURE, "A soft cap needs the sentence that tells the user (COST-6).")
    if not policy.budget_model:
        return Gap(
            Kind.MAY_NOT_DEGRADE, f"{policy.key}'s policy doesn't permit a budget model: change it first (COST-7)."
        )
    return None


def _of_tier(policy: Policy, tier: Tier, at_ceiling: AtCeiling | None) -> Gap | None:
    if at_ceiling is None:
        return Gap(Kind.CEILING, f"{tier.name} has no ceiling: set one.")
    gap = pattern_gap(policy, tier.name, tier.is_free, at_ceiling)
    return gap and Gap(gap.kind, f"Set the ceiling of {tier.name} anew: {gap.what}")
