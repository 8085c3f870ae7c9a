"""DISP-2, ROLL-4, ROLL-8 over OFREP: who answers whom, and nobody the agent within a second of a rollback."""

import json
import time
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.dispatch import ofrep, snapshot
from apps.pricing import queries as pricing
from apps.pricing.actions import forget_price
from apps.rollouts import actions
from apps.workloads import actions as workloads
from portal.directory import directory
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import add_tier, cap
from tests.rollouts.factory import running
from tests.world import NOW, SETUP, World


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    snapshot.snapshots.clear()
    ofrep._credentials.clear()


def ask(token: str, key: str = "/W-01", context: Any = None, **headers: str) -> Any:
    body = {"context": {"targetingKey": "u-1"} if context is None else context}
    return Client().post(
        f"/ofrep/v1/evaluate/flags{key}",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", **headers},
    )


def handlers(token: str, units: int = 400) -> dict[str, int]:
    found: dict[str, int] = {}
    for number in range(units):
        value = ask(token, context={"targetingKey": f"unit-{number}"}).json()["value"]
        kind = f"{value['handler']}/{value['arm']}"
        found[kind] = found.get(kind, 0) + 1
    return found


def test_without_a_rollout_the_fallback_answers_and_is_named(world: World) -> None:
    body = ask(world.token("decide")).json()
    assert body["reason"] == "STATIC"
    assert body["value"]["handler"] == "fallback"
    assert body["value"]["fallback"]["address"] == "https://support.example/form"


def test_a_rollout_splits_units_into_agent_and_an_equal_control_arm(world: World) -> None:
    running(world)
    found = handlers(world.token("decide"), 1_000)
    assert 30 <= found["agent/agent"] <= 70
    assert 30 <= found["fallback/control"] <= 70
    assert found["fallback/none"] == 1_000 - found["agent/agent"] - found["fallback/control"]


def test_the_same_unit_always_gets_the_same_answer_with_what_a_trace_needs(world: World) -> None:
    rollout, token = running(world), world.token("decide")
    answers = [ask(token, context={"targetingKey": "unit-77", "n": n}).json()["value"] for n in range(5)]
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0]["rollout"], answers[0]["phase"], answers[0]["share"]) == (str(rollout.id), 1, 5)


def test_a_rollback_is_visible_within_a_second_for_any_unit(world: World) -> None:
    rollout, token = running(world), world.token("decide")
    assert handlers(token)["agent/agent"] > 0
    with tenant_transaction(world.tenant.id):
        actions.roll_back(rollout=rollout, actor=world.actor(world.alice), now=NOW, reason="rude")
    time.sleep(snapshot.OLDEST)
    assert handlers(token) == {"fallback/none": 400}


def test_the_control_arm_of_a_served_version_is_that_version(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        workloads.serve_version(workload=world.workload, version=world.stable, actor=SETUP, reason="earned")
    running(world)
    answers = [ask(world.token("decide"), context={"targetingKey": f"u{n}"}).json()["value"] for n in range(200)]
    assert {(a["arm"], a["handler"], a["version"]) for a in answers} == {
        ("agent", "agent", "1.1"),
        ("control", "agent", "1.0"),
        ("none", "agent", "1.0"),
    }


def test_a_unit_without_an_id_is_told_so_while_a_share_is_rolled_out(world: World) -> None:
    token = world.token("decide")
    assert ask(token, context={}).status_code == 200
    running(world)
    snapshot.snapshots.clear()
    answer = ask(token, context={})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "TARGETING_KEY_MISSING")
    assert answer.json()["errorDetails"]


def test_the_etag_covers_the_context_and_the_configuration(world: World) -> None:
    token = world.token("decide")
    first = ask(token, "", {"targetingKey": "u", "plan": "pro"})
    tag = first.headers["ETag"]
    assert [flag["key"] for flag in first.json()["flags"]] == ["W-01"]
    assert ask(token, "", {"targetingKey": "u", "plan": "pro"}, **{"If-None-Match": tag}).status_code == 304
    assert ask(token, "", {"targetingKey": "u", "plan": "free"}, **{"If-None-Match": tag}).status_code == 200
    running(world)
    snapshot.snapshots.clear()
    assert ask(token, "", {"targetingKey": "u", "plan": "pro"}, **{"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"), [("{", "PARSE_ERROR"), ("[]", "INVALID_CONTEXT"), ('{"context": 1}', "INVALID_CONTEXT")]
)
def test_bad_input_is_a_400_of_the_protocol(world: World, body: str, code: str) -> None:
    answer = Client().post(
        "/ofrep/v1/evaluate/flags/W-01",
        body,
        content_type="application/json",
        headers={"X-API-Key": world.token("decide")},
    )
    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)


def test_another_tenants_workload_and_an_unbound_one_do_not_exist(world: World) -> None:
    foreign = world.token("decide", tenant=world.other)
    assert ask(foreign, "/W-01").json()["metadata"]["workload"] == "W-01"  # Umbra has one of its own
    assert ask(foreign, "/W-02").status_code == 404
    bound = world.token("decide", workload_ids=[world.foreign.id])
    assert ask(bound, "/W-01").status_code == 404
    assert json.loads(ask(bound, "").content)["flags"] == []
    assert ask(world.token("telemetry")).status_code == 403
    assert ask("cwy_nothing").status_code == 401


def test_without_a_database_everybody_goes_to_the_fallback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail safe on service: what is known is too old to send anybody to an agent."""
    running(world)
    token = world.token("decide")
    assert handlers(token)["agent/agent"] > 0
    unseen = world.token("decide")

    def gone(*args: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(snapshot, "_read", gone)
    monkeypatch.setattr(directory(), "actor_for_token", gone)
    time.sleep(snapshot.OLDEST)
    found = ask(token).json()["value"]
    assert (found["handler"], found["reason"]) == ("fallback", "configuration_unavailable")
    refused = ask(unseen)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")


def test_an_evaluation_says_that_it_holds_nothing_and_where_a_call_is_held(world: World) -> None:
    """COST-4: the fallback needs no hold."""
    with tenant_transaction(world.tenant.id):
        workloads.serve_version(workload=world.workload, version=world.stable, actor=SETUP, reason="earned")
    token = world.token("decide")
    found = ask(token).json()
    assert (found["value"]["handler"], found["value"]["reserved"]) == ("agent", False)
    assert found["value"]["reserve_at"] == found["metadata"]["reserve_at"] == "/api/v1/dispatch"
    bulk = ask(token, "").json()["flags"][0]
    assert (bulk["value"]["reserved"], bulk["value"]["reserve_at"]) == (False, "/api/v1/dispatch")
    with tenant_transaction(world.tenant.id):
        workloads.serve_version(workload=world.workload, version=None, actor=SETUP, reason="taken back")
    time.sleep(snapshot.OLDEST)
    found = ask(token).json()["value"]
    assert (found["handler"], found["reserved"], found["reserve_at"]) == ("fallback", False, "")


def test_within_a_second_an_incomplete_gate_leaves_the_fallback_and_nothing_else(world: World) -> None:
    """COST-9, in a rollout as anywhere else; back as soon as it is complete."""
    running(world)
    token = world.token("decide")
    before = handlers(token)
    assert before["agent/agent"] > 0
    free = add_tier(world, "free", is_free=True)
    time.sleep(snapshot.OLDEST)
    assert handlers(token) == {"fallback/none": 400}
    found = ask(token).json()
    assert (found["value"]["reason"], found["reason"]) == ("gate_incomplete", "STATIC")
    cap(world, free)
    time.sleep(snapshot.OLDEST)
    assert handlers(token) == before


def test_nobody_is_sent_to_a_model_whose_price_nobody_knows(world: World) -> None:
    """Dispatch would refuse each of its calls (COST-4); the other version goes on."""
    with tenant_transaction(world.tenant.id):
        workloads.serve_version(workload=world.workload, version=world.stable, actor=SETUP, reason="earned")
    running(world)
    with tenant_transaction(world.tenant.id):
        price = pricing.own_of(world.tenant.id, world.candidate.model).get()
        forget_price(price=price, reason="a wrong one", actor=world.actor(world.adam))
    token = world.token("decide")
    assert set(handlers(token)) == {"agent/control", "agent/none", "fallback/none"}


def test_while_the_snapshot_is_young_an_evaluation_asks_the_database_nothing(world: World) -> None:
    running(world)
    token = world.token("decide")
    ask(token)
    with CaptureQueriesContext(connection) as asked:
        assert ask(token).json()["value"]["reserved"] is False
    assert len(asked) == 0
