"""What the cost page says first, and what it draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.budgets.completeness import Gap, Tier
from apps.budgets.models import CostGate, TierGate, UserMonth
from apps.budgets.months import Month
from apps.budgets.usage.queries import NEAR
from portal.charts.bars import Amount, BarChart, bar_chart
from portal.charts.words import Unit

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Money:
    cap: Decimal
    spent: Decimal
    held: Decimal

    @property
    def left(self) -> Decimal:
        return max(Decimal(0), self.cap - self.spent - self.held)


def money(gate: CostGate) -> Money:
    """Of a gate that was read with its month."""
    return Money(gate.spend_cap, getattr(gate, "spent", None) or Decimal(0), getattr(gate, "held", None) or Decimal(0))


def sentence(gate: CostGate | None, gaps: Sequence[Gap], near: int, closed: int, found: Money | None) -> str:
    """What stops it, the worst first (COST-9)."""
    if gate is None or found is None:
        return "No cost gate yet: nothing is admitted, every request gets the fallback."
    if closed:
        return f"{closed} token{'' if closed == 1 else 's'} spent more than held, and {_is(closed)} shut out."
    if gaps:
        return f"The gate isn't complete: {' '.join(gap.what for gap in gaps)}"
    if found.left == 0:
        return "The month's spend cap is reached: nothing is admitted until it begins anew, or the cap is raised."
    if near:
        return f"{near} user{'' if near == 1 else 's'} {_is(near)} at {NEAR:.0%} of the month's tokens or beyond."
    return f"Nobody is near a ceiling; {found.left:,.2f} {gate.currency} of the month's cap are left."


def drawn(rows: Sequence[UserMonth], month: Month) -> BarChart:
    """The users who used most, each as a share of their own ceiling."""
    amounts = [Amount(name(row), 100 * row.settled / row.ceiling) for row in rows if _ceiling(row)]  # type: ignore[attr-defined]
    title = f"Share of their ceiling that users have used in {month.key.partition('@')[0]}"
    return bar_chart(title, amounts, unit=Unit("%"), ceiling=100.0 if amounts else None)


def near(rows: Sequence[UserMonth]) -> int:
    """How many users are near their ceiling, on this page and on all others."""
    return getattr(rows[0], "near", 0) if rows else 0


def name(row: UserMonth) -> str:
    label: Any = getattr(row, "label", "")
    return label or f"user {row.user_key[:8]}"


def is_near(row: UserMonth) -> bool:
    ceiling = _ceiling(row)
    return bool(ceiling) and row.settled >= NEAR * ceiling


def missing(tiers: Sequence[Tier], rows: Sequence[TierGate]) -> list[Tier]:
    """Tiers without a ceiling: their users get the fallback."""
    have = {row.tier_id for row in rows}
    return [tier for tier in tiers if tier.id not in have]


def _ceiling(row: UserMonth) -> int:
    return getattr(row, "ceiling", None) or 0


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
