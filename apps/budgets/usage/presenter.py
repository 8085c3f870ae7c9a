"""What pages about usage say first, and what they draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.budgets.models import CostGate, Reservation, TierGate, UserMonth
from apps.budgets.months import Month
from apps.budgets.rules import Pattern, Reason
from apps.budgets.usage.pace import Outlook, outlook, running, zone_of
from apps.budgets.usage.swaps import Saved, Verdicts
from portal.charts import BurnUp, Point, Unit, burn_up

_AT_CEILING = {
    Pattern.HARD.value: _("At the ceiling calls are refused, and the fallback answers."),
    Pattern.SOFT.value: _("At the ceiling a smaller model answers, and you are told."),
    Pattern.METERED.value: _("At the ceiling it goes on, and the workspace pays for what lies beyond."),
}
_REASONS = {
    Reason.WITHIN.value: "within the budget",
    Reason.CUT.value: "cut to what was left",
    Reason.SOFT_CAP.value: "too little was left for the usual model",
    Reason.METERED.value: "beyond the ceiling, metered",
}


@dataclass(frozen=True, slots=True)
class Burn:
    """A month's burn-up with what it says."""

    chart: BurnUp
    outlook: Outlook
    said: str


def money_burn(gate: CostGate, days: Mapping[date, Decimal], burned: Decimal, month: Month, now: datetime) -> Burn:
    """The workload's money against its spend cap (COST-1)."""
    title = f"Money spent in {name_of(month)}"
    return _burn(title, "spend cap", gate.spend_cap, Unit(gate.currency), days, burned, month, now, (0.7, 0.9))


def token_burn(gate: TierGate, days: Mapping[date, Decimal], burned: Decimal, month: Month, now: datetime) -> Burn:
    """One user's tokens against their ceiling."""
    title, shares = f"Tokens used in {name_of(month)}", tuple(t / 100 for t in gate.thresholds if t < 100)
    return _burn(title, "ceiling", Decimal(gate.ceiling), Unit("tokens"), days, burned, month, now, shares)


def _burn(
    title: str,
    what: str,
    limit: Decimal,
    unit: Unit,
    days: Mapping[date, Decimal],
    burned: Decimal,
    month: Month,
    now: datetime,
    shares: tuple[float, ...],
) -> Burn:
    points = [Point(at, total) for at, total in running(days, month, now)]
    used = Decimal(str(points[-1].value)) if points else Decimal(0)
    found = outlook(used=used, limit=limit, burned=burned, month=month, now=now)
    chart = burn_up(
        title,
        points if days else [],
        start=month.start,
        end=month.end,
        now=now,
        ceiling=limit,
        zone=zone_of(month),
        unit=unit,
        thresholds=shares,
        rate=found.burn,
    )
    return Burn(chart, found, found.said(what))


def name_of(month: Month) -> str:
    return month.key.partition("@")[0]


def ledger_row(call: Reservation) -> dict[str, Any]:
    """One call as the list shows it."""
    return {
        "call": call,
        "why": _REASONS.get(call.reason, call.reason.replace("_", " ")),
        "used": None if call.used_input is None else call.used_input + (call.used_output or 0),
        "served": call.served_model or call.model,
    }


def user_sentence(row: UserMonth | None, gate: TierGate | None, found: Burn | None) -> str:
    """What is left of a user's month, and until when it lasts."""
    used, held = (row.settled, row.held) if row else (0, 0)
    if gate is None or found is None:
        return f"{used:,} tokens used; their tier has no ceiling here, so nothing is admitted."
    left = max(0, gate.ceiling - used - held)
    return f"{left:,} of {gate.ceiling:,} tokens are left. {found.said}"


@dataclass(frozen=True, slots=True)
class Own:
    """One budget of the person who looks."""

    row: UserMonth
    ceiling: int
    pattern: str
    moved: int
    tier: str

    @property
    def left(self) -> int:
        return max(0, self.ceiling - self.row.settled - self.row.held)

    @property
    def share(self) -> float:
        return self.row.settled / self.ceiling if self.ceiling else 0.0

    @property
    def then(self) -> str:
        return str(_AT_CEILING[self.pattern])


def own(row: UserMonth, now: datetime) -> Own:
    """Of a row that was read with its gate; metered without an opt-in is a hard cap (COST-2)."""
    known: Any = row
    pattern = known.pattern or Pattern.HARD.value
    if pattern == Pattern.METERED and (known.opted_in_until is None or known.opted_in_until <= now):
        pattern = Pattern.HARD.value
    return Own(row, known.ceiling or 0, pattern, known.moved, known.tier_name or "")


def swap_sentence(counts: Mapping[str, int], saved: list[Saved], currency: str) -> str:
    if not counts["swapped"]:
        return "No call was moved to the budget model."
    calls, were = "call" if counts["all"] == 1 else "calls", "was" if counts["swapped"] == 1 else "were"
    said = f"{counts['swapped']:,} of {counts['all']:,} {calls} {were} moved to the budget model"
    known = [each.saved for each in saved if each.saved is not None]
    if not known:
        return f"{said}; what that saved isn't known."
    # To the place and in the way in which the table rounds its rows.
    total = sum(known, Decimal(0)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    verb = "saved" if total >= 0 else "cost"
    more = " more than the model that was asked for" if total < 0 else ""
    return f"{said}, which {verb} {abs(total):,.4f} {currency}{more}."


def unknown_swaps(counts: Mapping[str, int], saved: list[Saved]) -> int:
    """Swapped calls of which nobody knows what they saved: no price, or no usage yet."""
    return counts["open"] + sum(each.unknown for each in saved)


def verdict_rows(found: Verdicts | None) -> list[dict[str, Any]]:
    if found is None:
        return []
    named = (("Swapped to the budget model", found.swapped), ("The model that was asked for", found.kept))
    return [
        {"name": name, "flags": flags, "low": flags.interval[0], "high": flags.interval[1]} for name, flags in named
    ]
