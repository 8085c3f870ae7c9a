"""COST-3, COST-4 over real connections: many at once pass no cap, and each alert is written once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from apps.budgets import counters as ledger
from apps.budgets import settling
from apps.budgets.models import BudgetAlert, Reservation
from apps.budgets.reserving import Held, reserve
from apps.budgets.rules import Decision, Pattern
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import HAIKU, asked, counters, gated, held, purse, settled
from tests.world import NOW, World


def at_once(act: Any, many: int, workers: int = 16) -> list[Any]:
    def run(number: int) -> Any:
        try:
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(many)))


def test_fifty_calls_at_once_hold_no_token_past_the_cap(live_world: World) -> None:
    gated(live_world, ceiling=1_000)
    found: list[Held] = at_once(lambda n: held(live_world), 50)
    admitted = [each for each in found if each.decision is Decision.ADMITTED]
    # Six of 150 and one that is cut to the hundred that is left: its input and fifty to say something.
    assert sorted(each.held for each in admitted) == [100, 150, 150, 150, 150, 150, 150]
    assert counters(live_world) == (0, 1_000)
    with tenant_transaction(live_world.tenant.id):
        assert ledger.differences(live_world.tenant.id) == []


def test_many_users_at_once_spend_no_money_past_the_cap(live_world: World) -> None:
    gated(live_world, ceiling=10**6, cap=Decimal("0.02"))
    at_once(lambda n: held(live_world, user_key=f"u{n}"), 40)
    spent, earmarked = purse(live_world)
    assert spent == 0
    # Twelve whole calls at 0.00165 are 0.0198; what is left holds no further input.
    assert earmarked == Decimal("0.0198")


@pytest.mark.parametrize("pattern", [Pattern.HARD, Pattern.SOFT])
def test_the_same_attempt_from_many_connections_holds_once(live_world: World, pattern: Pattern) -> None:
    gated(live_world, pattern=pattern)
    ask = asked(live_world, budget=HAIKU)
    found = at_once(lambda n: reserve(ask), 20)
    assert len({each.id for each in found}) == 1
    assert [each.is_repeated for each in found].count(False) == 1
    assert counters(live_world) == (0, 150)


def test_each_alert_is_written_once_however_many_settle_at_once(live_world: World) -> None:
    """COST-3: fifty settlements take a user from nothing past every threshold."""
    gated(live_world, ceiling=7_500)
    holds = [held(live_world) for _ in range(50)]
    at_once(lambda n: settled(live_world, holds[n], 50, 100), 50)
    assert counters(live_world) == (7_500, 0)
    with tenant_transaction(live_world.tenant.id):
        alerts = BudgetAlert.objects.order_by("place")
        assert [(row.place, row.threshold) for row in alerts] == [(1, 70), (2, 90), (3, 100)]
        assert min(row.used / row.ceiling for row in alerts) >= 0.5
        topics = OutboxMessage.objects.filter(topic__startswith="budget.").values_list("topic", flat=True)
        assert sorted(topics) == ["budget.banner", "budget.mail", "budget.notice", "budget.reached"]
        assert ledger.differences(live_world.tenant.id) == []


def test_settling_from_many_connections_counts_once(live_world: World) -> None:
    gated(live_world)
    hold = held(live_world)
    found = at_once(lambda n: settled(live_world, hold, 50, 40).is_repeated, 20)
    assert found.count(False) == 1
    assert counters(live_world) == (90, 0)


def test_settling_and_holding_at_once_never_wait_for_each_other_in_a_circle(live_world: World) -> None:
    gated(live_world, ceiling=10**6)
    holds = [held(live_world, user_key=f"u{n % 4}") for n in range(40)]

    def act(number: int) -> None:
        if number % 2:
            settled(live_world, holds[number], 50, 10)
        else:
            held(live_world, user_key=f"u{number % 4}")

    at_once(act, 40)
    with tenant_transaction(live_world.tenant.id):
        assert Reservation.objects.filter(state="settled").count() == 20
        assert ledger.differences(live_world.tenant.id) == []


def test_expiring_and_holding_at_once_never_wait_for_each_other_in_a_circle(live_world: World) -> None:
    gated(live_world, ceiling=10**6)
    holds = [held(live_world, user_key=f"u{n % 4}") for n in range(40)]

    def act(number: int) -> Decision | int:
        if number % 4:
            return held(live_world, user_key=f"u{number % 4}").decision
        with tenant_transaction(live_world.tenant.id):
            later = NOW + timedelta(minutes=10)
            return settling.expire(
                tenant_id=live_world.tenant.id, ids=[each.id for each in holds if each.id], now=later
            )

    found = at_once(act, 40)
    assert found.count(Decision.ADMITTED) == 30, "none was blocked"
    assert sum(each for each in found if isinstance(each, int)) == 40, "each expired once"
    with tenant_transaction(live_world.tenant.id):
        assert ledger.differences(live_world.tenant.id) == []


def test_rebuilding_while_calls_are_held_gives_what_the_ledger_says(live_world: World) -> None:
    gated(live_world, ceiling=10**6)

    def act(number: int) -> None:
        if number % 5 == 0:
            with tenant_transaction(live_world.tenant.id):
                assert ledger.rebuild(live_world.tenant.id) == []
        else:
            held(live_world, user_key=f"u{number % 4}")

    at_once(act, 40)
    with tenant_transaction(live_world.tenant.id):
        assert ledger.differences(live_world.tenant.id) == []
