"""Filters that one keeps, and the one pattern for what can be undone."""

import re
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from apps.feedback.models import MeToo, Report
from apps.workspace.models import SavedFilter
from apps.workspace.rules import PAGES, kept_query
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import filed
from tests.isolation.populate import populate
from tests.pages.test_pages import queries, signed_in
from tests.world import World

KEEP = "/t/acme/filters/keep/"
HELD = {"page": "rollouts", "about": "", "name": "Stopped ones", "query": "state=held"}


def kept(world: World) -> list[tuple[str, str, str, str]]:
    with tenant_transaction(world.tenant.id):
        rows = SavedFilter.objects.order_by("name")
        return list(rows.values_list("person__name", "page", "name", "query"))


def chips(client: Client, query: str) -> str:
    return client.get(f"/t/acme/filters/?{query}", headers={"HX-Request": "true"}).content.decode()


def undo(client: Client, page: str) -> str:
    """Press the button that the banner offers; the page that comes then."""
    form = re.search(r'<form class="undo" method="post" action="([^"]+)">(.*?)</form>', page, re.S)
    assert form is not None, "nothing is offered"
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[2]):
        fields.setdefault(name, []).append(value.replace("&amp;", "&"))
    fields.pop("csrfmiddlewaretoken", None)
    return client.post(form[1], fields, follow=True).content.decode()


# --- What can be kept ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "query", "expected"),
    [
        ("rollouts", "state=held&page=3", "state=held"),
        ("rollouts", "state=nonsense", ""),
        ("rollouts", "category=unsafe", ""),
        ("board", "category=unsafe", "category=unsafe"),
        ("alerts", "all=1&next=//evil.example", "all=1"),
        ("alerts", "&".join("all=1" for _ in range(40)), ""),
        ("nowhere", "all=1", ""),
    ],
)
def test_only_what_the_page_knows_is_kept_of_a_query(page: str, query: str, expected: str) -> None:
    assert kept_query(page, query) == expected


def test_a_filter_is_kept_shown_as_a_chip_and_leads_to_the_list(world: World) -> None:
    alice = signed_in("alice")
    assert "Keep this filter" in chips(alice, "page=rollouts&query=state%3Dheld")
    assert "Keep this filter" not in chips(alice, "page=rollouts&query="), "nothing is filtered"
    page = alice.post(KEEP, HELD, follow=True)
    assert page.redirect_chain == [("/t/acme/rollouts/?state=held", 302)]
    assert kept(world) == [("Alice", "rollouts", "Stopped ones", "state=held")]
    shown = chips(alice, "page=rollouts&query=state%3Dheld")
    assert 'href="/t/acme/rollouts/?state=held" aria-current="true">Stopped ones</a>' in shown
    assert "Keep this filter" not in shown
    assert "Stopped ones" in alice.get("/t/acme/filters/").content.decode()


def test_without_script_the_page_of_filters_keeps_what_one_came_with(world: World) -> None:
    alice = signed_in("alice")
    page = alice.get("/t/acme/filters/?page=rollouts&query=state%3Dheld").content.decode()
    assert 'value="state=held"' in page and "Keep this filter" in page
    assert "Keep this filter" not in alice.get("/t/acme/filters/").content.decode()


def test_a_name_is_a_text_and_never_markup(world: World) -> None:
    alice, bird = signed_in("alice"), "<img src=x onerror=c(1)>"
    alice.post(KEEP, {**HELD, "name": bird})
    with tenant_transaction(world.tenant.id):
        row = SavedFilter.objects.get()
    dropped = alice.post(f"/t/acme/filters/{row.id}/drop/", follow=True).content.decode()
    alice.post(KEEP, {**HELD, "name": bird})
    for page in (dropped, chips(alice, "page=rollouts"), alice.get("/t/acme/filters/").content.decode()):
        assert bird not in page and "&lt;img src=x" in page


def test_nobody_else_sees_or_drops_it(world: World) -> None:
    alice, bob = signed_in("alice"), signed_in("bob")
    alice.post(KEEP, HELD)
    with tenant_transaction(world.tenant.id):
        row = SavedFilter.objects.get()
    assert "Stopped ones" in chips(alice, "page=rollouts")
    assert "Stopped ones" not in chips(bob, "page=rollouts")
    assert bob.post(f"/t/acme/filters/{row.id}/drop/").status_code == 404
    assert len(kept(world)) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"query": "state=nonsense"}, "Filter the list first, then keep that."),
        ({"page": "tokens"}, "This list keeps no filters."),
        ({"page": "board"}, "This list keeps no filters."),
        ({"name": "  "}, "Name the filter, in at most 40 characters."),
        ({"name": "x" * 41}, "Name the filter, in at most 40 characters."),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(world: World, changed: dict[str, str], said: str) -> None:
    assert said in signed_in("alice").post(KEEP, {**HELD, **changed}, follow=True).content.decode()
    assert kept(world) == []


def test_a_name_is_one_s_own_once_a_list_and_twenty_are_enough(world: World) -> None:
    alice = signed_in("alice")
    for _ in range(2):
        page = alice.post(KEEP, HELD, follow=True).content.decode()
    assert "You have a filter &#x27;Stopped ones&#x27; here already." in page
    for n in range(25):
        page = alice.post(KEEP, {**HELD, "name": f"n{n}"}, follow=True).content.decode()
    assert "20 filters are enough; drop one first." in page
    assert len(kept(world)) == 20


def test_a_board_s_filter_is_kept_by_whoever_may_see_the_board(world: World) -> None:
    board = {**HELD, "page": "board", "about": "W-01", "query": "category=unsafe"}
    assert signed_in("charlie").post(KEEP, board).status_code == 404
    assert kept(world) == []
    answer = signed_in("alice").post(KEEP, board)
    assert answer.headers["Location"] == "/t/acme/workloads/W-01/feedback/?category=unsafe"


def test_every_page_that_keeps_filters_says_so_and_filters_by_its_keys(world: World) -> None:
    populate(world)
    alice = signed_in("alice")
    for name, page in PAGES.items():
        path = reverse(page.url_name, args=["acme", "W-77"] if page.of_workload else ["acme"])
        for key, values in page.keys.items():
            for value in values:
                shown = alice.get(f"{path}?{key}={value}").content.decode()
                assert f"page={name}&amp;about=" in shown


def test_a_list_by_state_holds_that_state_alone(world: World) -> None:
    populate(world)
    alice = signed_in("alice")
    running = alice.get("/t/acme/rollouts/?state=running").content.decode()
    assert "1 in all, running, the newest first." in running
    assert "None in this state" in alice.get("/t/acme/rollouts/?state=held").content.decode()
    assert "2 in all" in alice.get("/t/acme/rollouts/?state=nonsense").content.decode()
    filed(world)
    charlie = signed_in("charlie")
    assert "last year" in charlie.get("/t/acme/feedback/?state=new").content.decode()
    assert "last year" not in charlie.get("/t/acme/feedback/?state=fixed").content.decode()


def test_the_list_of_filters_costs_the_same_at_one_row_and_at_three(world: World) -> None:
    alice = signed_in("alice")
    alice.post(KEEP, HELD)
    alice.get("/t/acme/")
    assert queries(alice, "/t/acme/filters/") == 10
    for name in ("a", "b"):
        alice.post(KEEP, {**HELD, "name": name})
    alice.get("/t/acme/")
    assert queries(alice, "/t/acme/filters/") == 10


# --- Undo ---------------------------------------------------------------------------------------------------------


def test_dropping_a_filter_can_be_undone(world: World) -> None:
    alice = signed_in("alice")
    alice.post(KEEP, HELD)
    before = kept(world)
    with tenant_transaction(world.tenant.id):
        row = SavedFilter.objects.get()
    page = alice.post(f"/t/acme/filters/{row.id}/drop/", follow=True).content.decode()
    assert kept(world) == [] and "“Stopped ones” is dropped." in page
    undo(alice, page)
    assert kept(world) == before


def report(world: World, report_id: UUID) -> Report:
    with tenant_transaction(world.tenant.id):
        return Report.objects.select_related("theme").get(id=report_id)


def test_merging_can_be_undone_and_so_can_undoing_that(world: World) -> None:
    one, other = filed(world), filed(world)
    bob = signed_in("bob")
    page = bob.post(f"/t/acme/feedback/{other.id}/merge/", {"into": str(one.id)}, follow=True).content.decode()
    assert report(world, other.id).duplicate_of_id == one.id
    page = undo(bob, page)
    assert report(world, other.id).duplicate_of_id is None
    undo(bob, page)
    assert report(world, other.id).duplicate_of_id == one.id


def test_grouping_can_be_undone_where_that_brings_back_what_was(world: World) -> None:
    """A new theme would stay, empty, and what was in another theme wouldn't go back there: nothing is offered."""
    one, other = filed(world), filed(world)
    bob, address = signed_in("bob"), "/t/acme/workloads/W-01/feedback/group/"
    page = bob.post(address, {"reports": str(one.id), "title": "Old prices"}, follow=True).content.decode()
    assert 'class="undo"' not in page
    theme = report(world, one.id).theme
    assert theme is not None
    page = bob.post(address, {"reports": str(other.id), "theme": str(theme.id)}, follow=True).content.decode()
    assert report(world, other.id).theme_id == theme.id
    undo(bob, page)
    assert report(world, other.id).theme_id is None and report(world, one.id).theme_id == theme.id
    page = bob.post(f"/t/acme/feedback/{one.id}/ungroup/", follow=True).content.decode()
    assert report(world, one.id).theme_id is None
    undo(bob, page)
    assert report(world, one.id).theme_id == theme.id


def test_me_too_can_be_taken_back(world: World) -> None:
    ours, _ = populate(world)
    theme, charlie = ours.feedback.theme, signed_in("charlie")
    page = charlie.post(f"/t/acme/feedback/themes/{theme.id}/me-too/", follow=True).content.decode()
    with tenant_transaction(world.tenant.id):
        assert MeToo.objects.filter(person=world.charlie).count() == 1
    undo(charlie, page)
    with tenant_transaction(world.tenant.id):
        assert MeToo.objects.filter(person=world.charlie).count() == 0
        assert MeToo.objects.filter(theme=theme.id).count() == 1, "whoever else said so still does"


def test_what_nothing_undoes_offers_nothing(world: World) -> None:
    one, bob = filed(world), signed_in("bob")
    said = {"state": "acknowledged", "text": "We look into it.", "seen": "new"}
    page = bob.post(f"/t/acme/feedback/{one.id}/answer/", said, follow=True).content.decode()
    assert "Answered; the reporter is told." in page and 'class="undo"' not in page
