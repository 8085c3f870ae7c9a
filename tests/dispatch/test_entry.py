"""DISP-1, DISP-4, COST-4..6 over HTTP: who answers, what is held, what is said, what is refused."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from apps.budgets import counters as ledger
from apps.budgets import reserving
from apps.budgets.actions import Brake
from apps.budgets.models import BudgetAlert, Closure, Reservation, UserMonth
from apps.budgets.months import month_at
from apps.budgets.rules import FIRST_HELD, Pattern
from apps.dispatch import entry, ofrep, snapshot
from apps.dispatch.classify import actions as classifying
from apps.dispatch.classify.decide import classifiers
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated
from tests.pricing.cast import priced
from tests.world import SETUP, World, make_workload

ASK = {"workload": "W-01", "user": "u-1", "input_tokens": 100, "max_output_tokens": 400}


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    snapshot.snapshots.clear()
    classifiers.clear()
    ofrep._credentials.clear()


@pytest.fixture
def token(world: World) -> str:
    """A version in service, a price for both models, and a token that may ask."""
    in_service(world)
    return world.token("decide")


def in_service(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        Workload.objects.filter(id=world.workload.id).update(serving_version=world.stable)
    today = timezone.now()
    for model, given, taken in (("sonnet-4", "3", "15"), ("haiku-4.5", "1", "5")):
        priced(world, model, today.date(), given, taken, now=today)


def post(token: str, path: str, body: Any, **headers: str) -> Any:
    return Client(headers={"Authorization": f"Bearer {token}"}).post(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
    )


def ask(token: str, **changes: Any) -> Any:
    return post(token, "dispatch", {**ASK, **changes})


def test_a_dispatch_holds_and_says_all_of_it(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    answer = ask(token)
    body = answer.json()
    assert answer.status_code == 200
    month = month_at(timezone.now(), "UTC")
    assert {k: body[k] for k in ("workload", "handler", "version", "decision", "model", "tier", "disclosure")} == {
        "workload": "W-01",
        "handler": "agent",
        "version": "1.0",
        "decision": "admitted",
        "model": "sonnet-4",
        "tier": "primary",
        "disclosure": "",
    }
    assert (body["max_output_tokens"], body["reasons"]) == (400, ["in_service", "within_budget"])
    assert body["budget"] == {
        "user_tier": "standard",
        "month": month.key,
        "unit": "tokens",
        "limit": 10_000,
        "used": 0,
        "held": 500,
        "resets_at": month.end.isoformat(),
    }
    assert answer.headers["X-Gate-Decision"] == "admitted"
    assert answer.headers["X-Gate-Model-Served"] == "sonnet-4"
    assert answer.headers["X-Request-Id"] == body["request_id"]
    assert answer.headers["X-Gate-Budget"] == (
        f"workload=W-01;tier=standard;period={month.key};used=0;held=500;limit=10000"
    )
    with tenant_transaction(world.tenant.id):
        row = Reservation.objects.get(id=body["reservation"]["id"])
        assert (row.held, row.held_money, row.version) == (500, Decimal("0.0063"), "1.0")


def test_without_a_limit_of_its_own_a_call_holds_what_is_usual(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    assert ask(token, max_output_tokens=None).json()["max_output_tokens"] == FIRST_HELD


def test_a_workload_without_a_gate_gets_the_fallback_and_nothing_else(world: World, token: str) -> None:
    """COST-9"""
    with tenant_transaction(world.tenant.id):
        bare, version, _ = make_workload(world.tenant, world.alice, "W-09", is_gated=False)
        workloads.serve_version(workload=bare, version=version, actor=SETUP, reason="in service")
    body = ask(token, workload="W-09").json()
    assert (body["handler"], body["decision"], body["reservation"], body["model"]) == ("fallback", "fallback", None, "")
    assert body["reasons"] == ["gate_incomplete"]
    assert body["fallback"]["address"] == "https://support.example/form"


def test_without_a_version_in_service_nothing_is_held(world: World) -> None:
    gated(world)
    body = ask(world.token("decide")).json()
    assert (body["handler"], body["decision"], body["reasons"]) == ("fallback", "fallback", ["no_rollout"])
    with tenant_transaction(world.tenant.id):
        assert not Reservation.objects.exists()


def test_the_cap_refuses_with_402_and_says_what_to_do(world: World, token: str) -> None:
    gated(world, ceiling=500)
    assert ask(token).status_code == 200
    answer = ask(token)
    body = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (402, "application/problem+json")
    assert answer.headers["x-should-retry"] == "false"
    assert (body["code"], body["decision"], body["handler"]) == ("hard_cap", "refused", "fallback")
    assert body["budget"]["resets_at"] in body["next"]
    assert (body["budget"]["used"], body["budget"]["held"], body["budget"]["limit"]) == (0, 500, 500)


def test_the_swap_says_the_same_in_body_and_headers(world: World, token: str) -> None:
    """COST-6"""
    gated(world, ceiling=500, pattern=Pattern.SOFT)
    ask(token)
    answer = ask(token)
    body = answer.json()
    assert (body["decision"], body["tier"], body["requested_model"], body["model"]) == (
        "degraded",
        "budget",
        "sonnet-4",
        "haiku-4.5",
    )
    assert body["disclosure"] == "A smaller model answered."
    assert [answer.headers[f"X-Gate-{name}"] for name in ("Decision", "Model-Requested", "Model-Served", "Reason")] == [
        body["decision"],
        body["requested_model"],
        body["model"],
        ",".join(body["reasons"]),
    ]


def test_a_policy_that_forbids_the_budget_tier_answers_402_and_never_swaps(world: World, token: str) -> None:
    """COST-7: a soft cap that the policy no longer permits is a hard one."""
    gated(world, ceiling=500, pattern=Pattern.SOFT)
    with tenant_transaction(world.tenant.id):
        workload = Workload.objects.get(id=world.workload.id)
        workloads.edit_workload(workload=workload, revision=workload.revision, actor=SETUP, may_degrade=False)
    assert ask(token).json()["model"] == "sonnet-4"
    answer = ask(token)
    assert (answer.status_code, answer.json()["code"], answer.json()["model"]) == (402, "hard_cap", "")
    with tenant_transaction(world.tenant.id):
        assert [row.model for row in Reservation.objects.all()] == ["sonnet-4"]


def test_an_unknown_model_is_refused_on_a_money_cap(world: World, token: str) -> None:
    gated(world)
    with tenant_transaction(world.tenant.id):
        version = workloads.add_version(
            workload=world.workload,
            label="1.2",
            model="nobody-knows",
            prompt_digest="sha256:another",
            why="it is new",
            made_by=world.alice,
            actor=SETUP,
        )
        workloads.serve_version(workload=world.workload, version=version, actor=SETUP, reason="in service")
    answer = ask(token)
    assert (answer.status_code, answer.json()["code"]) == (402, "unknown_price")


def test_settling_posts_what_was_used_once(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    hold = ask(token).json()["reservation"]["id"]
    used = {"reservation": hold, "input_tokens": 100, "output_tokens": 60}
    first = post(token, "settle", used)
    assert first.status_code == 200, first.content
    assert {k: v for k, v in first.json().items() if k not in {"budget", "reservation"}} == {
        "state": "settled",
        "input_tokens": 100,
        "output_tokens": 60,
        "cost": "0.0012",
        "currency": "USD",
        "over_hold": 0,
        "repeated": False,
    }
    assert (first.json()["budget"]["used"], first.json()["budget"]["held"]) == (160, 0)
    assert post(token, "settle", used).json()["repeated"] is True
    other = post(token, "settle", {**used, "output_tokens": 61})
    assert (other.status_code, other.json()["code"]) == (409, "already_settled")


def test_nobody_settles_somebody_elses_reservation(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    hold = ask(token).json()["reservation"]["id"]
    used = {"reservation": hold, "input_tokens": 1, "output_tokens": 1}
    for other in (world.token("decide"), world.token("decide", tenant=world.other)):
        assert post(other, "settle", used).status_code == 404
    with tenant_transaction(world.tenant.id):
        assert Reservation.objects.get(id=hold).state == "held"


def test_what_is_not_known_keeps_the_hold_and_zero_is_zero(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    hold = ask(token).json()["reservation"]["id"]
    unknown = post(token, "settle", {"reservation": hold, "outcome": "failed"}).json()
    assert (unknown["state"], unknown["input_tokens"], unknown["budget"]["held"]) == ("held", None, 500)
    nothing = {"reservation": hold, "outcome": "failed", "input_tokens": 0, "output_tokens": 0}
    found = post(token, "settle", nothing).json()
    assert (found["state"], found["cost"], found["budget"]["used"], found["budget"]["held"]) == ("settled", "0", 0, 0)


def test_a_call_that_was_never_sent_gives_its_hold_back(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    hold = ask(token).json()["reservation"]["id"]
    found = post(token, "settle", {"reservation": hold, "outcome": "not_sent"}).json()
    assert (found["state"], found["budget"]["held"]) == ("released", 0)


def test_more_than_was_held_is_recorded_alerts_and_shuts_the_token_out(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    hold = ask(token).json()["reservation"]["id"]
    found = post(token, "settle", {"reservation": hold, "input_tokens": 100, "output_tokens": 450}).json()
    assert (found["over_hold"], found["budget"]["used"]) == (50, 550)
    answer = ask(token)
    assert (answer.status_code, answer.json()["code"]) == (403, "admissions_closed")
    assert ask(world.token("decide")).status_code == 200, "another token goes on"
    with tenant_transaction(world.tenant.id):
        assert Closure.objects.get().over == 50
        assert OutboxMessage.objects.get(topic="alert.raise").payload["severity"] == "critical"


def test_another_model_is_charged_at_its_own_price(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    hold = ask(token).json()["reservation"]["id"]
    used = {"reservation": hold, "input_tokens": 100, "output_tokens": 60, "model": "haiku-4.5"}
    assert post(token, "settle", used).json()["cost"] == "0.0004"
    hold = ask(token).json()["reservation"]["id"]
    used = {"reservation": hold, "input_tokens": 100, "output_tokens": 60, "model": "nobody-knows"}
    assert post(token, "settle", used).json()["cost"] is None, "unknown is unknown, never 0"


def test_further_attempts_belong_to_the_request_that_began(world: World, token: str) -> None:
    gated(world, ceiling=10_000, brake=Brake(request_calls=3))
    request = ask(token).json()["request_id"]
    more = {"request_id": request, "attempt": 2, "input_tokens": 50, "max_output_tokens": 50}
    second = post(token, "reserve", more)
    assert second.status_code == 200, second.content
    assert (second.json()["request_id"], second.json()["reservation"]["attempt"]) == (request, 2)
    assert post(token, "reserve", more).json()["reservation"] == second.json()["reservation"]
    assert post(token, "reserve", {**more, "attempt": 3}).status_code == 200
    fourth = post(token, "reserve", {**more, "attempt": 4})
    assert (fourth.status_code, fourth.json()["code"], fourth.headers["x-should-retry"]) == (429, "runaway", "false")
    assert post(world.token("decide"), "reserve", more).status_code == 404
    with tenant_transaction(world.tenant.id):
        assert Reservation.objects.count() == 3
        Workload.objects.filter(id=world.workload.id).update(serving_version=None)
    snapshot.snapshots.clear()
    gone = post(token, "reserve", {**more, "attempt": 5}).json()
    assert (gone["decision"], gone["reasons"]) == ("fallback", ["version_not_in_service"])


def test_a_request_inside_a_request_is_refused_as_chained(world: World, token: str) -> None:
    """DISP-4"""
    gated(world, ceiling=10_000)
    request = ask(token).json()["request_id"]
    for answer in (ask(token, request_id=request), post(token, "dispatch", ASK, **{"X-Request-Id": request})):
        assert (answer.status_code, answer.json()["code"]) == (409, "chained_call")
    assert post(token, "dispatch", ASK, **{"X-Request-Id": "my-own-log-line"}).status_code == 200


def test_a_bound_token_dispatches_to_no_other_workload(world: World, token: str) -> None:
    """DISP-4"""
    gated(world)
    assert ask(world.token("decide", workload_ids=[world.workload.id])).status_code == 200
    with tenant_transaction(world.tenant.id):
        other, _, _ = make_workload(world.tenant, world.alice, "W-02")
    answer = ask(world.token("decide", workload_ids=[other.id]))
    assert (answer.status_code, answer.json()["code"]) == (403, "other_workload")
    with tenant_transaction(world.tenant.id):
        assert Reservation.objects.count() == 1


def test_the_same_idempotency_key_holds_once(world: World, token: str) -> None:
    gated(world, ceiling=10_000)
    first, again = (ask(token, idempotency_key="k-1").json() for _ in range(2))
    assert first["reservation"] == again["reservation"] and first["request_id"] == again["request_id"]
    other = ask(token, idempotency_key="k-1", user="u-2")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key")
    with tenant_transaction(world.tenant.id):
        assert [row.held for row in UserMonth.objects.filter(held__gt=0)] == [500]


def test_a_text_goes_to_the_workload_whose_rule_it_meets_and_else_to_nobody(world: World, token: str) -> None:
    """DISP-1, DISP-3"""
    gated(world, ceiling=10_000)
    with tenant_transaction(world.tenant.id):
        classifying.add_rule(tenant_id=world.tenant.id, workload=world.workload, written="refund", actor=SETUP)
    body = ask(token, workload=None, text="I want a refund, please").json()
    assert (body["workload"], body["handler"], body["classification"]) == (
        "W-01",
        "agent",
        {"workload": "W-01", "confidence": 1.0, "by": "rule", "classifier": None},
    )
    other = ask(token, workload=None, text="how tall is the tower")
    assert (other.status_code, other.json()["decision"], other.json()["reasons"]) == (200, "fallback", ["no_workload"])
    assert (other.json()["workload"], other.json()["reservation"]) == (None, None)
    with tenant_transaction(world.tenant.id):
        assert Reservation.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"input_tokens": -1},
        {"input_tokens": 0},
        {"input_tokens": None},
        {"input_tokens": 10**9},
        {"input_tokens": True},
        {"input_tokens": "100"},
        {"input_tokens": 1.5},
        {"max_output_tokens": 0},
        {"max_output_tokens": -3},
        {"user": ""},
        {"user": "a\x00b"},
        {"user": "\ud800"},
        {"user": ["u"]},
        {"workload": None},
        {"text": "both"},
        {"session": "s" * 101},
        {"attributes": []},
    ],
)
def test_a_wrong_field_is_named_and_changes_nothing(world: World, token: str, change: dict[str, Any]) -> None:
    gated(world)
    answer = ask(token, **change)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["field"] in {*change, "workload"}
    with tenant_transaction(world.tenant.id):
        assert not Reservation.objects.exists()


def test_what_cannot_be_meant_is_refused_without_a_fault(world: World, token: str) -> None:
    gated(world)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"null"):
        for path in ("dispatch", "reserve", "settle"):
            found = client.post(f"/api/v1/{path}", body, content_type="application/json")
            assert found.status_code in {400, 413}, (path, body[:10])
    assert client.get("/api/v1/dispatch").status_code == 400
    assert ask(token, workload="W-99").status_code == 404
    assert ask(world.token("read")).status_code == 403
    assert ask("cw_nothing").status_code == 401
    for wrong in ({"reservation": "x"}, {"reservation": "x" * 500}, {"outcome": "?"}, {"input_tokens": -1}):
        known = {"reservation": "01a200cc-2201-7ccc-914f-39c7e73034a5", "input_tokens": 1, "output_tokens": 1}
        assert post(token, "settle", {**known, **wrong}).status_code == 400


def test_where_the_counters_cannot_be_reached_the_answer_is_blocked(
    world: World, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """COST-5"""
    gated(world)

    def gone(ask: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(reserving, "_call", gone)
    body = ask(token).json()
    assert (body["handler"], body["decision"], body["reservation"]) == ("fallback", "blocked", None)
    assert body["reasons"] == ["in_service", "counters_unreachable"]


def test_reaching_the_cap_is_told_once_even_where_a_rest_too_small_is_left(world: World, token: str) -> None:
    """COST-3: the event at the ceiling."""
    # So near to the ceiling that the pace is over 1 until the last minute of the month, too.
    gated(world, ceiling=1_000_010)
    hold = ask(token, input_tokens=999_600).json()["reservation"]["id"]
    post(token, "settle", {"reservation": hold, "input_tokens": 999_600, "output_tokens": 400})
    assert [ask(token).status_code for _ in range(3)] == [402, 402, 402]
    with tenant_transaction(world.tenant.id):
        # Whether the banner is due too depends on how much of the real month is over.
        assert BudgetAlert.objects.filter(place=3).count() == 1
        assert ledger.differences(world.tenant.id) == []


def test_a_refusal_stands_where_its_alert_cannot_be_written_and_the_next_one_tells(
    world: World, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated(world, ceiling=510)
    hold = ask(token).json()["reservation"]["id"]
    post(token, "settle", {"reservation": hold, "input_tokens": 100, "output_tokens": 400})

    def gone(**about: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(entry.alerting, "tell_exhausted", gone)
        assert (ask(token).status_code, ask(token).json()["code"]) == (402, "hard_cap")
    with tenant_transaction(world.tenant.id):
        assert not BudgetAlert.objects.filter(place=3).exists()
    assert ask(token).status_code == 402
    with tenant_transaction(world.tenant.id):
        assert BudgetAlert.objects.filter(place=3).count() == 1
