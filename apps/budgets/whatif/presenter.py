"""What a replay shows: what was, beside what would have been."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.budgets.rules import Reason
from apps.budgets.whatif.queries import Replayed
from apps.budgets.whatif.replay import Tally

_REFUSED = {
    Reason.HARD_CAP: "at a user's ceiling",
    Reason.SPEND_CAP: "at the spend cap",
    Reason.UNKNOWN_PRICE: "for want of a price",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, twice. ``was`` is None where the ledger doesn't hold it."""

    name: str
    was: int | Decimal | datetime | None
    would: int | Decimal | datetime | None
    kind: str = "count"


def lines(was: Tally, would: Tally) -> list[Line]:
    return [
        Line("Calls refused", None, would.refusals),
        Line("Answers cut short", was.cut, would.cut),
        Line("Calls moved to the budget model", was.degraded, would.degraded),
        Line("Calls beyond the ceiling, metered", was.overage, would.overage),
        Line("Tokens metered", was.metered, would.metered),
        Line("Users who came to their ceiling", len(was.at_ceiling), len(would.at_ceiling)),
        Line("The first of them", was.first_at, would.first_at, "instant"),
        Line("Tokens", was.tokens, would.tokens),
        Line("Money, USD", was.money, would.money, "money"),
        Line("Calls whose money isn't known", was.unknown, would.unknown),
    ]


def refusals(would: Tally) -> list[tuple[str, int]]:
    return [(_REFUSED.get(reason, reason.value), count) for reason, count in sorted(would.refused.items())]


def sentence(found: Replayed) -> str:
    """What the wish would have changed, the worst first."""
    was, would = found.was, found.tried[0]
    if not was.calls:
        return "The ledger holds no call of that month: there is nothing to replay."
    if would.refusals:
        return f"Of {was.calls:,} calls {would.refusals:,} would have been refused."
    if (would.cut, would.degraded, would.overage) == (was.cut, was.degraded, was.overage):
        return f"Nothing would have changed for any of {was.calls:,} calls."
    changes = (
        (would.cut - was.cut, "cut short"),
        (would.degraded - was.degraded, "moved to the budget model"),
        (would.overage - was.overage, "metered"),
    )
    said = [f"{abs(n):,} {'more' if n > 0 else 'fewer'} {what}" for n, what in changes if n]
    return f"Of {was.calls:,} calls none would have been refused; {', '.join(said)}."
