"""The rate card as pages and over the API: rights, literal query counts, files, and nothing that breaks it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.pricing.models import ModelPrice
from apps.tenants import actions as tenants
from apps.tenants.queries import membership
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import queries, signed_in
from tests.pricing.cast import TODAY, priced
from tests.world import World, make_workload

PAGES, API = "/t/acme/prices/", "/api/v1/t/acme/prices"
HEAD = "model,valid_from,input_per_million,output_per_million\n"
DAY = timedelta(days=1)
REAL_TODAY = datetime.now(UTC).date()
NEW = {
    "model": "sonnet-4",
    "valid_from": str(REAL_TODAY),
    "input_per_million": "3",
    "output_per_million": "15",
    "reason": "new contract",
}


def standing(world: World) -> list[str]:
    """What is set in the first tenant."""
    with tenant_transaction(world.tenant.id):
        return [f"{row.model} {row.valid_from}" for row in ModelPrice.objects.order_by("model", "valid_from")]


def send(client: Client, path: str, body: Any = None, **options: Any) -> Any:
    return client.post(path, json.dumps(body or {}), content_type="application/json", **options)


def a_file(text: str) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("prices.csv", text.encode()), "reason": "new contract"}


def test_the_first_page_says_what_lacks_a_price_and_whose(world: World) -> None:
    priced(world, day=REAL_TODAY)
    priced(world, day=REAL_TODAY + 30 * DAY, input="2")
    page = signed_in("adam").get(PAGES).content.decode()
    assert "1 of 2 models in use has a price. sonnet-4.5 (W-01) lacks one: its calls are refused" in page
    assert f'set here on 2026-11-20 by Adam<br><span class="soft small">since {REAL_TODAY}' in page
    assert f'{REAL_TODAY + 30 * DAY}<br><span class="soft small">2 / 15 / –</span>' in page


def test_one_models_history_shows_what_was_set_and_what_the_list_says(world: World) -> None:
    own = priced(world, "openai/o3", day=REAL_TODAY, input="1.5")
    adam = signed_in("adam")
    for path in (f"{PAGES}history/?model=openai/o3", f"{PAGES}{own.id}/"):
        page = adam.get(path).content.decode()
        assert "USD per million tokens: 1.5 for input, 15 for output; set here on" in page
        assert "2025-06-10" in page and "as far back as it goes" in page
    assert "openai%2Fo3" in adam.get(f"{PAGES}{own.id}/").content.decode()


def test_a_workload_that_one_may_not_see_is_not_named(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        make_workload(world.tenant, world.alice, "W-99")
    assert (
        "W-99" in signed_in("alice").get(PAGES).content.decode()
        or "W-99" in signed_in("adam").get(PAGES).content.decode()
    )
    page = signed_in("bob").get(PAGES).content.decode()
    assert "W-01" in page and "W-99" not in page
    assert "W-99" not in signed_in("bob").get(f"{API}/in-use").content.decode()


def test_everybody_but_frontline_users_reads_and_finance_and_admins_set(world: World) -> None:
    own = priced(world, day=REAL_TODAY)
    reading = (PAGES, f"{PAGES}history/", f"{PAGES}{own.id}/", f"{PAGES}export/", API, f"{API}/in-use", f"{API}/csv")
    for name, expected in (("charlie", 403), ("alice", 200), ("bob", 200), ("audrey", 200), ("adam", 200)):
        assert {signed_in(name).get(path).status_code for path in reading} == {expected}, name
    for name in ("charlie", "alice", "erin", "audrey"):
        client = signed_in(name)
        assert client.get(f"{PAGES}new/").status_code == 403
        assert client.post(f"{PAGES}{own.id}/forget/", {"reason": "r"}).status_code == 403
        assert client.post(f"{PAGES}import/", a_file(HEAD)).status_code == 403
        assert send(client, API, NEW).status_code == 403
        assert send(client, f"{API}/{own.id}/forget", {"reason": "r"}).status_code == 403
        assert client.post(f"{API}/csv", a_file(HEAD)).status_code == 403
    assert standing(world) == [f"sonnet-4 {REAL_TODAY}"]
    payer = world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        found = membership(world.tenant.id, world.erin.id)
        assert found is not None
        tenants.set_roles(member=found, roles=["finance"], actor=payer)
    assert send(signed_in("erin"), API, {**NEW, "model": "opus"}).status_code == 201
    assert "Prices" in signed_in("erin").get("/t/acme/").content.decode()
    assert "/t/acme/prices/" not in signed_in("charlie").get("/t/acme/").content.decode()


def test_a_price_is_set_corrected_and_forgotten_on_its_pages(world: World) -> None:
    adam = signed_in("adam")
    form = {"model": "sonnet-4", "valid_from": str(REAL_TODAY), "input": "3", "output": "15", "reason": "contract"}
    made = adam.post(f"{PAGES}new/", form)
    assert made.status_code == 302
    wrong = adam.post(f"{PAGES}new/", {**form, "cached_input": "4"})
    assert wrong.status_code == 400
    assert "look whether the two are swapped" in wrong.content.decode()
    with tenant_transaction(world.tenant.id):
        row = ModelPrice.objects.get()
    assert made.headers["Location"] == reverse("price", args=["acme", row.id])
    assert adam.post(f"{PAGES}{row.id}/forget/", {"reason": ""}).status_code == 400
    assert standing(world) == [f"sonnet-4 {REAL_TODAY}"]
    assert adam.post(f"{PAGES}{row.id}/forget/", {"reason": "ended"}).status_code == 302
    assert standing(world) == []
    assert adam.post(f"{PAGES}{row.id}/forget/", {"reason": "ended"}).status_code == 404


def test_a_file_goes_out_and_comes_in_again_and_a_wrong_line_stops_all(world: World) -> None:
    priced(world, day=REAL_TODAY, note="=1+1")
    adam = signed_in("adam")
    out = adam.get(f"{PAGES}export/").content.decode()
    assert out.splitlines()[1].startswith(f"sonnet-4,{REAL_TODAY},3,15,,'=1+1,USD,adam@example.org,2026-11-20T")
    assert adam.get(f"{API}/csv").content.decode() == out
    more = f"{out}opus,{REAL_TODAY},15,75,,,,,\n"
    for path in (f"{PAGES}import/", f"{API}/csv"):
        bad = adam.post(path, a_file(f"{more}haiku,{REAL_TODAY},-1,5,,,,,\nhaiku,never,1,5,,,,,\n"))
        assert bad.status_code == 400
        assert "Line 4: Input: give 0 to" in bad.content.decode() and "Line 5: valid_from" in bad.content.decode()
        assert standing(world) == [f"sonnet-4 {REAL_TODAY}"]
    assert adam.post(f"{PAGES}import/", a_file(more)).status_code == 302
    assert standing(world) == [f"opus {REAL_TODAY}", f"sonnet-4 {REAL_TODAY}"]
    assert adam.post(f"{API}/csv", a_file(more)).json() == {"prices": 2}


def test_over_the_api_a_price_is_set_read_listed_and_forgotten(world: World) -> None:
    adam = signed_in("adam")
    made = send(adam, API, NEW)
    assert made.status_code == 201
    body = made.json()
    assert (body["input_per_million"], body["cached_input_per_million"], body["currency"]) == ("3.000000", None, "USD")
    assert adam.get(f"{API}/{body['id']}").json()["model"] == "sonnet-4"
    assert [each["id"] for each in adam.get(API).json()["results"]] == [body["id"]]
    found = {each["model"]: each for each in adam.get(f"{API}/in-use").json()["results"]}
    assert (found["sonnet-4"]["is_complete"], found["sonnet-4"]["workloads"]) == (True, ["W-01"])
    assert (found["sonnet-4.5"]["input_per_million"], found["sonnet-4.5"]["source"]) == (None, "unknown")
    assert send(adam, f"{API}/{body['id']}/forget", {"reason": "ended"}).status_code == 204
    assert adam.get(f"{API}/{body['id']}").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"model": ""},
        {"model": "a\0b"},
        {"model": ["a"]},
        {"model": "m" * 121},
        {"valid_from": "0001-01-01"},
        {"valid_from": "9999-12-31"},
        {"valid_from": 5},
        {"valid_from": None},
        {"input_per_million": "NaN"},
        {"input_per_million": "1e400"},
        {"input_per_million": -1},
        {"input_per_million": {}},
        {"output_per_million": "1000000.000001"},
        {"cached_input_per_million": "3.1"},
        {"note": "\0"},
        {"reason": ""},
        {"reason": " "},
    ],
)
def test_nothing_that_a_client_sends_breaks_it_and_what_is_wrong_sets_nothing(
    world: World, change: dict[str, Any]
) -> None:
    adam = signed_in("adam")
    assert send(adam, API, {**NEW, **change}).status_code == 400
    assert standing(world) == []
    assert send(adam, API, NEW).status_code == 201


def test_odd_addresses_and_files_are_answers_and_no_faults(world: World) -> None:
    adam = signed_in("adam")
    assert adam.get(f"{PAGES}history/?model={'x' * 5_000}").status_code == 200
    assert adam.get(f"{PAGES}?page=99999999999999999999").status_code == 200
    assert adam.get(f"{API}?cursor=cD1ub25zZW5zZQ==").status_code == 404
    assert adam.get(f"{API}/in-use?page=0").status_code == 404
    assert adam.get(f"{API}/{uuid4()}").status_code == 404
    assert send(adam, f"{API}/{uuid4()}/forget").status_code == 404
    for content in (b"\xff\xfe\x00", b"\0", b"", b"x" * 1_000_001):
        sent = {"file": SimpleUploadedFile("p.csv", content), "reason": "r"}
        assert adam.post(f"{API}/csv", sent).status_code in {400, 413}
        sent = {"file": SimpleUploadedFile("p.csv", content), "reason": "r"}
        assert adam.post(f"{PAGES}import/", sent).status_code == 400
    assert send(adam, f"{API}/csv", {}).status_code == 415


def test_a_token_reads_by_its_scope_and_sets_for_its_person(world: World) -> None:
    def call(token: str, body: Any = None) -> int:
        bearer = {"Authorization": f"Bearer {token}"}
        if body is None:
            return int(Client().get(API, headers=bearer).status_code)
        return int(send(Client(), API, body, headers=bearer).status_code)

    assert (call(world.token("read")), call(world.token("decide"))) == (200, 403)
    assert call(world.token("read", "write"), NEW) == 403
    assert call(world.token("read", user=world.adam), NEW) == 403
    assert call(world.token("read", "write", user=world.alice), NEW) == 403
    bound = world.token("read", "write", user=world.adam, workload_ids=[world.workload.id])
    assert (call(bound), call(bound, NEW)) == (403, 403)
    assert standing(world) == []
    assert call(world.token("read", "write", user=world.adam), NEW) == 201


def test_the_pages_and_the_api_ask_the_same_at_one_row_and_at_three(world: World) -> None:
    adam = signed_in("adam")
    own = priced(world)
    expected = {
        PAGES: 12,
        f"{PAGES}history/": 11,
        f"{PAGES}history/?model=sonnet-4": 12,
        f"{PAGES}{own.id}/": 13,
        f"{PAGES}export/": 10,
        API: 10,
        f"{API}/in-use": 12,
        f"{API}/csv": 10,
    }
    assert {path: queries(adam, path) for path in expected} == expected
    for n in (1, 2):
        priced(world, day=TODAY + n * DAY)
        priced(world, f"other-{n}")
        with tenant_transaction(world.tenant.id):
            make_workload(world.tenant, world.alice, f"W-1{n}")
    assert {path: queries(adam, path) for path in expected} == expected


def test_nobody_of_another_tenant_finds_a_price_by_its_id(world: World) -> None:
    own = priced(world, day=REAL_TODAY)
    assert signed_in("adam").get(f"{PAGES}{own.id}/").status_code == 200
    mallory = signed_in("mallory")
    for path in (f"/t/umbra/prices/{own.id}/", f"{PAGES}{own.id}/", f"/api/v1/t/umbra/prices/{own.id}"):
        assert mallory.get(path).status_code == 404
    assert mallory.post(f"/t/umbra/prices/{own.id}/forget/", {"reason": "r"}).status_code == 404
    assert "sonnet-4,2" not in mallory.get("/t/umbra/prices/export/").content.decode()
    assert standing(world) == [f"sonnet-4 {REAL_TODAY}"]
