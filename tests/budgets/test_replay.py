"""A replay decides as the ledger did under the gate that was in force, and says what another would have done."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.budgets.models import Reservation, TierGate
from apps.budgets.months import month_at
from apps.budgets.queries import gate_or_refuse
from apps.budgets.rules import Admission, Decision, Offer, Pattern, Reason, Standing, admit, estimate
from apps.budgets.whatif.queries import Replayed, Wish, calls, prices_of, replayed
from apps.budgets.whatif.replay import Call, Gate, Limit, Replay, Trial
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import HAIKU, gated, held, settled
from tests.pricing.cast import priced
from tests.world import NOW, World

TIER = UUID(int=1)
LARGE, SMALL = (Decimal("0.00003"), Decimal("0.00006")), (Decimal("0.00001"), Decimal("0.00002"))
PRICES = {"large": LARGE, "small": SMALL}


def price_of(model: str, _: datetime) -> tuple[Decimal | None, Decimal | None]:
    return PRICES.get(model, (None, None))


@dataclass
class Life:
    """A month as the gate itself decides it, one call after another: what the ledger would hold."""

    pattern: Pattern
    ceiling: int
    cap: Decimal
    settled: dict[str, int] = field(default_factory=dict)
    spent: Decimal = Decimal(0)
    ledger: list[Call] = field(default_factory=list)

    def ask(self, user: str, given: int, wanted: int, small: int, share: float, end: str) -> None:
        standing = Standing(self.ceiling, self.settled.get(user, 0), 0, self.cap, self.spent, Decimal(0))
        found = admit(
            pattern=self.pattern,
            standing=standing,
            input_tokens=given,
            primary=Offer("large", wanted, *LARGE),
            budget=Offer("small", small, *SMALL),
        )
        if found.decision is not Decision.REFUSED:
            self._write(user, given, found, int(found.output * share), end)

    def _write(self, user: str, given: int, found: Admission, taken: int, end: str) -> None:
        at = NOW + timedelta(minutes=len(self.ledger))
        prices = PRICES[found.model]
        call = Call(
            user=user,
            tier=TIER,
            at=at,
            ended_at=at + timedelta(seconds=30),
            decision=found.decision,
            reason=found.reason,
            pattern=self.pattern,
            requested="large",
            model=found.model,
            input=given,
            output=found.output,
            held_money=found.cost or Decimal(0),
            input_price=prices[0],
            output_price=prices[1],
        )
        if end == "settled":
            cost = prices[0] * given + prices[1] * taken
            call = replace(call, used_input=given, used_output=taken, cost=cost)
        elif end == "released":
            call = replace(call, is_released=True, used_input=0, used_output=0, cost=Decimal(0))
        self.ledger.append(call)
        tokens, spent = _over(call)
        self.settled[user] = self.settled.get(user, 0) + tokens
        self.spent += spent


def _over(call: Call) -> tuple[int, Decimal]:
    if call.is_known and call.cost is not None:
        return (call.used_input or 0) + (call.used_output or 0), call.cost
    return estimate(call.pattern, held=call.held, input_tokens=call.input, held_money=call.held_money)


def replay(ledger: Sequence[Call], in_force: Gate, tried: Gate) -> tuple[list[Admission], Replay]:
    found = Replay(in_force, {}, [Trial(tried, "small", price_of)])
    return [found.take(call)[0] for call in ledger], found


ASKS = st.lists(
    st.tuples(
        st.sampled_from(["u1", "u2"]),
        st.integers(1, 80),
        st.integers(1, 120),
        st.integers(1, 120),
        st.floats(0, 1),
        st.sampled_from(["settled", "settled", "settled", "released", "estimated"]),
    ),
    max_size=30,
)


@given(asks=ASKS, pattern=st.sampled_from(list(Pattern)), ceiling=st.integers(1, 900), cap=st.integers(0, 300))
def test_the_gate_that_was_in_force_decides_as_the_ledger_says(
    asks: list[tuple[str, int, int, int, float, str]], pattern: Pattern, ceiling: int, cap: int
) -> None:
    life = Life(pattern, ceiling, Decimal(cap) / 10_000)
    for ask in asks:
        life.ask(*ask)
    gate = Gate({TIER: Limit(ceiling)}, life.cap)
    found, done = replay(life.ledger, gate, gate)
    assert [(a.decision, a.reason, a.model, a.output) for a in found] == [
        (c.decision, c.reason, c.model, c.output) for c in life.ledger
    ]
    would = done.trials[0].tally
    assert (would.tokens, would.money) == (sum(life.settled.values()), life.spent)
    assert (would.tokens, would.money, would.at_ceiling) == (done.tally.tokens, done.tally.money, done.tally.at_ceiling)
    assert would.refusals == 0


@given(asks=ASKS, ceilings=st.tuples(st.integers(1, 900), st.integers(1, 900)), cap=st.integers(0, 300))
def test_no_gate_that_is_tried_gives_out_more_than_its_ceiling_and_its_cap(
    asks: list[tuple[str, int, int, int, float, str]], ceilings: tuple[int, int], cap: int
) -> None:
    life = Life(Pattern.HARD, ceilings[0], Decimal(10))
    for ask in asks:
        life.ask(*ask)
    tried = Gate({TIER: Limit(ceilings[1], Pattern.HARD)}, Decimal(cap) / 10_000)
    _, done = replay(life.ledger, Gate({TIER: Limit(ceilings[0])}, Decimal(10)), tried)
    trial = done.trials[0]
    trial.counters.advance(NOW + timedelta(days=1))
    assert all(settled <= ceilings[1] for settled in trial.counters.settled.values())
    assert trial.tally.money <= tried.cap
    assert trial.tally.calls == len(life.ledger)


def month(pattern: Pattern = Pattern.HARD, ceiling: int = 1_000, count: int = 5) -> Life:
    """Calls of 100 tokens in and 100 out, all used."""
    life = Life(pattern, ceiling, Decimal(10))
    for _ in range(count):
        life.ask("u1", 100, 100, 100, 1.0, "settled")
    return life


def tried(life: Life, limit: Limit, cap: Decimal = Decimal(10)) -> Replay:
    return replay(life.ledger, Gate({TIER: Limit(life.ceiling)}, life.cap), Gate({TIER: limit}, cap))[1]


def test_a_smaller_ceiling_would_have_cut_one_call_and_refused_the_rest() -> None:
    done = tried(month(), Limit(550))
    would = done.trials[0].tally
    assert (would.calls, would.cut, would.refused) == (5, 1, {Reason.HARD_CAP: 2})
    assert (would.tokens, len(would.at_ceiling)) == (550, 1)
    assert would.first_at == NOW + timedelta(minutes=2)
    assert (done.tally.cut, done.tally.refusals, done.tally.tokens, done.tally.first_at) == (0, 0, 1_000, None)


def test_a_soft_cap_would_have_moved_what_a_hard_one_would_have_refused() -> None:
    would = tried(month(), Limit(550, Pattern.SOFT)).trials[0].tally
    assert (would.degraded, would.refusals, would.tokens) == (3, 0, 1_000)
    # Two at the large model's price, 0.009 each, three at the small one's, 0.003.
    assert would.money == Decimal("0.027")


def test_metering_would_have_counted_what_lies_beyond() -> None:
    would = tried(month(), Limit(550, Pattern.METERED)).trials[0].tally
    assert (would.overage, would.metered, would.refusals) == (3, 450, 0)


def test_a_smaller_spend_cap_stops_everybody_whatever_the_pattern() -> None:
    would = tried(month(), Limit(1_000, Pattern.METERED), Decimal("0.02")).trials[0].tally
    assert (would.refused, would.money) == ({Reason.SPEND_CAP: 3}, Decimal("0.018"))


def test_what_was_moved_is_dearer_where_it_would_have_stayed() -> None:
    life = month(Pattern.SOFT, 550)
    assert [call.model for call in life.ledger] == ["large", "large", "small", "small", "small"]
    would = tried(life, Limit(5_000)).trials[0].tally
    assert (would.degraded, would.money) == (0, Decimal("0.045"))


def test_a_model_without_a_price_would_have_been_refused_and_not_free() -> None:
    """COST-4"""
    life = month()
    trial = Trial(Gate({TIER: Limit(550, Pattern.SOFT)}, life.cap), "secret", price_of)
    done = Replay(Gate({TIER: Limit(1_000)}, life.cap), {}, [trial])
    for call in life.ledger:
        done.take(call)
    assert trial.tally.refused == {Reason.UNKNOWN_PRICE: 3}


def test_a_call_that_never_ended_goes_on_to_hold() -> None:
    life = month(count=2)
    ledger = [replace(life.ledger[0], ended_at=None, used_input=None, used_output=None, cost=None), life.ledger[1]]
    gate = Gate({TIER: Limit(350, Pattern.HARD)}, life.cap)
    found, _ = replay(ledger, Gate({TIER: Limit(1_000)}, life.cap), gate)
    assert [(a.decision, a.output) for a in found] == [(Decision.ADMITTED, 100), (Decision.ADMITTED, 50)]


def replay_of(world: World, *wishes: Wish) -> Replayed:
    month, gate = month_at(NOW, "UTC"), gate_or_refuse(world.workload)
    return replayed(world.workload, month, gate, wishes, prices_of(world.workload, month))


def test_calls_in_flight_at_once_are_replayed_with_their_holds(world: World) -> None:
    """The real ledger, with calls that overlap: each is decided as it was."""
    for model in ("sonnet-4.5", "haiku-4.5"):
        priced(world, model, NOW.date(), "1", "5", now=NOW)
    gated(world, ceiling=700, pattern=Pattern.SOFT)
    now = NOW
    for number in range(5):
        found = held(world, now=now, budget=HAIKU, user_key="u1" if number % 3 else "u2")
        overlapping = held(world, now=now + timedelta(seconds=1), budget=HAIKU)
        settled(world, found, 50, 40, now=now + timedelta(seconds=2))
        settled(world, overlapping, 50, 100, now=now + timedelta(seconds=3))
        now += timedelta(minutes=1)
    with tenant_transaction(world.tenant.id):
        rows = list(calls(world.workload, month_at(NOW, "UTC"), 100))
        assert {call.decision for call in rows} == {Decision.ADMITTED, Decision.DEGRADED}
        tier = TierGate.objects.get().tier_id
        limits = Gate({tier: Limit(700)}, Decimal(1_000))
        done = Replay(limits, {}, [Trial(limits, "haiku-4.5", price_of)])
        decided = [done.take(call)[0] for call in rows]
        assert [(a.decision, a.model, a.output) for a in decided] == [(c.decision, c.model, c.output) for c in rows]
        found_again = replay_of(world, Wish(), Wish(ceiling=200))
    assert (
        found_again.tried[0].degraded
        == found_again.was.degraded
        == sum(call.decision is Decision.DEGRADED for call in rows)
    )
    assert found_again.tried[1].degraded > found_again.was.degraded


def test_a_replay_says_when_it_looked_at_a_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gated(world, ceiling=100_000)
    for _ in range(3):
        settled(world, held(world), 50, 10)
    monkeypatch.setattr("apps.budgets.whatif.queries.MOST_CALLS", 4)
    with tenant_transaction(world.tenant.id):
        whole, part = (replay_of(world, *[Wish()] * n) for n in (1, 2))
        assert Reservation.objects.count() == 3
    assert (whole.was.calls, whole.is_cut) == (3, False)
    assert (part.was.calls, part.is_cut, part.limit) == (2, True, 2)


def test_a_replay_writes_nothing(world: World) -> None:
    gated(world)
    settled(world, held(world), 50, 10)
    with tenant_transaction(world.tenant.id):
        before = list(Reservation.objects.values()), list(TierGate.objects.values())
        replay_of(world, Wish(ceiling=1, spend_cap=Decimal(0)))
        assert before == (list(Reservation.objects.values()), list(TierGate.objects.values()))
