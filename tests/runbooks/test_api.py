"""RUN-1, RUN-3 over the API: a second person reviews and publishes, and a drill runs against the portal's clock."""

import json
from typing import Any

from django.test import Client

from apps.runbooks.models import Drill
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.runbooks.texts import RUNBOOK
from tests.world import World

BASE = "/api/v1/t/acme/"


def send(client: Client, url: str, body: Any = None) -> Any:
    return client.post(url, json.dumps(body or {}), content_type="application/json")


def test_a_runbook_is_written_reviewed_published_and_drilled(world: World) -> None:
    alice, bob = signed_in("alice"), signed_in("bob")
    made = send(alice, f"{BASE}runbooks", {"workload": "W-01", "title": "Rolling back"}).json()
    book = f"{BASE}runbooks/{made['id']}"
    assert send(alice, f"{book}/versions", {"text": RUNBOOK, "why": "first"}).status_code == 201
    assert send(alice, f"{book}/versions/1/review").status_code == 403, "its author"
    assert send(bob, f"{book}/versions/1/publish").status_code == 409, "not reviewed yet"
    assert send(bob, f"{book}/versions/1/review").json()["reviewed_at"]
    assert send(bob, f"{book}/versions/1/publish").json()["published_at"]
    assert send(bob, f"{book}/versions/9/publish").status_code == 404

    drill = send(bob, f"{book}/drills", {"wanted": 60, "staff": [str(world.bob.id)]})
    assert (drill.status_code, drill.json()["outcome"]) == (201, "running")
    act = f"{BASE}drills/{drill.json()['id']}/act"
    assert send(signed_in("erin"), act, {"do": "tick", "step": 1}).status_code == 403
    assert send(bob, act, {"do": "dance"}).status_code == 400
    assert send(bob, act, {"do": "tick", "step": 99}).status_code == 400
    for step in (1, 2, 3):
        send(bob, act, {"do": "tick", "step": step})
    for name in ("fallback_works", "feeds_intact", "people_know"):
        assert send(bob, act, {"do": "confirm", "name": name}).status_code == 200
    done = send(bob, act, {"do": "finish", "carried": 60})
    assert (done.json()["outcome"], done.json()["reasons"]) == ("passed", [])
    assert send(bob, act, {"do": "finish", "carried": 60}).status_code == 409
    assert [row["outcome"] for row in alice.get(f"{book}/drills").json()["results"]] == ["passed"]
    with tenant_transaction(world.tenant.id):
        assert Drill.objects.get().carried == 60


def test_an_aborted_drill_says_why(world: World) -> None:
    alice, bob = signed_in("alice"), signed_in("bob")
    made = send(alice, f"{BASE}runbooks", {"workload": "W-01", "title": "Rolling back"}).json()
    book = f"{BASE}runbooks/{made['id']}"
    assert send(bob, f"{book}/drills", {"wanted": 1, "staff": [str(world.bob.id)]}).status_code == 409
    send(alice, f"{book}/versions", {"text": RUNBOOK, "why": "first"})
    send(bob, f"{book}/versions/1/review")
    send(bob, f"{book}/versions/1/publish", {"is_editorial": False})
    drill = send(bob, f"{book}/drills", {"wanted": 1, "staff": [str(world.bob.id)]}).json()
    act = f"{BASE}drills/{drill['id']}/act"
    assert send(bob, act, {"do": "abort"}).status_code == 400
    assert send(bob, act, {"do": "abort", "reason": "a real incident"}).json()["reasons"] == ["a real incident"]
