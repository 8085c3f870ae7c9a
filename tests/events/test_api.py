"""Events over the API: the same rules, for people with the right and their tokens; never a secret after creation."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.events.models import Subscription
from apps.tenants.models import Membership
from portal.tenancy.context import tenant_transaction
from tests.events.cast import carry, fresh, happen, log, replays, subscribed
from tests.ownership.alerts.receiver import Receiver
from tests.world import PASSWORD, World

BASE = "/api/v1/t/acme/event-subscriptions"
HOOK = "https://93.184.215.14/hooks/very-secret-part"
NEW = {"name": "lake", "address": HOOK, "patterns": ["gate.*"]}


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(email=f"{name}@example.org", password=PASSWORD)
    return client


def send(client: Client, method: str, path: str, body: Any = None, **options: Any) -> Any:
    return getattr(client, method)(path, json.dumps(body or {}), content_type="application/json", **options)


def test_made_over_the_api_it_says_its_secret_once_and_its_address_never(world: World) -> None:
    adam = signed_in("adam")
    made = send(adam, "post", BASE, NEW)
    assert made.status_code == 201
    body = made.json()
    assert body["signing_secret"].startswith("whsec_") and body["patterns"] == ["gate.*"]
    for path in (BASE, f"{BASE}/{body['id']}"):
        text = adam.get(path).content.decode()
        assert "lake" in text and "whsec_" not in text and "very-secret" not in text and "gAAAA" not in text
    assert "very-secret" not in made.content.decode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"address": "https://169.254.169.254/x"}, "private_address"),
        ({"address": "http://93.184.215.14/"}, "not_https"),
        ({"patterns": ["never.*"]}, "patterns"),
        ({"patterns": []}, "patterns"),
        ({"name": ""}, "invalid"),
    ],
)
def test_what_is_wrong_is_a_problem_with_a_code(world: World, change: dict[str, Any], code: str) -> None:
    answer = send(signed_in("adam"), "post", BASE, {**NEW, **change})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    with tenant_transaction(world.tenant.id):
        assert not Subscription.objects.exists()


def test_a_service_has_no_right_and_a_persons_token_needs_its_scopes(world: World) -> None:
    def call(method: str, token: str) -> int:
        bearer = {"Authorization": f"Bearer {token}"}
        body = [json.dumps(NEW), "application/json"] if method == "post" else []
        return int(getattr(Client(), method)(BASE, *body, headers=bearer).status_code)

    assert call("get", world.token("read", "write")) == 403
    assert call("get", world.token("decide", user=world.adam)) == 403
    reads = world.token("read", user=world.adam)
    assert (call("get", reads), call("post", reads)) == (200, 403)
    assert call("post", world.token("read", "write", user=world.alice)) == 403
    bound = world.token("read", "write", user=world.adam, workload_ids=[world.workload.id])
    assert (call("get", bound), call("post", bound)) == (403, 403), "events are about all workloads"
    assert call("post", world.token("read", "write", user=world.adam)) == 201


def test_a_person_who_lost_the_role_lost_the_right(world: World) -> None:
    adam = signed_in("adam")
    with tenant_transaction(world.tenant.id):
        Membership.objects.filter(user=world.adam).update(roles=[])
    assert send(adam, "post", BASE, NEW).status_code == 403


def test_it_is_changed_paused_resumed_and_removed(world: World) -> None:
    row, adam = subscribed(world, HOOK), signed_in("adam")
    one = f"{BASE}/{row.id}"
    assert send(adam, "patch", one, {"patterns": ["*"]}).json()["patterns"] == ["*"]
    assert send(adam, "patch", one, {"state": "paused"}).json()["state"] == "paused"
    assert send(adam, "patch", one, {"state": "paused"}).status_code == 409
    assert send(adam, "patch", one, {"state": "stopped"}).status_code == 400
    happen(world, "workload.edited")
    was = fresh(row).cursor
    assert send(adam, "patch", one, {"state": "active", "resume_from": "now"}).json()["cursor"] > was
    assert adam.delete(one).status_code == 204
    assert adam.get(one).status_code == 404


def test_the_log_says_what_became_of_each_and_the_exact_body(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), signed_in("adam")
    hook.answer = lambda got: (500 if "edited" in got.json["type"] else 200, {}, "said")
    happen(world, "workload.edited", "workload.offered")
    carry(row)
    bad, good = log(row)
    found = adam.get(f"{BASE}/{row.id}/deliveries?state=delivered").json()["results"]
    assert [(each["id"], each["type"]) for each in found] == [(str(good.id), "causeway.workload.offered")]
    assert len(adam.get(f"{BASE}/{row.id}/deliveries").json()["results"]) == 2
    whole = adam.get(f"{BASE}/{row.id}/deliveries/{bad.id}").json()
    assert (whole["body"], whole["status"], whole["answer"], whole["attempts"]) == (bad.body, 500, "said", 1)
    assert [(each["status"], each["said"]) for each in whole["tries"]] == [(500, "500 said")]
    again = send(adam, "post", f"{BASE}/{row.id}/deliveries/{good.id}/resend")
    assert (again.status_code, again.json()["replay"], again.json()["event"]) == (201, 1, str(good.event))
    assert again.json()["id"] != str(good.id)
    assert send(adam, "post", f"{BASE}/{row.id}/deliveries/{bad.id}/resend").status_code == 409


def test_a_replay_is_counted_first_then_runs_and_is_broken_off(world: World) -> None:
    seqs = happen(world, "workload.edited", "alert.opened")
    row, adam = subscribed(world, HOOK), signed_in("adam")
    replay = f"{BASE}/{row.id}/replay"
    counted = send(adam, "post", replay, {"from_sequence": seqs[0], "dry_run": True})
    assert (counted.status_code, counted.json()["total"], replays(row)) == (200, 1, [])
    made = send(adam, "post", replay, {"from_sequence": seqs[0]})
    assert (made.status_code, made.json()["number"], made.json()["total"]) == (201, 1, 1)
    assert [each["done"] for each in adam.get(replay).json()] == [0]
    assert send(adam, "post", replay, {"from_sequence": 1}).json()["code"] == "replay_runs"
    assert adam.delete(replay).status_code == 204
    assert adam.get(replay).json()[0]["is_cancelled"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"from_sequence": 1, "from_time": "2026-01-01T00:00:00Z"}, 400),
        ({"from_sequence": 0}, 400),
        ({"from_time": "soon"}, 400),
        ({"from_time": "9998-01-01T00:00:00Z"}, 400),
        ({"from_sequence": 2**62}, 404),
        ({"from_sequence": 2**80}, 404),
    ],
)
def test_a_replay_from_nowhere_is_refused(world: World, body: dict[str, Any], status: int) -> None:
    row = subscribed(world, HOOK)
    assert send(signed_in("adam"), "post", f"{BASE}/{row.id}/replay", body).status_code == status
    assert replays(row) == []


def test_a_foreign_id_is_not_there(world: World) -> None:
    theirs, ours = subscribed(world, HOOK, tenant=world.other), subscribed(world, HOOK)
    adam = signed_in("adam")
    for path in (str(theirs.id), f"{theirs.id}/deliveries", f"{ours.id}/deliveries/{uuid4()}", f"{uuid4()}/replay"):
        assert adam.get(f"{BASE}/{path}").status_code == 404
    for path in (f"{theirs.id}/test", f"{theirs.id}/replay", f"{ours.id}/deliveries/{uuid4()}/resend"):
        assert send(adam, "post", f"{BASE}/{path}").status_code == 404


def test_a_test_event_over_the_api(world: World) -> None:
    row, adam = subscribed(world, HOOK), signed_in("adam")
    made = send(adam, "post", f"{BASE}/{row.id}/test")
    assert (made.status_code, made.json()["type"], made.json()["sequence"]) == (201, "causeway.test", None)
    assert send(adam, "post", f"{BASE}/{row.id}/test").status_code == 409


def test_the_types_are_listed_with_words(world: World) -> None:
    found = signed_in("adam").get("/api/v1/t/acme/event-types").json()
    assert {"type": "causeway.gate.opened", "description": "A gate opened: a workload reached the next stage"} in found


@pytest.mark.parametrize(("path", "expected"), [("", 10), ("/{id}/deliveries", 11), ("/{id}/replay", 12)])
def test_a_list_costs_the_same_at_one_row_and_at_three(world: World, hook: Receiver, path: str, expected: int) -> None:
    row, adam = subscribed(world, hook.address), signed_in("adam")

    def one_more(number: int) -> None:
        happen(world, "workload.edited")
        carry(row)
        send(adam, "post", f"{BASE}/{row.id}/deliveries/{log(row)[0].id}/resend")
        carry(row)
        if number:
            subscribed(world, HOOK, name=f"n{number}")

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert adam.get(f"{BASE}{path.format(id=row.id)}").status_code == 200
        return len(captured)

    one_more(0)
    cost()
    assert cost() == expected
    one_more(1)
    one_more(2)
    assert cost() == expected


def test_the_instant_of_a_replay_takes_a_zone(world: World) -> None:
    row, adam = subscribed(world, HOOK), signed_in("adam")
    began = datetime.now(UTC)
    (seq,) = happen(world, "workload.edited")
    counted = send(adam, "post", f"{BASE}/{row.id}/replay", {"from_time": began.isoformat(), "dry_run": True}).json()
    assert (counted["first"], counted["total"]) == (seq, 1)
