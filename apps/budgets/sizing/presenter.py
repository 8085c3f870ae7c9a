"""What the pages about sizes say: suggestions beside the ceiling in force, and a month on other models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.budgets.models import CostGate, TierGate, UserTier
from apps.budgets.sizing.rules import Elsewhere, Estimate, Seen, is_due, need, price_of
from apps.pricing.rules import Price
from apps.workloads.models import Workload


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One tier: what stands, and what its users needed. ``seen`` is None where nobody used anything."""

    tier: UserTier
    ceiling: int | None
    seen: Seen | None
    estimate: Estimate | None
    formula: int | None
    money: Decimal | None

    @property
    def suggested(self) -> int | None:
        return self.seen.suggestion if self.seen else None


def suggestions(
    tiers: Sequence[UserTier], rows: Sequence[TierGate], seen: Mapping[str, Seen], price: Price
) -> list[Suggestion]:
    """``money`` is what a user costs at the suggestion, at the primary model's price of today; None: not known."""
    ceilings = {row.tier_id: row.ceiling for row in rows}
    return [_suggestion(tier, ceilings.get(tier.id), seen.get(tier.slug), price) for tier in tiers]


def _suggestion(tier: UserTier, ceiling: int | None, seen: Seen | None, price: Price) -> Suggestion:
    if seen is None:
        return Suggestion(tier, ceiling, None, None, None, None)
    estimate = seen.estimate()
    return Suggestion(
        tier=tier,
        ceiling=ceiling,
        seen=seen,
        estimate=estimate,
        formula=need(estimate),
        money=price_of(seen.suggestion, seen.input_tokens, seen.output_tokens, price),
    )


def sizing_sentence(gate: CostGate | None, found: Sequence[Suggestion], now: datetime) -> str:
    """Whether the ceilings still fit."""
    if gate is None:
        return "No cost gate yet: estimate what a user needs, then set one."
    if is_due(gate.sized_at, now):
        return "These ceilings are older than a quarter: size them again."
    tight = [each.tier.name for each in found if each.ceiling and each.seen and each.ceiling < each.seen.p90]
    if tight:
        return f"More than one user in ten of {', '.join(tight)} needed more than the ceiling gives today."
    if not any(each.seen for each in found):
        return "The ledger of last month is empty: sizes can be estimated and not yet measured."
    return "The ceilings fit what users needed last month."


def model_rows(
    found: Sequence[Elsewhere], paid: Decimal, is_wholly_known: bool, workload: Workload
) -> list[dict[str, Any]]:
    """``difference`` only where both sides are wholly known."""
    rows = []
    for each in found:
        is_known = each.cost is not None and not each.unknown and is_wholly_known
        rows.append(
            {
                "model": each,
                "difference": each.cost - paid if is_known and each.cost is not None else None,
                "role": _role(each.model, workload),
            }
        )
    return rows


def _role(model: str, workload: Workload) -> str:
    named = {workload.primary_tier: "primary model", workload.budget_tier: "budget model"}
    return named.get(model, "")


def rightsizing_sentence(found: Sequence[Elsewhere], paid: Decimal, unknown: int, calls: int) -> str:
    if not calls:
        return "The ledger of last month is empty: there is nothing to compare yet."
    known = [each for each in found if each.cost is not None and not each.unknown]
    said = f"{calls:,} call{'' if calls == 1 else 's'} cost {paid:,.4f} USD"
    if unknown:
        said += f", without {unknown:,} whose price isn't known"
    if not known:
        return f"{said}; what another model would have cost isn't known."
    cheapest = known[0]
    return f"{said}. The cheapest model with a known price is {cheapest.model}: {cheapest.cost:,.4f} USD."
