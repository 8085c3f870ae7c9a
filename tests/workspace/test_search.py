"""Search finds what the lists show, to whom they show it, and nothing else; in one statement."""

from typing import Any

import pytest
from django.test import Client

from apps.feedback.models import Theme
from apps.tenants import actions as tenants
from apps.workloads import actions as workloads
from apps.workspace.rules import Fit, fit, words
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import filed
from tests.isolation.populate import populate
from tests.pages.test_pages import queries, signed_in
from tests.world import SETUP, World, make_workload


def found(client: Client, asked: str, slug: str = "acme") -> dict[str, list[str]]:
    """The titles of the hits, by group in the order of the answer."""
    answer = client.get(f"/api/v1/t/{slug}/search", {"q": asked})
    assert answer.status_code == 200
    return {group["name"]: [hit["title"] for hit in group["hits"]] for group in answer.json()}


def objects(client: Client, asked: str) -> set[str]:
    return set(found(client, asked)) - {"pages", "actions"}


# --- Rules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "texts", "expected"),
    [
        ("w-01", ("W-01", "Support chat"), Fit.WHOLE),
        ("W-0", ("W-01", "Support chat"), Fit.BEGINNING),
        ("chat", ("W-01", "Support chat"), Fit.WORD),
        ("hat", ("W-01", "Support chat"), Fit.SOMEWHERE),
        ("chat w-01", ("W-01", "Support chat"), Fit.SOMEWHERE),
        ("chat w-02", ("W-01", "Support chat"), None),
        ("x", ("x",), None),
        ("  ", ("x",), None),
    ],
)
def test_how_well_something_fits(asked: str, texts: tuple[str, ...], expected: Fit | None) -> None:
    assert fit(words(asked), *texts) is expected


def test_what_is_looked_for_is_cut_to_six_words_and_a_hundred_characters() -> None:
    assert words("a b c d e f g h") == ("a", "b", "c", "d", "e", "f")
    assert words("x" * 200) == ("x" * 100,)
    assert words("a\x00b") == ("ab",)


# --- Who finds what -----------------------------------------------------------------------------------------------


def test_everything_of_the_tenant_is_found_by_those_who_may_list_it(world: World) -> None:
    populate(world)
    alice, adam = signed_in("alice"), signed_in("adam")
    assert objects(alice, "Secret") >= {"workload", "rollout", "report", "theme", "runbook"}
    assert found(alice, "9.9")["rollout"] == ["W-77-2 9.9", "W-77 9.9"]
    assert "W-77 9.9" in found(alice, "W-77 9.9")["rollout"]
    assert found(alice, "w-77")["workload"][0] == "W-77 Secret of acme"
    assert objects(alice, "W-77 9.9") >= {"rollout", "approval"}
    assert found(alice, "secret of w-77")["alert"] == ["Secret of W-77"]
    assert found(alice, "team")["team"] == ["Team"]
    assert found(adam, "charlie")["person"] == ["Charlie"]
    assert "person" not in found(alice, "charlie"), "the list of people is the admins'"


def test_a_frontline_user_finds_what_their_lists_show_and_no_workload_that_they_may_not_see(world: World) -> None:
    """First there was something to find: Alice finds all of it."""
    ours, _ = populate(world)
    alice, charlie = signed_in("alice"), signed_in("charlie")
    for asked in ("W-77", "Secret", "9.9", "failure", "W-01"):
        assert objects(alice, asked)
        for group, titles in found(charlie, asked).items():
            assert group in {"theme", "alert", "team", "pages", "actions"}, f"{asked}: {titles}"
        for group in ("workload", "rollout", "report", "runbook", "approval", "person"):
            assert group not in found(charlie, asked)
        assert not any("Plan a rollout" in title for title in found(charlie, asked).get("actions", []))
    with tenant_transaction(world.tenant.id):
        workloads.permit_person(workload=ours.workload, user=world.charlie, permission="see_workload", actor=SETUP)
    assert found(charlie, "W-77")["workload"] == ["W-77 Secret of acme"]


def test_every_hit_leads_to_a_page_that_opens_for_whoever_found_it(world: World) -> None:
    populate(world)
    filed(world)
    walked = 0
    for name in ("alice", "adam", "erin", "bob", "charlie", "gina", "audrey"):
        client = signed_in(name)
        for asked in ("Secret", "W-", "9.9", "team", "price", "on", "re"):
            for group in client.get("/api/v1/t/acme/search", {"q": asked}).json():
                for hit in group["hits"]:
                    assert client.get(hit["url"]).status_code == 200, f"{name}: {hit}"
                    walked += 1
    assert walked > 100


def test_one_finds_one_s_own_reports_and_nobody_else_s(world: World) -> None:
    filed(world)
    filed(world, by=world.bob, what_happened="It quoted nothing at all.")
    assert found(signed_in("charlie"), "quoted")["report"] == ["It quoted last year's price."]
    assert len(found(signed_in("alice"), "quoted")["report"]) == 2


def test_another_tenant_s_things_are_never_found(world: World) -> None:
    populate(world)
    mallory = signed_in("mallory")
    there = found(mallory, "Secret", slug="umbra")
    assert sorted(there["workload"]) == ["W-88 Secret of umbra", "W-88-2 Secret of umbra"]
    for asked in ("W-77", "acme", "Alice"):
        assert set(found(mallory, asked, slug="umbra")) <= {"pages", "actions"}
    assert mallory.get("/api/v1/t/acme/search", {"q": "Secret"}).status_code == 404
    assert mallory.get("/t/acme/search/", {"q": "Secret"}).status_code == 404


# --- Order and size -----------------------------------------------------------------------------------------------


def test_the_best_comes_first_and_eight_of_a_kind_are_enough(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        for n in range(10):
            make_workload(world.tenant, world.alice, f"X-{n:02}")
        make_workload(world.tenant, world.alice, "X-0")
    titles = found(signed_in("alice"), "x-0")["workload"]
    assert len(titles) == 8
    assert titles[0] == "X-0 X-0 Customer support chat"


def test_the_group_that_fits_best_comes_first(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        tenants.create_team(tenant_id=world.tenant.id, slug="customer", name="Customer", actor=SETUP)
    assert list(found(signed_in("alice"), "customer"))[:2] == ["team", "workload"]


def test_wildcards_are_letters(world: World) -> None:
    assert objects(signed_in("alice"), "%%") == set()
    assert objects(signed_in("alice"), "__") == set()


def test_pages_and_things_to_do_are_found_by_those_who_may(world: World) -> None:
    alice, adam, charlie = signed_in("alice"), signed_in("adam"), signed_in("charlie")
    assert found(alice, "rollouts")["pages"] == ["Rollouts"]
    assert found(alice, "plan w-01")["actions"] == ["Plan a rollout for W-01 W-01 Customer support chat"]
    assert found(adam, "tokens")["pages"] == ["Tokens"] and "pages" not in found(charlie, "tokens")
    assert found(charlie, "complain")["actions"] == ["Report an answer"]
    assert "Invite somebody" not in str(found(charlie, "invite"))


# --- Pages and costs ----------------------------------------------------------------------------------------------


def test_the_search_page_and_the_palette_s_options_are_one_view(world: World) -> None:
    alice = signed_in("alice")
    page = alice.get("/t/acme/search/", {"q": "W-01"}).content.decode()
    assert "<html" in page and "the best first" in page
    part = alice.get("/t/acme/search/", {"q": "W-01"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and part.count('role="option"') == 2
    nothing = alice.get("/t/acme/search/", {"q": "zzzz"}).content.decode()
    assert "Nothing that you may see has all of these words." in nothing
    empty = alice.get("/t/acme/search/").content.decode()
    assert "Report an answer" in empty and "Things to do" in empty


@pytest.mark.parametrize(("path", "expected"), [("/t/acme/search/?q=W-", 10), ("/t/acme/search/", 9)])
def test_it_is_one_statement_beside_the_frame_at_one_row_and_at_three(world: World, path: str, expected: int) -> None:
    """At most 15; the frame is nine."""
    for name in ("alice", "adam", "charlie"):
        assert queries(signed_in(name), path) == expected
    with tenant_transaction(world.tenant.id):
        for key in ("W-02", "W-03"):
            make_workload(world.tenant, world.alice, key)
    for name in ("alice", "adam", "charlie"):
        assert queries(signed_in(name), path) == expected


def test_a_token_finds_what_it_is_bound_to(world: World) -> None:
    populate(world)
    raw = world.token("read", workload_ids=[world.workload.id])
    answer = Client().get("/api/v1/t/acme/search", {"q": "W-"}, headers={"Authorization": f"Bearer {raw}"})
    groups: Any = {group["name"]: group["hits"] for group in answer.json()}
    assert [hit["url"] for hit in groups["workload"]] == ["/t/acme/workloads/W-01/"]
    assert "actions" not in groups


def test_a_token_of_another_tenant_finds_nothing(world: World) -> None:
    raw = world.token("read", tenant=world.other)
    answer = Client().get("/api/v1/t/acme/search", {"q": "W-"}, headers={"Authorization": f"Bearer {raw}"})
    assert answer.status_code == 404


def test_a_token_finds_what_it_may_read_of_the_workloads_it_is_bound_to_and_nobodys_address(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        other, _, _ = make_workload(world.tenant, world.alice, "W-02")
        for workload, title in ((world.workload, "zebra crossing"), (other, "zebra stripes")):
            Theme.objects.create(tenant=world.tenant, workload=workload, title=title, made_by=world.alice)

    def hits(asked: str, *scopes: str, **options: Any) -> dict[str, list[str]]:
        token = world.token(*scopes, **options)
        return found(Client(headers={"Authorization": f"Bearer {token}"}), asked)

    assert hits("zebra", "telemetry", user=world.adam) == {}
    assert hits("zebra", "read", workload_ids=[world.workload.id]) == {"theme": ["zebra crossing"]}
    assert hits("zebra", "read", user=world.adam) == {"theme": ["zebra crossing", "zebra stripes"]}
    assert hits("example.org", "read", user=world.adam) == {}
    assert "person" in found(signed_in("adam"), "example.org")
