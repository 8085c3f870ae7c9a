"""The notification centre: what is unread is each person's own, and reading can be undone."""

from uuid import uuid4

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.ownership.channels import actions, queries
from apps.ownership.models import Notification
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.workspace.test_filters import undo
from tests.world import NOW, World

CENTRE = "/t/acme/alerts/told/"
LINKS = {"approval": "approvals/x/", "feedback": "feedback/x/", "other": "workloads/W-01/"}


def tell(world: World, person: User, title: str, link: str = "") -> Notification:
    with tenant_transaction(world.tenant.id):
        actions.tell(
            tenant_id=world.tenant.id, people=[person.id], title=title, body="b", link=link, cause=uuid4(), now=NOW
        )
        return Notification.objects.get(title=title)


def unread(world: World, person: User) -> int:
    with tenant_transaction(world.tenant.id):
        return queries.unread(world.tenant.id, person.id)


def page(client: Client, query: str = "") -> str:
    return client.get(f"{CENTRE}{query}").content.decode()


def test_looking_reads_nothing_and_one_is_read_at_a_time(world: World) -> None:
    first, _ = tell(world, world.bob, "one"), tell(world, world.bob, "two")
    bob = signed_in("bob")
    assert "<b>2</b> you haven't read." in page(bob)
    assert "<b>2</b> you haven't read." in page(bob)
    assert bob.post(f"{CENTRE}{first.id}/read/").status_code == 302
    assert unread(world, world.bob) == 1
    assert page(bob).count('<span class="badge">new</span>') == 1


def test_all_are_read_at_once_and_that_can_be_undone_for_those_alone(world: World) -> None:
    first = tell(world, world.bob, "one")
    tell(world, world.bob, "two")
    tell(world, world.alice, "hers")
    bob = signed_in("bob")
    bob.post(f"{CENTRE}{first.id}/read/")
    tell(world, world.bob, "three")
    banner = bob.post(f"{CENTRE}read/", follow=True).content.decode()
    assert "2 marked as read." in banner and "You have read everything." in banner
    assert (unread(world, world.bob), unread(world, world.alice)) == (0, 1)
    undo(bob, banner)
    assert unread(world, world.bob) == 2, "the one that was read before stays read"


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-20T12:00:00"])
def test_unreading_takes_the_instant_that_the_button_knows(world: World, at: str) -> None:
    assert signed_in("bob").post(f"{CENTRE}unread/", {"at": at}).status_code == 400


def test_nobody_reads_what_was_told_to_somebody_else(world: World) -> None:
    row = tell(world, world.bob, "secret words")
    alice = signed_in("alice")
    assert "secret words" in page(signed_in("bob")) and "secret words" not in page(alice)
    assert alice.post(f"{CENTRE}{row.id}/read/").status_code == 404
    assert unread(world, world.bob) == 1


def test_notices_are_filtered_by_what_they_are_about_and_lead_there(world: World) -> None:
    for kind, link in LINKS.items():
        tell(world, world.bob, f"about {kind}", link)
    bob = signed_in("bob")
    for kind, link in LINKS.items():
        shown = page(bob, f"?kind={kind}")
        assert [k for k in LINKS if f"about {k}" in shown] == [kind]
        assert f'href="/t/acme/{link}"' in shown
    assert "Nothing of this kind" in page(bob, "?kind=alert")
    assert all(f"about {kind}" in page(bob, "?kind=nonsense") for kind in LINKS)


def test_the_bell_comes_with_the_bar_and_no_page_pays_for_it(world: World) -> None:
    tell(world, world.bob, "one")
    bob = signed_in("bob")
    assert '<span id="unread"></span>' in bob.get("/t/acme/alerts/").content.decode()
    bar = bob.get("/t/acme/rotas/bar/", headers={"HX-Request": "true"}).content.decode()
    assert 'hx-swap-oob="innerHTML"' in bar and ": 1 unread" in bar
    assert "unread</span>" not in signed_in("alice").get("/t/acme/rotas/bar/").content.decode()
