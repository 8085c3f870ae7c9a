"""COST-4: the action record settles by (request id, attempt): once, whatever comes before, beside or after it."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.budgets import counters as ledger
from apps.budgets import settling
from apps.budgets.models import BudgetAlert, Closure, Entry, Reservation, UsageReport, UserMonth
from apps.budgets.reported import actions, queries
from apps.budgets.reported.actions import Report
from apps.budgets.reserving import Held
from apps.budgets.rules import Pattern
from apps.budgets.tasks import tick_reported
from portal.errors import Refused
from portal.ids import uuid7
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import counters, gated, held, purse, settled
from tests.budgets.test_races import at_once
from tests.world import NOW, SETUP, World, make_workload

PAGE = "/t/acme/workloads/W-01/cost/"
LATER = NOW + timedelta(minutes=11)


def said(world: World, hold: Held, used: tuple[int, int] = (50, 40), **changes: Any) -> Report:
    assert hold.request_id is not None
    facts: dict[str, Any] = {
        "workload_id": world.workload.id,
        "request_id": hold.request_id,
        "attempt": hold.attempt,
        "record_id": uuid7(),
        "input_tokens": used[0],
        "output_tokens": used[1],
    }
    return Report(**{**facts, **changes})


def recorded(world: World, *reports: Report, now: Any = NOW) -> None:
    """The records arrive, and what they report is settled."""
    with tenant_transaction(world.tenant.id):
        actions.keep(tenant_id=world.tenant.id, reports=reports, now=now)
        due = list(UsageReport.objects.filter(due_at__lte=now).order_by("id").values_list("id", flat=True))
    actions.settle_reported(tenant_id=world.tenant.id, ids=due, now=now)


def expired(world: World, now: Any = LATER) -> None:
    with tenant_transaction(world.tenant.id):
        due = Reservation.objects.filter(state="held", expires_at__lte=now).values_list("id", flat=True)
        settling.expire(tenant_id=world.tenant.id, ids=list(due), now=now)


def row(world: World, hold: Held) -> Reservation:
    with tenant_transaction(world.tenant.id):
        return Reservation.objects.get(id=hold.id)


def misfits(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        assert not UsageReport.objects.exclude(due_at=None).exists(), "nothing waits"
        return list(UsageReport.objects.order_by("created_at", "id").values_list("misfit", flat=True))


def test_a_record_settles_the_hold_of_its_request_and_attempt(world: World) -> None:
    gated(world)
    hold = held(world)
    recorded(world, said(world, hold))
    assert counters(world) == (90, 0)
    assert purse(world) == (Decimal("0.00075"), 0)
    found = row(world, hold)
    assert (found.state, found.used_input, found.used_output, found.cost) == ("settled", 50, 40, Decimal("0.00075"))
    assert misfits(world) == []


def test_another_attempt_of_the_request_is_another_call(world: World) -> None:
    gated(world)
    first = held(world)
    second = held(world, request_id=first.request_id, attempt=2)
    recorded(world, said(world, second, (10, 5)))
    assert (row(world, first).state, row(world, second).state) == ("held", "settled")
    assert counters(world) == (15, 150)


def test_the_model_that_answered_is_charged_at_its_own_price(world: World) -> None:
    gated(world)
    known, unknown = held(world), held(world)
    recorded(world, said(world, known, model="gpt-4o-mini"), said(world, unknown, model="nobody-knows"))
    assert row(world, known).cost == Decimal("0.0000315")
    assert row(world, unknown).cost is None, "unknown is unknown, never 0"
    assert purse(world) == (Decimal("0.0000315") + row(world, unknown).held_money, 0)


STEPS: dict[str, Callable[[World, Held], object]] = {
    "settle": lambda world, hold: settled(world, hold, 50, 40),
    "settle again": lambda world, hold: settled(world, hold, 50, 40),
    "record": lambda world, hold: recorded(world, said(world, hold)),
    "its repeat": lambda world, hold: recorded(world, said(world, hold)),
    "no usage": lambda world, hold: settled(world, hold, None, None),
    "expiry": lambda world, hold: expired(world),
}


@pytest.mark.parametrize("pattern", list(Pattern))
def test_no_order_of_settling_records_repeats_and_expiry_changes_what_comes_out(world: World, pattern: Pattern) -> None:
    gated(world, pattern=pattern)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.permutations(list(STEPS)), without=st.sampled_from(["", "settle", "record", "expiry"]))
    def check(steps: list[str], without: str) -> None:
        with transaction.atomic():
            hold = held(world)
            for step in steps:
                if step != without:
                    STEPS[step](world, hold)
            found = row(world, hold)
            assert (found.state, found.used_input, found.used_output) == ("settled", 50, 40)
            assert (counters(world), purse(world)) == ((90, 0), (Decimal("0.00075"), 0))
            assert misfits(world) == []
            with tenant_transaction(world.tenant.id):
                assert Entry.objects.filter(kind="settle").count() == 1
                assert ledger.differences(world.tenant.id) == []
            transaction.set_rollback(True)

    check()


def test_other_figures_than_what_is_settled_count_nothing_and_are_kept(world: World) -> None:
    gated(world)
    hold = held(world)
    settled(world, hold, 50, 40)
    recorded(world, said(world, hold, (50, 41)))
    recorded(world, said(world, hold, (50, 42)))
    assert counters(world) == (90, 0)
    assert misfits(world) == ["other_figures"], "one of a kind for an attempt: the records stand where records stand"
    with tenant_transaction(world.tenant.id):
        (kept,) = queries.misfits(world.workload)
        assert (kept.input_tokens, kept.output_tokens, kept.reservation.used_output) == (50, 41, 40)


def test_late_usage_takes_the_place_of_the_estimate_in_the_month_of_the_admission(world: World) -> None:
    gated(world)
    hold = held(world, month="2026-11@UTC")
    expired(world)
    assert counters(world) == (150, 0), "a hard cap counts it in full"
    december = NOW + timedelta(days=20)
    recorded(world, said(world, hold), now=december)
    with tenant_transaction(world.tenant.id):
        assert list(UserMonth.objects.values_list("month", "settled", "held")) == [("2026-11@UTC", 90, 0)]
    assert row(world, hold).state == "settled"


def test_what_a_person_corrected_takes_nothing(world: World) -> None:
    gated(world)
    hold, same = held(world), held(world)
    expired(world)
    for each in (hold, same):
        with tenant_transaction(world.tenant.id):
            settling.correct(
                reservation=row(world, each), input_tokens=50, output_tokens=1, actor=SETUP, reason="bill", now=LATER
            )
    recorded(world, said(world, hold), said(world, same, (50, 1)), now=LATER)
    assert counters(world) == (102, 0)
    assert misfits(world) == ["corrected"]


def test_a_correction_between_a_record_and_its_settlement_stands(world: World) -> None:
    gated(world)
    hold = held(world)
    expired(world)
    with tenant_transaction(world.tenant.id):
        actions.keep(tenant_id=world.tenant.id, reports=[said(world, hold)], now=LATER)
        settling.correct(
            reservation=row(world, hold), input_tokens=50, output_tokens=40, actor=SETUP, reason="bill", now=LATER
        )
    recorded(world, now=LATER)
    assert (counters(world), misfits(world)) == ((90, 0), [])


def test_more_than_was_held_is_charged_in_full_alerts_and_shuts_the_token_out(world: World) -> None:
    gated(world)
    hold = held(world)
    recorded(world, said(world, hold, (50, 151)))
    assert counters(world) == (201, 0)
    with tenant_transaction(world.tenant.id):
        assert Closure.objects.get().over == 51
        assert OutboxMessage.objects.get(topic="alert.raise").payload["severity"] == "critical"
    assert held(world).reason == "admissions_closed"


def test_a_record_writes_the_alerts_that_it_makes_due(world: World) -> None:
    gated(world, ceiling=150)
    recorded(world, said(world, held(world), (50, 90)))
    with tenant_transaction(world.tenant.id):
        assert [alert.place for alert in BudgetAlert.objects.order_by("place")] == [1, 2]


def test_another_workloads_record_settles_nothing_and_is_seen(world: World) -> None:
    gated(world)
    hold = held(world)
    with tenant_transaction(world.tenant.id):
        other, _, _ = make_workload(world.tenant, world.alice, "W-02")
    recorded(world, said(world, hold, workload_id=other.id))
    assert (row(world, hold).state, counters(world)) == ("held", (0, 150))
    assert misfits(world) == ["other_workload"]
    with tenant_transaction(world.tenant.id):
        assert [found.workload_id for found in queries.misfits(other)] == [other.id]
        assert not queries.misfits(world.workload)


def test_an_attempt_that_held_nothing_is_seen(world: World) -> None:
    """A further call of an admitted request that nobody reserved: no ledger knows what it spent."""
    gated(world)
    hold = held(world)
    recorded(world, said(world, hold, attempt=2), said(world, hold, attempt=2_000_000_000))
    assert (misfits(world), counters(world)) == (["not_held", "not_held"], (0, 150))


def test_requests_that_were_never_admitted_are_nobodys_business(world: World) -> None:
    gated(world)
    recorded(world, said(world, held(world), request_id=uuid7()))
    assert (misfits(world), counters(world)) == ([], (0, 150))


def test_an_impossible_figure_settles_nothing_and_is_seen(world: World) -> None:
    gated(world)
    hold = held(world)
    recorded(world, said(world, hold, (2**31 - 1, 1)))
    assert (row(world, hold).state, misfits(world)) == ("held", ["impossible"])


def test_keeping_costs_two_statements_however_many_and_none_without_any(
    world: World, django_assert_num_queries: Any
) -> None:
    gated(world, ceiling=10_000)
    holds = [held(world) for _ in range(3)]
    with tenant_transaction(world.tenant.id):
        for reports, statements in ([], 0), (holds[:1], 2), (holds, 2):
            with django_assert_num_queries(statements):
                actions.keep(tenant_id=world.tenant.id, reports=[said(world, hold) for hold in reports], now=NOW)


def test_one_that_fails_is_tried_again_while_the_others_are_settled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated(world)
    bad, good = held(world), held(world)
    real = settling.settle

    def failing(*, reservation: Reservation, **rest: Any) -> Any:
        if reservation.id == bad.id:
            raise RuntimeError("for a test")
        return real(reservation=reservation, **rest)

    monkeypatch.setattr(actions, "settle", failing)
    recorded(world, said(world, bad), said(world, good))
    assert (row(world, bad).state, row(world, good).state) == ("held", "settled")
    with tenant_transaction(world.tenant.id):
        waiting = UsageReport.objects.get()
        assert (waiting.tries, waiting.due_at) == (1, NOW + timedelta(seconds=2))
    monkeypatch.setattr(actions, "settle", real)
    recorded(world, now=NOW + timedelta(seconds=1))
    assert row(world, bad).state == "held", "not before it is due"
    recorded(world, now=NOW + timedelta(seconds=2))
    assert (row(world, bad).state, misfits(world)) == ("settled", [])


def test_what_is_due_is_found_by_the_tick(live_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gated(live_world)
    hold = held(live_world)
    with tenant_transaction(live_world.tenant.id):
        actions.keep(tenant_id=live_world.tenant.id, reports=[said(live_world, hold)], now=NOW - timedelta(days=1))
    handed: list[dict[str, Any]] = []
    monkeypatch.setattr("apps.budgets.tasks.settle_reported.delay", lambda **given: handed.append(given))
    tick_reported()
    (given_,) = handed
    assert given_["tenant_id"] == str(live_world.tenant.id) and len(given_["ids"]) == 1
    assert isinstance(UUID(given_["ids"][0]), UUID)


def test_the_same_record_from_many_beside_a_settlement_counts_once(live_world: World) -> None:
    """Eight senders, eight tasks and the settlement of the call itself, all at once."""
    gated(live_world, ceiling=10**6)
    hold = held(live_world)
    report = said(live_world, hold)

    def act(number: int) -> None:
        if number % 3 == 2:
            settled(live_world, hold, 50, 40)
            return
        with tenant_transaction(live_world.tenant.id):
            actions.keep(tenant_id=live_world.tenant.id, reports=[report], now=NOW)
            due = list(UsageReport.objects.values_list("id", flat=True))
        actions.settle_reported(tenant_id=live_world.tenant.id, ids=due, now=NOW)

    at_once(act, 24, 8)
    recorded(live_world)
    assert counters(live_world) == (90, 0)
    assert misfits(live_world) == []
    with tenant_transaction(live_world.tenant.id):
        assert Entry.objects.filter(reservation=hold.id, kind="settle").count() == 1
        assert ledger.differences(live_world.tenant.id) == []


def test_batches_in_any_order_never_wait_for_each_other_in_a_circle(live_world: World) -> None:
    gated(live_world, ceiling=10**6)
    holds = [held(live_world, user_key=f"u{n % 4}") for n in range(24)]
    reports = [said(live_world, hold) for hold in holds]

    def act(number: int) -> None:
        if number % 4 == 3:
            held(live_world, user_key=f"u{number % 3}")
            return
        batch = reports[number:] + reports[:number]
        recorded(live_world, *(batch if number % 2 else batch[::-1]))

    at_once(act, 8, 8)
    recorded(live_world)
    with tenant_transaction(live_world.tenant.id):
        assert Reservation.objects.filter(state="settled").count() == 24
        assert ledger.differences(live_world.tenant.id) == []
    assert misfits(live_world) == []


def test_figures_that_come_second_are_refused_over_the_api_as_ever(world: World) -> None:
    gated(world)
    hold = held(world)
    recorded(world, said(world, hold))
    with pytest.raises(Refused):
        settled(world, hold, 50, 41)
    assert counters(world) == (90, 0)


@pytest.mark.parametrize("rows", [1, 3])
def test_its_people_see_what_does_not_fit_on_a_page_that_costs_the_same_at_one_row_and_at_three(
    world: World, rows: int, django_assert_num_queries: Any
) -> None:
    gated(world, ceiling=10_000)
    for _ in range(rows):
        hold = held(world)
        settled(world, hold, 50, 40)
        recorded(world, said(world, hold, (50, 1_234)), now=timezone.now())
    alice = Client()
    alice.force_login(world.alice)
    alice.get(PAGE)
    with django_assert_num_queries(12):
        page = alice.get(f"{PAGE}records/").content.decode()
    assert page.count("1,234") == rows
    assert f"Of {rows} call" in alice.get(PAGE).content.decode()


def test_the_same_over_the_api_for_its_people_alone(world: World) -> None:
    gated(world)
    hold = held(world)
    settled(world, hold, 50, 40)
    recorded(world, said(world, hold, (50, 41), model="m"))
    path = "/api/v1/t/acme/workloads/W-01/cost/misfits"
    client = Client(headers={"Authorization": f"Bearer {world.token('read', user=world.alice)}"})
    (found,) = client.get(path).json()["results"]
    wanted = {"misfit": "other_figures", "output_tokens": 41, "settled_output": 40, "attempt": 1, "model": "m"}
    assert {key: found[key] for key in wanted} == wanted
    assert found["request_id"] == str(hold.request_id)
    charlie = Client(headers={"Authorization": f"Bearer {world.token('read', user=world.charlie)}"})
    assert charlie.get(path).status_code == 404
