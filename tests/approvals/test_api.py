"""APPR-2, APPR-3 over the API: policies open to all and set by admins, delegations by oneself, never with a token."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from apps.approvals.models import ApprovalPolicy, Delegation
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.world import World

BASE = "/api/v1/t/acme/"


def send(client: Client, method: str, url: str, body: Any = None, **options: Any) -> Any:
    return getattr(client, method)(url, json.dumps(body or {}), content_type="application/json", **options)


def test_everybody_sees_the_policies_and_an_admin_makes_one_tighter(world: World) -> None:
    adam, charlie = signed_in("adam"), signed_in("charlie")
    names = [row["name"] for row in charlie.get(f"{BASE}policies").json()]
    assert {"gate.pilot", "gate.waiver", "rollout.start"} <= set(names)
    url = f"{BASE}policies/gate.pilot"
    found = charlie.get(url).json()
    assert [slot["roles"] for slot in found["slots"]] == [["engineering"]]
    wanted = {name: found[name] for name in ("slots", "granted_days", "target_hours", "revision")}
    wanted = {**wanted, "pending_days": 3, "reason": "we are quick"}
    assert send(charlie, "put", url, wanted).status_code == 403
    assert send(adam, "put", url, {**wanted, "pending_days": 900}).status_code == 400
    assert send(adam, "put", url, {**wanted, "slots": []}).status_code == 400
    assert send(adam, "put", f"{BASE}policies/gate.moon", wanted).status_code == 404
    assert send(adam, "put", url, wanted).json()["pending_days"] == 3
    assert send(adam, "put", url, wanted).status_code == 409, "it isn't the revision that was seen any more"
    with tenant_transaction(world.tenant.id):
        assert ApprovalPolicy.objects.get().revision == 1


def test_an_approver_delegates_and_takes_it_back(world: World) -> None:
    erin, alice = signed_in("erin"), signed_in("alice")
    now = datetime.now(UTC)
    body = {
        "delegate": "gina@example.org",
        "roles": ["engineering"],
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(days=2)).isoformat(),
        "reason": "on leave",
    }
    url = f"{BASE}delegations"
    assert send(alice, "post", url, body).status_code == 400, "she has no approver's role"
    assert send(erin, "post", url, {**body, "delegate": "mallory@example.org"}).status_code == 400
    token = {"Authorization": f"Bearer {world.token('read', 'write', user=world.erin)}"}
    assert send(Client(), "post", url, body, headers=token).status_code == 403
    made = send(erin, "post", url, body)
    assert (made.status_code, made.json()["delegate"]) == (201, "gina@example.org")
    assert [row["principal"] for row in alice.get(url).json()["results"]] == ["erin@example.org"]
    one = f"{url}/{made.json()['id']}"
    assert send(alice, "delete", one).status_code == 403
    assert send(erin, "delete", one).status_code == 204
    with tenant_transaction(world.tenant.id):
        assert Delegation.objects.get().revoked_at is not None
