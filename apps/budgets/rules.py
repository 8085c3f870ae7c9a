"""The rules of a cost gate, without a database (domain, section 5).

:func:`admit` is what the database's own ``budgets_reserve`` decides under its locks, written down once more: a page
says with it beforehand what would happen, and a test holds the one against the other.

Tokens are whole numbers; money is a Decimal in the rate card's currency; None is not known, and never 0 (COST-4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

# A call that could say less than this says nothing; what is left below it stays unused.
LEAST_OUTPUT = 16
# Output that a call is held at: before anything is learned, and the floor and the cap of what is.
FIRST_HELD, LEAST_HELD, MOST_HELD = 1_024, 64, 16_384
MOST_CUT = 0.02
THRESHOLDS = (70, 90, 100)
QUIET_BELOW = 0.50
SOON_HOURS = 72.0


class Pattern(StrEnum):
    """What happens at the ceiling (COST-2)."""

    HARD = "hard"
    SOFT = "soft"
    METERED = "metered"


class Decision(StrEnum):
    ADMITTED = "admitted"
    DEGRADED = "degraded"
    OVERAGE = "overage"
    REFUSED = "refused"
    FALLBACK = "fallback"
    BLOCKED = "blocked"


class Reason(StrEnum):
    """Why, in words that a program reads."""

    WITHIN = "within_budget"
    CUT = "cut_to_what_is_left"
    HARD_CAP = "hard_cap"
    SOFT_CAP = "soft_cap"
    METERED = "metered"
    SPEND_CAP = "spend_cap"
    UNKNOWN_PRICE = "unknown_price"
    GATE_INCOMPLETE = "gate_incomplete"
    CLOSED = "admissions_closed"
    RUNAWAY = "runaway"
    UNREACHABLE = "counters_unreachable"


@dataclass(frozen=True, slots=True)
class Offer:
    """One model that a call could go to: what it costs a token (None: not known) and the output it would hold."""

    model: str
    output: int
    input_price: Decimal | None
    output_price: Decimal | None

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        if self.input_price is None or self.output_price is None:
            return None
        return self.input_price * input_tokens + self.output_price * output_tokens


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user's month stands, and the workload's money: what is settled and what is held."""

    ceiling: int
    settled: int
    held: int
    cap: Decimal
    spent: Decimal
    earmarked: Decimal

    @property
    def tokens_left(self) -> int:
        return self.ceiling - self.settled - self.held

    @property
    def money_left(self) -> Decimal:
        return self.cap - self.spent - self.earmarked


@dataclass(frozen=True, slots=True)
class Admission:
    """``output`` is the limit that the call has to keep; with the input it is what is held."""

    decision: Decision
    reason: Reason
    model: str = ""
    output: int = 0
    cost: Decimal | None = None


def admit(
    *, pattern: Pattern, standing: Standing, input_tokens: int, primary: Offer, budget: Offer | None
) -> Admission:
    """What a call of so much input gets (COST-2, COST-4, COST-7).

    ``pattern`` is the one that counts: metered without an opt-in is hard. ``budget`` is None where no budget model may
    answer. The spend cap stands above every pattern.
    """
    decision, reason, offer, output = Decision.ADMITTED, Reason.WITHIN, primary, primary.output
    if input_tokens + primary.output > standing.tokens_left:
        if pattern is Pattern.SOFT and budget is not None:
            decision, reason, offer, output = Decision.DEGRADED, Reason.SOFT_CAP, budget, budget.output
        elif pattern is Pattern.METERED:
            decision, reason = Decision.OVERAGE, Reason.METERED
        else:
            output, reason = standing.tokens_left - input_tokens, Reason.CUT
            if output < min(LEAST_OUTPUT, primary.output):
                return Admission(Decision.REFUSED, Reason.HARD_CAP)
    return _within_cap(Admission(decision, reason, offer.model, output), standing, input_tokens, offer)


def _within_cap(found: Admission, standing: Standing, input_tokens: int, offer: Offer) -> Admission:
    cost = offer.cost(input_tokens, found.output)
    if cost is None or offer.input_price is None or offer.output_price is None:
        return Admission(Decision.REFUSED, Reason.UNKNOWN_PRICE)
    if cost <= standing.money_left:
        return Admission(found.decision, found.reason, found.model, found.output, cost)
    # More than is left, so the output has a price.
    rest = standing.money_left - offer.input_price * input_tokens
    output = int((rest / offer.output_price).to_integral_value(ROUND_FLOOR)) if offer.output_price else -1
    if output < min(LEAST_OUTPUT, found.output):
        return Admission(Decision.REFUSED, Reason.SPEND_CAP)
    reason = Reason.CUT if found.reason is Reason.WITHIN else found.reason
    return Admission(found.decision, reason, found.model, output, offer.cost(input_tokens, output))


def due_thresholds(
    *,
    used: int,
    ceiling: int,
    elapsed: float,
    burn: float,
    thresholds: Sequence[int] = THRESHOLDS,
    is_exhausted: bool = False,
) -> list[int]:
    """Which of a month's alerts are due (COST-3): notice, banner, and the event at the ceiling.

    ``elapsed`` is the month's share, never below a day of it; ``burn`` is tokens an hour over the last seven days.
    ``is_exhausted``: a call was refused with nothing held, since what is left is too little to say anything.
    """
    notice, banner, last = thresholds
    share = used / ceiling
    is_fast = share >= elapsed
    left = max(0, ceiling - used)
    is_soon = burn > 0 and left / burn <= SOON_HOURS
    due = []
    if share >= QUIET_BELOW and ((share * 100 >= notice and is_fast) or is_soon):
        due.append(notice)
    if share >= QUIET_BELOW and share * 100 >= banner and is_fast:
        due.append(banner)
    if share >= QUIET_BELOW and (share * 100 >= last or is_exhausted):
        due.append(last)
    return due


def estimate(pattern: Pattern, *, held: int, input_tokens: int, held_money: Decimal) -> tuple[int, Decimal]:
    """What an expired hold counts as, tokens and money: in full on a hard cap, elsewhere its input (COST-4).

    Money is capped by the workload's hard spend cap whatever the pattern, so all of it goes on to count.
    """
    return (held if pattern is Pattern.HARD else input_tokens), held_money


def metered_of(pattern: Pattern, *, used: int, total: int, ceiling: int) -> int:
    """How many of the ``used`` tokens lie beyond the ceiling, after which ``total`` are settled (COST-2)."""
    return max(0, min(used, total - ceiling)) if pattern is Pattern.METERED else 0


def learned(*, p99: int, cut_share: float, largest: int) -> int:
    """The output to hold next, from the 99th percentile of what was used, the share of calls that used up their hold,
    and the largest hold there was.
    """
    wanted = largest * 2 if cut_share > MOST_CUT else p99
    return max(LEAST_HELD, min(MOST_HELD, wanted))
