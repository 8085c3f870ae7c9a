"""COST-4 under any order of events: a hard cap is never passed, and counters are the sums of the ledger."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from apps.budgets import counters as ledger
from apps.budgets import settling
from apps.budgets.models import BudgetAlert, Closure, Reservation, TierGate, UserMonth
from apps.budgets.months import month_at
from apps.budgets.reserving import Ask, reserve
from apps.budgets.rules import Decision, Reason
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import asked, gated
from tests.world import SETUP, World

BEGIN = datetime.fromisoformat("2026-11-29T12:00:00+00:00")
USERS = st.sampled_from(["u1", "u2"])


class Ledger(RuleBasedStateMachine):
    """Two users of one workload with a hard cap, over a month's end."""

    world: World
    holds: Any = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.now, self.ceiling = BEGIN, 600
        self.bound: dict[tuple[str, str], int] = {}
        self.asks: dict[UUID, Ask] = {}
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize()
    def gate(self) -> None:
        gated(self.world, ceiling=self.ceiling)

    @rule(target=holds, user=USERS, input_tokens=st.integers(1, 120), output=st.integers(1, 200))
    def reserve(self, user: str, input_tokens: int, output: int) -> Any:
        ask = asked(self.world, now=self.now, user_key=user, input_tokens=input_tokens)
        ask = _with_output(ask, output)
        found = reserve(ask)
        if found.id is None:
            assert (found.decision, found.reason) in {
                (Decision.REFUSED, Reason.HARD_CAP),
                (Decision.REFUSED, Reason.CLOSED),
            }
            return multiple()
        settled, held = self._standing(user, ask.month)
        assert settled + held <= self.ceiling, "at the moment of an admission the cap holds"
        key = (user, ask.month)
        self.bound[key] = max(self.bound.get(key, 0), self.ceiling)
        self.asks[found.id] = ask
        return found.id

    @rule(hold=holds)
    def reserve_again(self, hold: UUID) -> None:
        before = self._all()
        assert reserve(self.asks[hold]).id == hold
        assert self._all() == before, "a repeat changes nothing"

    @rule(hold=holds, share=st.floats(0, 1))
    def settle(self, hold: UUID, share: float) -> None:
        row = self._row(hold)
        used_in = row.asked_input
        used_out = int(row.output * share)
        self._settle(row, used_in, used_out)

    @rule(hold=holds)
    def settle_twice(self, hold: UUID) -> None:
        row = self._row(hold)
        if row.state == "settled":
            before = self._all()
            assert self._settle(row, row.used_input, row.used_output)
            with pytest.raises(Refused):
                self._use(row, (row.used_input or 0) + 1, row.used_output)
            assert self._all() == before

    @rule(hold=holds, over=st.integers(1, 50))
    def overspend(self, hold: UUID, over: int) -> None:
        row = self._row(hold)
        if row.state in {"held", "estimated"}:
            self.bound[(row.user_key, row.month)] += over
            self._settle(row, row.asked_input, row.output + over)
            with tenant_transaction(self.world.tenant.id):
                assert Closure.objects.filter(opened_at=None).count() == 1
                Closure.objects.update(opened_at=self.now)

    @rule(hold=consumes(holds))
    def release(self, hold: UUID) -> None:
        row = self._row(hold)
        if row.state in {"held", "estimated"}:
            self._use(row, None, None, outcome=settling.Outcome.NOT_SENT)

    @rule(hold=holds, used=st.integers(0, 100))
    def correct(self, hold: UUID, used: int) -> None:
        row = self._row(hold)
        if row.state in {"estimated", "settled"}:
            self.bound[(row.user_key, row.month)] += max(0, used - row.held)
            with tenant_transaction(self.world.tenant.id):
                settling.correct(
                    reservation=row, input_tokens=used, output_tokens=0, actor=SETUP, reason="the bill", now=self.now
                )

    @rule(minutes=st.sampled_from([1, 11, 60 * 24]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        with tenant_transaction(self.world.tenant.id):
            due = Reservation.objects.filter(state="held", expires_at__lte=self.now).values_list("id", flat=True)
            assert settling.expire(tenant_id=self.world.tenant.id, ids=list(due), now=self.now) == len(due) or not due

    @rule(ceiling=st.sampled_from([100, 300, 600, 900]))
    def ceiling_changes(self, ceiling: int) -> None:
        self.ceiling = ceiling
        with tenant_transaction(self.world.tenant.id):
            TierGate.objects.update(ceiling=ceiling)

    @invariant()
    def counters_are_the_ledger(self) -> None:
        with tenant_transaction(self.world.tenant.id):
            assert ledger.differences(self.world.tenant.id) == []

    @invariant()
    def no_cap_is_passed(self) -> None:
        for key, (settled, held) in self._all().items():
            assert settled + held <= self.bound.get(key, 0), key

    @invariant()
    def each_alert_stands_once(self) -> None:
        with tenant_transaction(self.world.tenant.id):
            rows = list(BudgetAlert.objects.values_list("user_key", "month", "place"))
            assert len(rows) == len(set(rows))
            assert all(used * 2 >= ceiling for used, ceiling in BudgetAlert.objects.values_list("used", "ceiling"))

    def _row(self, hold: UUID) -> Reservation:
        with tenant_transaction(self.world.tenant.id):
            return Reservation.objects.select_related("workload").get(id=hold)

    def _settle(self, row: Reservation, used_in: int | None, used_out: int | None) -> bool:
        """True where it counts; a person's correction and other figures stand against it."""
        try:
            self._use(row, used_in, used_out)
        except Refused:
            return False
        return True

    def _use(self, row: Reservation, used_in: int | None, used_out: int | None, **used: Any) -> None:
        if row.state == "released":
            # What was given back and then turns out to be spent is a violation, in full.
            self.bound[(row.user_key, row.month)] += (used_in or 0) + (used_out or 0)
        with tenant_transaction(self.world.tenant.id):
            settling.settle(reservation=row, used=settling.Used(used_in, used_out, **used), prices=None, now=self.now)
            if row.state == "released":
                Closure.objects.update(opened_at=self.now)

    def _standing(self, user: str, month: str) -> tuple[int, int]:
        return self._all().get((user, month), (0, 0))

    def _all(self) -> dict[tuple[str, str], tuple[int, int]]:
        with tenant_transaction(self.world.tenant.id):
            rows = UserMonth.objects.values_list("user_key", "month", "settled", "held")
            return {(user, month): (settled, held) for user, month, settled, held in rows}


def _with_output(ask: Ask, output: int) -> Ask:
    return replace(ask, primary=replace(ask.primary, output=output), month=month_at(ask.at, "UTC").key)


def test_no_order_of_events_passes_a_hard_cap_or_parts_counter_from_ledger(world: World) -> None:
    machine = type("Run", (Ledger,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
