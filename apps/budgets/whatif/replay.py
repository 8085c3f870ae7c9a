"""What another gate would have done to a month of calls, before anybody sets it. Pure.

A replay takes calls in the order of their admission and has each decided by :func:`apps.budgets.rules.admit`, with
counters of its own; a hold ends when it really ended. Under the gate that was in force it decides as the ledger says
it was decided. What the ledger doesn't hold can't be replayed: a call that was refused left no hold, so a gate that
is wider than the real one shows less than it would have admitted. The brake (COST-10) isn't replayed.

What a call that was cut or swapped really wanted isn't written down either. It is taken to have wanted what such
calls usually do, and no less than makes the ledger true.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush
from uuid import UUID

from apps.budgets.rules import Admission, Decision, Offer, Pattern, Reason, Standing, admit, estimate, metered_of

_NOTHING = Decimal(0)
PriceOf = Callable[[str, datetime], tuple[Decimal | None, Decimal | None]]


@dataclass(frozen=True, slots=True)
class Call:
    """One reservation: what it was allowed, what became of it. ``ended_at`` is None while it is held.

    ``used_input`` and ``used_output`` are None where nobody knows; then it counts as its estimate.
    """

    user: str
    tier: UUID
    at: datetime
    ended_at: datetime | None
    decision: Decision
    reason: Reason
    pattern: Pattern
    requested: str
    model: str
    input: int
    output: int
    held_money: Decimal
    input_price: Decimal
    output_price: Decimal
    used_input: int | None = None
    used_output: int | None = None
    cost: Decimal | None = None
    metered: int = 0
    is_released: bool = False

    @property
    def held(self) -> int:
        return self.input + self.output

    @property
    def is_known(self) -> bool:
        return self.used_input is not None and self.used_output is not None


@dataclass(frozen=True, slots=True)
class Limit:
    """A tier's ceiling; ``pattern`` None is the one that each call met."""

    ceiling: int
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The limits of each tier, and the spend cap."""

    limits: Mapping[UUID, Limit]
    cap: Decimal


@dataclass(slots=True)
class _Counters:
    """What is settled and held, by user in tokens and in all in money, as calls come and end."""

    settled: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    spent: Decimal = _NOTHING
    earmarked: Decimal = _NOTHING
    ending: list[tuple[datetime, int, str, int, Decimal, int, Decimal]] = field(default_factory=list)
    taken: int = 0

    def advance(self, now: datetime) -> None:
        """End what had ended by ``now``."""
        while self.ending and self.ending[0][0] <= now:
            _, _, user, held, money, tokens, spent = heappop(self.ending)
            self.held[user] -= held
            self.earmarked -= money
            self.settled[user] = self.settled.get(user, 0) + tokens
            self.spent += spent

    def hold(self, call: Call, held: int, money: Decimal, tokens: int, spent: Decimal) -> None:
        """``tokens`` and ``spent`` are what it comes to at its end."""
        self.held[call.user] = self.held.get(call.user, 0) + held
        self.earmarked += money
        self.taken += 1
        if call.ended_at is not None:
            heappush(self.ending, (call.ended_at, self.taken, call.user, held, money, tokens, spent))

    def left(self, user: str, ceiling: int) -> int:
        return ceiling - self.settled.get(user, 0) - self.held.get(user, 0)


@dataclass(slots=True)
class Tally:
    """What came of a month. ``unknown``: calls whose money isn't known, which count as what they held."""

    calls: int = 0
    refused: dict[Reason, int] = field(default_factory=dict)
    cut: int = 0
    degraded: int = 0
    overage: int = 0
    metered: int = 0
    tokens: int = 0
    money: Decimal = _NOTHING
    unknown: int = 0
    users: set[str] = field(default_factory=set)
    at_ceiling: dict[str, datetime] = field(default_factory=dict)

    @property
    def refusals(self) -> int:
        return sum(self.refused.values())

    @property
    def first_at(self) -> datetime | None:
        """When the first user came to their ceiling."""
        return min(self.at_ceiling.values(), default=None)

    def count(self, call: Call, decision: Decision, reason: Reason) -> None:
        self.calls += 1
        self.users.add(call.user)
        if decision is Decision.REFUSED:
            self.refused[reason] = self.refused.get(reason, 0) + 1
        self.cut += reason is Reason.CUT
        self.degraded += decision is Decision.DEGRADED
        self.overage += decision is Decision.OVERAGE

    def spend(self, tokens: int, money: Decimal, metered: int, *, is_unknown: bool) -> None:
        self.tokens += tokens
        self.money += money
        self.metered += metered
        self.unknown += is_unknown


@dataclass(slots=True)
class Trial:
    """One gate that is tried. ``budget_model``: what a swap would go to today, empty where the policy allows none."""

    gate: Gate
    budget_model: str
    price_of: PriceOf
    counters: _Counters = field(default_factory=_Counters)
    tally: Tally = field(default_factory=Tally)

    def take(self, call: Call, wanted: int) -> Admission:
        """Decide the next call, of which the requested model would have had ``wanted`` tokens of output."""
        self.counters.advance(call.at)
        limit, primary = self.gate.limits[call.tier], self._primary(call, wanted)
        pattern, standing = limit.pattern or call.pattern, self._standing(call.user, limit.ceiling)
        found = admit(
            pattern=pattern,
            standing=standing,
            input_tokens=call.input,
            primary=primary,
            budget=self._budget(call, wanted) if pattern is Pattern.SOFT else None,
        )
        if call.input + wanted > standing.tokens_left:
            self.tally.at_ceiling.setdefault(call.user, call.at)
        self.tally.count(call, found.decision, found.reason)
        if found.decision is not Decision.REFUSED:
            self._hold(call, found, pattern, limit.ceiling)
        return found

    def _hold(self, call: Call, found: Admission, pattern: Pattern, ceiling: int) -> None:
        held, money = call.input + found.output, found.cost or _NOTHING
        tokens, spent, is_unknown = self._came_to(call, found, pattern)
        self.counters.hold(call, held, money, tokens, spent)
        total = self.counters.settled.get(call.user, 0) + tokens
        self.tally.spend(
            tokens,
            spent,
            metered_of(pattern, used=tokens, total=total, ceiling=ceiling),
            is_unknown=is_unknown,
        )

    def _came_to(self, call: Call, found: Admission, pattern: Pattern) -> tuple[int, Decimal, bool]:
        """What the call would have used, and spent, and whether the money is a guess."""
        money = found.cost or _NOTHING
        if call.is_released:
            return 0, _NOTHING, False
        if call.used_input is None or call.used_output is None:
            tokens, spent = estimate(pattern, held=call.input + found.output, input_tokens=call.input, held_money=money)
            return tokens, spent, True
        is_same = found.model == call.model
        output = call.used_output if found.output >= call.output else min(call.used_output, found.output)
        if is_same and output == call.used_output:
            return call.used_input + output, money if call.cost is None else call.cost, call.cost is None
        prices = (call.input_price, call.output_price) if is_same else self.price_of(found.model, call.at)
        if prices[0] is None or prices[1] is None:
            return call.used_input + output, money, True
        return call.used_input + output, prices[0] * call.used_input + prices[1] * output, False

    def _standing(self, user: str, ceiling: int) -> Standing:
        now = self.counters
        return Standing(
            ceiling, now.settled.get(user, 0), now.held.get(user, 0), self.gate.cap, now.spent, now.earmarked
        )

    def _primary(self, call: Call, wanted: int) -> Offer:
        if call.model == call.requested:
            return Offer(call.requested, wanted, call.input_price, call.output_price)
        return Offer(call.requested, wanted, *self.price_of(call.requested, call.at))

    def _budget(self, call: Call, wanted: int) -> Offer | None:
        if call.decision is Decision.DEGRADED:
            return Offer(call.model, call.output, call.input_price, call.output_price)
        if not self.budget_model:
            return None
        return Offer(self.budget_model, wanted, *self.price_of(self.budget_model, call.at))


@dataclass(slots=True)
class Replay:
    """Several gates tried on the same calls at once, beside what really happened.

    ``in_force`` is the gate that stands now; ``usual`` the output that calls to a model are usually held at.
    """

    in_force: Gate
    usual: Mapping[str, int]
    trials: Sequence[Trial]
    counters: _Counters = field(default_factory=_Counters)
    tally: Tally = field(default_factory=Tally)

    def take(self, call: Call) -> list[Admission]:
        """The next call in the order of admission, and how each gate decides it."""
        self.counters.advance(call.at)
        wanted = self._wanted(call)
        self._as_it_was(call, wanted)
        return [trial.take(call, wanted) for trial in self.trials]

    def _wanted(self, call: Call) -> int:
        usual = self.usual.get(call.requested, 0)
        if call.reason is Reason.CUT:
            return max(call.output + 1, usual)
        if call.decision not in {Decision.DEGRADED, Decision.OVERAGE}:
            return call.output
        # It didn't fit, so it wanted more than was left; and no less than it then used.
        left = self.counters.left(call.user, self.in_force.limits[call.tier].ceiling)
        least = max(1, left - call.input + 1)
        if call.decision is Decision.OVERAGE:
            return max(least, call.output)
        return max(least, call.used_output or 0, usual)

    def _as_it_was(self, call: Call, wanted: int) -> None:
        if call.input + wanted > self.counters.left(call.user, self.in_force.limits[call.tier].ceiling):
            self.tally.at_ceiling.setdefault(call.user, call.at)
        self.tally.count(call, call.decision, call.reason)
        tokens, spent = _ended(call)
        self.counters.hold(call, call.held, call.held_money, tokens, spent)
        is_unknown = call.cost is None and not call.is_released
        self.tally.spend(tokens, spent, call.metered, is_unknown=is_unknown)


def _ended(call: Call) -> tuple[int, Decimal]:
    """Tokens and money as the ledger has them once a call is over."""
    if call.is_released:
        return 0, _NOTHING
    if call.used_input is None or call.used_output is None:
        return estimate(call.pattern, held=call.held, input_tokens=call.input, held_money=call.held_money)
    return call.used_input + call.used_output, call.held_money if call.cost is None else call.cost
