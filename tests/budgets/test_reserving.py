"""COST-4: what is held, to the token; the database decides as the written rule does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.budgets import counters as ledger
from apps.budgets.actions import Brake
from apps.budgets.models import Closure, Reservation, TierGate, UserMonth, WorkloadMonth
from apps.budgets.reserving import reserve
from apps.budgets.rules import Decision, Offer, Pattern, Reason, Standing, admit
from apps.budgets.settling import Outcome
from portal.errors import Conflict
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import HAIKU, SONNET, asked, counters, gated, held, purse, settled
from tests.world import NOW, World


def test_a_call_holds_its_input_and_the_output_it_may_have(world: World) -> None:
    gated(world)
    found = held(world)
    assert (found.decision, found.reason, found.model, found.output) == (
        Decision.ADMITTED,
        Reason.WITHIN,
        "sonnet-4.5",
        100,
    )
    assert (found.ceiling, found.settled_total, found.held_total) == (1_000, 0, 150)
    assert counters(world) == (0, 150)
    assert purse(world) == (0, Decimal("0.001650000000"))


def test_the_output_is_cut_to_what_is_left_and_then_nothing_is_admitted(world: World) -> None:
    gated(world, ceiling=200)
    held(world)
    second = held(world, input_tokens=20)
    assert (second.decision, second.reason, second.output) == (Decision.ADMITTED, Reason.CUT, 30)
    third = held(world, input_tokens=1)
    assert (third.decision, third.reason, third.id) == (Decision.REFUSED, Reason.HARD_CAP, None)
    assert counters(world) == (0, 200), "a refusal holds nothing"
    assert held(world, user_key="u2").decision is Decision.ADMITTED, "ceilings are per user"


def test_without_a_complete_gate_the_answer_is_the_fallback(world: World) -> None:
    """COST-9"""
    assert held(world).reason is Reason.GATE_INCOMPLETE
    gated(world)
    with tenant_transaction(world.tenant.id):
        assert not Reservation.objects.exists()


def test_another_tenants_gate_is_none_of_ours(world: World) -> None:
    gated(world, workload=world.foreign)
    assert held(world).reason is Reason.GATE_INCOMPLETE
    with tenant_transaction(world.other.id):
        assert not UserMonth.objects.exists()


def test_a_soft_cap_degrades_and_says_so(world: World) -> None:
    gated(world, ceiling=200, pattern=Pattern.SOFT)
    assert held(world, budget=HAIKU).decision is Decision.ADMITTED
    found = held(world, budget=HAIKU)
    assert (found.decision, found.reason, found.model) == (Decision.DEGRADED, Reason.SOFT_CAP, "haiku-4.5")
    assert found.disclosure == "A smaller model answered."
    assert counters(world) == (0, 300)


def test_a_workload_that_may_not_degrade_is_refused_at_a_soft_cap(world: World) -> None:
    """COST-7: no budget model is offered, so none answers."""
    gated(world, ceiling=200, pattern=Pattern.SOFT)
    held(world)
    found = held(world)
    assert (found.decision, found.reason) == (Decision.REFUSED, Reason.HARD_CAP)


def test_metered_without_an_opt_in_is_a_hard_cap(world: World) -> None:
    """COST-2"""
    gated(world, ceiling=150, pattern=Pattern.METERED)
    held(world)
    assert held(world).reason is Reason.HARD_CAP
    with tenant_transaction(world.tenant.id):
        TierGate.objects.update(opted_in_until=NOW + timedelta(days=1))
    assert held(world).decision is Decision.OVERAGE
    assert held(world, now=NOW + timedelta(days=1)).reason is Reason.HARD_CAP, "an opt-in ends"


def test_the_spend_cap_stands_above_every_pattern(world: World) -> None:
    """COST-1: 0.00165 for a call; one and a bit fit."""
    gated(world, ceiling=150, pattern=Pattern.SOFT, cap=Decimal("0.01"))
    with tenant_transaction(world.tenant.id):
        WorkloadMonth.objects.create(
            tenant=world.tenant, workload=world.workload, month="2026-11@UTC", spent=Decimal("0.0080")
        )
    first = held(world, budget=HAIKU)
    assert (first.decision, first.output) == (Decision.ADMITTED, 100)
    second = held(world, budget=HAIKU, user_key="u2")
    # 0.00035 is left: 0.00015 for the input, and 13 tokens of output at 0.000015, too few to say anything.
    assert (second.decision, second.reason) == (Decision.REFUSED, Reason.SPEND_CAP)
    third = held(world, budget=HAIKU)
    # The budget model: 0.00005 for its input, and 60 tokens at 0.000005.
    assert (third.decision, third.output) == (Decision.DEGRADED, 60)
    assert purse(world)[1] == Decimal("0.002")


def test_an_unknown_price_is_refused_on_a_money_cap_and_never_free(world: World) -> None:
    gated(world)
    found = held(world, primary=replace(SONNET, output_price=None))
    assert (found.decision, found.reason) == (Decision.REFUSED, Reason.UNKNOWN_PRICE)
    assert counters(world) == (0, 0)


def test_the_same_attempt_again_holds_once(world: World) -> None:
    gated(world)
    ask = asked(world)
    first, again = reserve(ask), reserve(replace(ask, id=asked(world).id))
    assert (again.id, again.output, again.is_repeated) == (first.id, first.output, True)
    assert counters(world) == (0, 150)
    with pytest.raises(Conflict):
        reserve(replace(ask, user_key="u2"))
    with pytest.raises(Conflict):
        reserve(replace(ask, input_tokens=51))


def test_the_same_idempotency_key_is_the_same_request(world: World) -> None:
    gated(world)
    first = held(world, idempotency_key="k")
    again = held(world, idempotency_key="k")
    assert (again.id, again.request_id, again.is_repeated) == (first.id, first.request_id, True)
    other = held(world, idempotency_key="k", credential=asked(world).id)
    assert other.id != first.id, "a key is its sender's own"
    assert counters(world) == (0, 300)


def test_a_request_and_a_session_that_run_away_are_stopped(world: World) -> None:
    """COST-10, whatever the monthly budget says."""
    gated(world, ceiling=1_000_000, brake=Brake(request_calls=2, session_tokens=500))
    request = asked(world).request_id
    assert held(world, request_id=request).decision is Decision.ADMITTED
    assert held(world, request_id=request, attempt=2).decision is Decision.ADMITTED
    third = held(world, request_id=request, attempt=3)
    assert (third.decision, third.reason) == (Decision.REFUSED, Reason.RUNAWAY)
    for _ in range(3):
        assert held(world, session="s").decision is Decision.ADMITTED
    assert held(world, session="s").reason is Reason.RUNAWAY
    assert held(world, session="s2").decision is Decision.ADMITTED
    assert held(world, session="s", user_key="u2").decision is Decision.ADMITTED, "a session is its user's"


def test_what_was_used_counts_for_the_brake_and_what_was_never_sent_does_not(world: World) -> None:
    gated(world, ceiling=1_000_000, brake=Brake(session_tokens=300))
    settled(world, held(world, session="s"), 50, 10)
    settled(world, held(world, session="s"), None, None, outcome=Outcome.NOT_SENT)
    assert held(world, session="s").decision is Decision.ADMITTED, "60 used and 150 wanted"
    assert held(world, session="s").reason is Reason.RUNAWAY, "60 used, 150 held and 150 wanted"


def test_a_money_brake_counts_money(world: World) -> None:
    gated(world, ceiling=1_000_000, brake=Brake(request_money=Decimal("0.01")))
    request = asked(world).request_id
    got = [held(world, request_id=request, attempt=n).decision for n in range(1, 8)]
    assert got == [Decision.ADMITTED] * 6 + [Decision.REFUSED], "six of 0.00165 are 0.0099"


def test_a_token_that_spent_too_much_is_shut_out(world: World) -> None:
    gated(world)
    settled(world, held(world), 50, 101)
    assert held(world).reason is Reason.CLOSED
    assert held(world, credential=asked(world).id).decision is Decision.ADMITTED
    with tenant_transaction(world.tenant.id):
        assert [closure.over for closure in Closure.objects.all()] == [1]


PATTERNS = st.sampled_from(list(Pattern))
PRICES = st.one_of(st.none(), st.integers(0, 40).map(lambda n: Decimal(n) / 1_000_000))


@given(
    pattern=PATTERNS,
    has_opted_in=st.booleans(),
    ceiling=st.integers(1, 400),
    used=st.tuples(st.integers(0, 300), st.integers(0, 300)),
    cap=st.integers(0, 400).map(lambda n: Decimal(n) / 100_000),
    input_tokens=st.integers(1, 200),
    outputs=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    prices=st.tuples(PRICES, PRICES, PRICES, PRICES),
    has_budget=st.booleans(),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_database_decides_as_the_rule_does(
    world: World,
    pattern: Pattern,
    has_opted_in: bool,
    ceiling: int,
    used: tuple[int, int],
    cap: Decimal,
    input_tokens: int,
    outputs: tuple[int, int],
    prices: tuple[Decimal | None, ...],
    has_budget: bool,
) -> None:
    with transaction.atomic():
        primary = Offer("sonnet-4.5", outputs[0], prices[0], prices[1])
        budget = Offer("haiku-4.5", outputs[1], prices[2], prices[3]) if has_budget else None
        gated(world, ceiling=ceiling, pattern=pattern, cap=cap.quantize(Decimal("0.01")))
        with tenant_transaction(world.tenant.id):
            opted = NOW + timedelta(days=1) if has_opted_in else None
            TierGate.objects.update(opted_in_until=opted)
            UserMonth.objects.create(
                tenant=world.tenant,
                workload=world.workload,
                month="2026-11@UTC",
                user_key="u1",
                settled=used[0],
                held=used[1],
            )
        effective = pattern if pattern is not Pattern.METERED or has_opted_in else Pattern.HARD
        standing = Standing(ceiling, *used, cap.quantize(Decimal("0.01")), Decimal(0), Decimal(0))
        wanted = admit(pattern=effective, standing=standing, input_tokens=input_tokens, primary=primary, budget=budget)
        found = held(world, input_tokens=input_tokens, primary=primary, budget=budget)
        assert (found.decision, found.reason, found.model, found.output) == (
            wanted.decision,
            wanted.reason,
            wanted.model,
            wanted.output,
        )
        if wanted.decision is Decision.ADMITTED:
            assert used[0] + used[1] + found.held <= ceiling
        with tenant_transaction(world.tenant.id):
            money = sum((row.held_money for row in Reservation.objects.all()), Decimal(0))
            assert money == (wanted.cost or 0) and money <= max(cap.quantize(Decimal("0.01")), Decimal(0))
        transaction.set_rollback(True)


def test_counters_are_what_the_ledger_says_and_are_made_anew_from_it(world: World) -> None:
    gated(world)
    settled(world, held(world), 50, 60)
    held(world, user_key="u2")
    with tenant_transaction(world.tenant.id):
        assert ledger.differences(world.tenant.id) == []
        before = sorted(UserMonth.objects.values_list("user_key", "settled", "held"))
        UserMonth.objects.filter(user_key="u1").update(settled=7)
        WorkloadMonth.objects.update(spent=1, held=0)
        found = ledger.differences(world.tenant.id)
        assert [(d.user_key, d.counted[0]) for d in found] == [("u1", 7), ("", 1)]
        assert ledger.rebuild(world.tenant.id) == found
        assert sorted(UserMonth.objects.values_list("user_key", "settled", "held")) == before
        assert ledger.differences(world.tenant.id) == []
