"""Rotas on their pages and over the API: what they answer, who may change them, what each costs."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.ownership import queries
from apps.ownership.models import Rota, RotaOverride, RotationVersion, ShiftSwap
from apps.tenants import actions as tenants
from portal.tenancy.context import tenant_transaction
from tests.ownership.test_rotas import made, night, turning
from tests.pages.test_pages import signed_in
from tests.world import SETUP, World

DAY = timedelta(days=1)


def live(world: World, *names: str) -> Rota:
    """A rota that began yesterday by the real clock, which the pages go by."""
    began = datetime.now(UTC) - DAY
    with tenant_transaction(world.tenant.id):
        rota = made(world, now=began)
        anchor = (began - DAY).replace(second=0, microsecond=0, tzinfo=None)
        turning(world, rota, *names, now=began, anchor=anchor)
        return rota


def test_the_bar_and_the_list_say_who_answers_now_and_next(world: World) -> None:
    client = signed_in("charlie")
    live(world, "alice", "erin")
    bar = client.get("/t/acme/rotas/bar/").content.decode()
    assert "<b>Alice</b>" in bar and "<b>Bob</b>" in bar and "Erin" not in bar
    page = client.get("/t/acme/rotas/").content.decode()
    assert "<b>Alice</b>" in page and "Erin" in page
    assert "/t/acme/rotas/bar/" in client.get("/t/acme/workloads/").content.decode(), "every page asks for it"


def test_operations_makes_a_rota_and_says_who_takes_turns(world: World) -> None:
    adam, alice = signed_in("adam"), signed_in("alice")
    with tenant_transaction(world.tenant.id):
        team = night(world)
    data = {"team": str(team.id), "name": "Support", "rank": 1, "zone": "Europe/Berlin", "always": "on"}
    assert alice.post("/t/acme/rotas/new/", data).status_code == 403
    assert adam.post("/t/acme/rotas/new/", {**data, "zone": "Europe/Atlantis"}).status_code == 400
    answer = adam.post("/t/acme/rotas/new/", data)
    assert answer.status_code == 302
    turns = {"name": "Weekly", "anchor": "2026-03-29T02:30", "unit": "week", "length": 1, "priority": 1}
    people = "alice@example.org\nbob@example.org"
    wrong = adam.post(answer["Location"], {**turns, "people": f"{people}\nmallory@example.org"})
    assert (wrong.status_code, b"No member here: mallory@example.org" in wrong.content) == (400, True)
    done = adam.post(answer["Location"], {**turns, "people": people})
    assert done.status_code == 302
    with tenant_transaction(world.tenant.id):
        row = RotationVersion.objects.get(rotation__rota__team=team)
        assert (row.anchor_time.isoformat(), row.participants) == ("02:30:00", [world.alice.id, world.bob.id])
    page = adam.get(done["Location"]).content.decode()
    assert "on call until" in page and "<svg" in page and "As a table" in page


def test_a_gap_is_shown_before_it_comes(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        rota = made(world, now=datetime.now(UTC) - DAY)
    page = signed_in("alice").get(f"/t/acme/rotas/{rota.id}/").content.decode()
    assert "Nobody is on call." in page and "1 gap in the next 30 days." in page
    assert "Nobody takes turns." in page


def test_the_team_takes_the_shift_overrides_and_cancels_and_others_do_not(world: World) -> None:
    rota = live(world, "alice", "erin")
    bob, charlie = signed_in("bob"), signed_in("charlie")
    url = f"/t/acme/rotas/{rota.id}/"
    assert charlie.post(f"{url}take/").status_code == 403
    assert bob.post(f"{url}take/").status_code == 302
    assert bob.post(f"{url}take/").status_code == 409, "he is on call already"
    assert "Bob is on call until" in bob.get(url).content.decode()
    with tenant_transaction(world.tenant.id):
        row = RotaOverride.objects.get()
    assert bob.post(f"{url}overrides/{row.id}/cancel/").status_code == 302
    assert bob.post(f"{url}overrides/{row.id}/cancel/").status_code == 409
    assert "Alice is on call until" in bob.get(url).content.decode()
    tomorrow = datetime.now(UTC) + DAY
    span = {"start": f"{tomorrow:%Y-%m-%dT10:00}", "end": f"{tomorrow:%Y-%m-%dT11:00}", "reason": "dentist"}
    useless = {"change": "replace", "person": str(world.bob.id), "instead_of": str(world.charlie.id), **span}
    said = bob.post(f"{url}override/", useless, follow=True).content.decode()
    assert "it changes nothing" in said


def test_a_shift_is_offered_from_my_shifts_and_taken_by_somebody_else(world: World) -> None:
    rota = live(world, "alice", "bob")
    bob, erin = signed_in("bob"), signed_in("erin")
    page = bob.get("/t/acme/rotas/mine/").content.decode()
    assert "You are on call for Support until" in page
    with tenant_transaction(world.tenant.id):
        shift = next(s for s in queries.shifts_of(world.tenant.id, world.bob.id, datetime.now(UTC)) if s.version_id)
    url = f"/t/acme/rotas/{rota.id}/"
    offer = f"{url}offer/{shift.version_id}/{shift.number}/"
    assert offer in page
    assert bob.post(offer.replace(f"/{shift.number}/", "/x/")).status_code == 404
    assert bob.post(offer).status_code == 302
    assert bob.post(offer).status_code == 409
    with tenant_transaction(world.tenant.id):
        swap = ShiftSwap.objects.get()
    assert erin.post(f"{url}swaps/{swap.id}/take/").status_code == 302
    assert signed_in("alice").post(f"{url}swaps/{swap.id}/take/").status_code == 409
    assert "Erin took it" in erin.get(url).content.decode()


def test_the_api_answers_for_an_instant_and_overrides(world: World) -> None:
    rota = live(world, "alice", "bob")
    bob: Client = signed_in("bob")
    url = f"/api/v1/t/acme/rotas/{rota.id}"
    assert bob.get(url).json()["people"] == ["alice@example.org"]
    later = (datetime.now(UTC) + 7 * DAY).isoformat()
    assert bob.get(url, {"at": later}).json()["people"] == ["bob@example.org"]
    known = (datetime.now(UTC) - 3 * DAY).isoformat()
    assert bob.get(url, {"at": later, "known_at": known}).json()["people"] == []
    for wrong in ("yesterday", "2026-11-20T09:30:00", "9999999-01-01T00:00:00Z"):
        assert bob.get(url, {"at": wrong}).status_code == 400
    duties = bob.get(f"{url}/duties", {"until": later}).json()
    assert [duty["people"] for duty in duties] == [["alice@example.org"], ["bob@example.org"]]
    assert bob.get(f"{url}/duties", {"until": known}).status_code == 400
    body: dict[str, Any] = {
        "change": "replace",
        "person": "bob@example.org",
        "instead_of": "alice@example.org",
        "start": datetime.now(UTC).isoformat(),
        "end": (datetime.now(UTC) + timedelta(hours=2)).isoformat(),
        "reason": "lunch",
    }

    def post(client: Client, **changes: Any) -> Any:
        return client.post(f"{url}/overrides", json.dumps({**body, **changes}), content_type="application/json")

    assert post(signed_in("charlie")).status_code == 403
    assert post(bob, person="mallory@example.org").status_code == 400
    made_now = post(bob)
    assert (made_now.status_code, made_now.json()["matters"]) == (201, True)
    assert bob.get(url).json()["people"] == ["bob@example.org"]
    assert [row["reason"] for row in bob.get(f"{url}/overrides").json()["results"]] == ["lunch"]
    assert [row["team"] for row in bob.get("/api/v1/t/acme/rotas").json()["results"]] == ["support", "night"]


def test_a_temporary_schedule_with_holes_is_refused_over_the_api_and_one_without_counts(world: World) -> None:
    rota = live(world, "alice", "bob")
    bob, now = signed_in("bob"), datetime.now(UTC).replace(microsecond=0)
    start, middle, end = now + DAY, now + 1.5 * DAY, now + 2 * DAY
    shift = {"start": middle.isoformat(), "end": end.isoformat(), "person": "erin@example.org"}
    body = {"start": start.isoformat(), "end": end.isoformat(), "shifts": [shift], "reason": "release"}
    url = f"/api/v1/t/acme/rotas/{rota.id}"

    def post(client: Client, **changes: Any) -> Any:
        changed = json.dumps({**body, **changes})
        return client.post(f"{url}/temporary-schedules", changed, content_type="application/json")

    holes = post(bob)
    assert (holes.status_code, len(holes.json()["holes"])) == (409, 1)
    assert post(bob, fallback="mallory@example.org").status_code == 400
    assert post(signed_in("charlie"), fallback="bob@example.org").status_code == 403
    assert post(bob, fallback="bob@example.org").status_code == 201
    for at, who in ((start, "bob"), (middle, "erin"), (end, "alice")):
        assert bob.get(url, {"at": at.isoformat()}).json()["people"] == [f"{who}@example.org"]


@pytest.mark.parametrize("count", [1, 3])
def test_pages_cost_the_same_at_one_and_at_three(world: World, count: int) -> None:
    rota = live(world, "alice", "bob")
    began = datetime.now(UTC) - DAY
    with tenant_transaction(world.tenant.id):
        for n in range(count - 1):
            team = tenants.create_team(tenant_id=world.tenant.id, slug=f"t{n}", name=f"T{n}", actor=SETUP)
            turning(world, made(world, team=team, now=began), now=began)
            turning(world, rota, "bob", name=f"more {n}", now=began)
    client = signed_in("bob")
    urls = {
        "rotas/": 14,
        "rotas/bar/": 14,
        "rotas/mine/": 14,
        f"rotas/{rota.id}/": 18,
        f"rotas/{rota.id}/override/": 11,
    }
    for url, statements in urls.items():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/t/acme/{url}").status_code == 200
        assert len(captured) == statements, url
