"""COST-4 over the wire: which records settle a held call, sent by whom, and what that costs the ingest."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.budgets import tasks
from apps.budgets.models import Reservation, UsageReport
from apps.budgets.reserving import Held
from apps.budgets.rules import Pattern
from apps.telemetry.models import Action
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import counters, gated, held
from tests.telemetry.test_ingest import START, body, send, span
from tests.world import World, make_workload

USED = {"gen_ai__usage__input_tokens": 50, "gen_ai__usage__output_tokens": 40}


@pytest.fixture
def hold(world: World) -> Held:
    gated(world, ceiling=10_000, pattern=Pattern.HARD)
    return held(world)


def of(hold: Held, **more: Any) -> dict[str, Any]:
    return {"causeway__request_id": str(hold.request_id), "causeway__attempt": hold.attempt, **USED, **more}


def settle_due(world: World) -> None:
    """What the tick has the tenant's task do."""
    with tenant_transaction(world.tenant.id):
        due = UsageReport.objects.filter(due_at__lte=timezone.now()).values_list("id", flat=True)
        ids = [str(each) for each in due]
    tasks.settle_reported(tenant_id=str(world.tenant.id), ids=ids)


def state(world: World, hold: Held) -> str:
    with tenant_transaction(world.tenant.id):
        return Reservation.objects.get(id=hold.id).state


def misfits(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        return [row.misfit for row in UsageReport.objects.filter(due_at=None)]


def test_a_span_with_request_and_attempt_settles_what_was_held(world: World, hold: Held) -> None:
    """Sent with another credential than the one that dispatched."""
    token = world.token("telemetry")
    assert send(body(span(0, **of(hold))), token).status_code == 200
    settle_due(world)
    assert (state(world, hold), counters(world)) == ("settled", (90, 0))
    send(body(span(0, **of(hold))), token)
    settle_due(world)
    assert (counters(world), misfits(world)) == ((90, 0), [])


def test_a_record_of_the_json_batch_settles_too(world: World, hold: Held) -> None:
    record = {
        "id": "a-1",
        "workload": "W-01",
        "started_at": datetime.now(UTC).isoformat(),
        "latency_ms": 80,
        "request_id": str(hold.request_id),
        "tokens_in": 50,
        "tokens_out": 40,
    }
    answer = Client().post(
        "/api/v1/t/acme/actions",
        {"records": [record]},
        content_type="application/json",
        headers={"Authorization": f"Bearer {world.token('telemetry')}"},
    )
    assert answer.json()["new"] == 1
    settle_due(world)
    assert (state(world, hold), counters(world)) == ("settled", (90, 0))


@pytest.mark.parametrize("missing", list(USED))
def test_missing_usage_is_missing_and_the_hold_stands(world: World, hold: Held, missing: str) -> None:
    said = {key: value for key, value in of(hold).items() if key != missing}
    send(body(span(0, **said)), world.token("telemetry"))
    settle_due(world)
    assert (state(world, hold), counters(world), misfits(world)) == ("held", (0, 150), [])


def test_what_carries_sums_settles_nothing(world: World, hold: Held) -> None:
    """An agent's span that is the record of an action, and a call with a call below it."""
    second = held(world, request_id=hold.request_id, attempt=2)
    agent, outer, inner = (
        span(0, **of(hold, causeway__action__kind="refund")),
        span(1, **of(hold)),
        span(2, **of(second)),
    )
    agent["attributes"][0]["value"] = {"stringValue": "invoke_agent"}
    outer["traceId"] = inner["traceId"] = agent["traceId"]
    outer["parentSpanId"], inner["parentSpanId"] = agent["spanId"], outer["spanId"]
    send(body(agent, outer, inner), world.token("telemetry"))
    settle_due(world)
    assert (state(world, hold), state(world, second)) == ("held", "settled")
    assert (counters(world), misfits(world)) == ((90, 150), [])


def test_a_record_that_claims_another_workloads_request_settles_nothing_and_is_seen(world: World, hold: Held) -> None:
    with tenant_transaction(world.tenant.id):
        other, _, _ = make_workload(world.tenant, world.alice, "W-02")
    claim = span(0, **of(hold))
    claim["attributes"][1]["value"] = {"stringValue": "W-02"}
    send(body(claim), world.token("telemetry", workload_ids=[other.id]))
    settle_due(world)
    assert (state(world, hold), misfits(world)) == ("held", ["other_workload"])


def test_a_token_that_is_bound_elsewhere_and_another_tenant_settle_nothing(world: World, hold: Held) -> None:
    with tenant_transaction(world.tenant.id):
        other, _, _ = make_workload(world.tenant, world.alice, "W-02")
    bound = send(body(span(0, **of(hold))), world.token("telemetry", workload_ids=[other.id]))
    assert bound.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert send(body(span(1, **of(hold))), world.token("telemetry", tenant=world.other)).json() == {}
    settle_due(world)
    assert (state(world, hold), misfits(world)) == ("held", [])
    with tenant_transaction(world.other.id):
        assert Action.objects.count() == 1 and not UsageReport.objects.exists()


@pytest.mark.parametrize("request_id", ["req-1", "", "x" * 36, "0193e0a0-0000-4000-8000-000000000001"])
def test_a_request_id_that_is_none_of_ours_is_stored_and_never_looked_up(world: World, request_id: str) -> None:
    said = {**USED, "causeway__request_id": request_id}
    with CaptureQueriesContext(connection) as captured:
        assert send(body(span(0, **said)), world.token("telemetry")).json() == {}
    assert not any("budgets_" in query["sql"] for query in captured)
    with tenant_transaction(world.tenant.id):
        assert Action.objects.count() == 1


def test_a_batch_costs_two_statements_more_however_many_calls_it_settles(world: World, hold: Held) -> None:
    token = world.token("telemetry")
    holds = [hold, *(held(world) for _ in range(4))]
    send(body(span(99)), token)

    def statements(*spans: dict[str, Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert send(body(*spans), token).json() == {}
        return len(captured)

    plain = statements(*(span(n) for n in range(3)))
    assert statements(span(10, **of(holds[0]))) == plain + 2
    assert statements(*(span(20 + n, **of(each)) for n, each in enumerate(holds[1:])), span(40)) == plain + 2
    settle_due(world)
    assert counters(world) == (450, 0)


def test_records_are_stored_whatever_becomes_of_their_settlements(
    world: World, hold: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**given: Any) -> None:
        raise RuntimeError("for a test")

    monkeypatch.setattr("apps.budgets.reported.actions.settle", failing)
    assert send(body(span(0, **of(hold)), span(1)), world.token("telemetry")).status_code == 200
    settle_due(world)
    with tenant_transaction(world.tenant.id):
        assert Action.objects.count() == 2
        assert UsageReport.objects.get().tries == 1, "it is tried again"
    monkeypatch.undo()
    with tenant_transaction(world.tenant.id):
        UsageReport.objects.update(due_at=START - timedelta(minutes=1))
    settle_due(world)
    assert state(world, hold) == "settled"
