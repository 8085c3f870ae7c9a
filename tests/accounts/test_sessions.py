"""Where somebody is signed in: seen, ended at once, and ended with the password."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Session
from apps.accounts.sessions import name_of
from apps.audit import queries as audit
from apps.tenants import actions
from apps.tenants.queries import membership
from portal.tenancy.context import tenant_transaction
from tests.signingin import by_password
from tests.world import PASSWORD, SETUP, World

PAGE = "/accounts/sessions/"


def test_a_session_says_whose_it_is_from_where_and_since_when(world: World) -> None:
    client = by_password("alice", headers={"user-agent": "Firefox on a train"})
    row = Session.objects.get(session_key=client.session.session_key)
    assert (row.user, row.address, row.agent) == (world.alice, "127.0.0.1", "Firefox on a train")
    assert abs(row.begun_at - timezone.now()) < timedelta(minutes=1)
    page = client.get(PAGE).content.decode()
    assert "Firefox on a train" in page and "this one" in page and client.session.session_key not in page


def test_the_page_costs_the_same_with_one_session_and_with_three(world: World) -> None:
    client = by_password("alice")

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(PAGE).status_code == 200
        return len(captured)

    # Session, user, sessions.
    assert cost() == 3
    by_password("alice"), by_password("alice")
    assert cost() == 3


def test_use_is_noted_every_five_minutes_at_most(world: World) -> None:
    client = by_password("alice")
    key = client.session.session_key
    old = timezone.now() - timedelta(minutes=6)
    Session.objects.filter(session_key=key).update(last_used_at=old)
    with CaptureQueriesContext(connection) as captured:
        client.get(PAGE)
    assert len(captured) == 4
    assert Session.objects.get(session_key=key).last_used_at > old + timedelta(minutes=5)
    with CaptureQueriesContext(connection) as captured:
        client.get(PAGE)
    assert len(captured) == 3


def test_one_session_is_ended_at_once(world: World) -> None:
    here, there = by_password("alice"), by_password("alice")
    assert there.get("/t/acme/").status_code == 200
    answer = here.post(f"{PAGE}{name_of(there.session.session_key)}/end/")
    assert answer.status_code == 302
    assert there.get("/t/acme/").status_code == 302, "led to the sign-in"
    assert here.get("/t/acme/").status_code == 200
    with tenant_transaction(world.tenant.id):
        assert audit.entries(world.tenant.id).filter(action="person.session_ended").count() == 1


def test_nobody_ends_or_sees_somebody_elses(world: World) -> None:
    alice, bob = by_password("alice"), by_password("bob", headers={"user-agent": "Bobs phone"})
    assert b"Bobs phone" not in alice.get(PAGE).content
    assert alice.post(f"{PAGE}{name_of(bob.session.session_key)}/end/").status_code == 404
    assert bob.get("/t/acme/").status_code == 200


def test_all_others_end_and_this_one_goes_on(world: World) -> None:
    here, *others = (by_password("alice") for _ in range(3))
    here.post(f"{PAGE}end-others/")
    assert [each.get("/t/acme/").status_code for each in (here, *others)] == [200, 302, 302]
    assert Session.objects.filter(user=world.alice).count() == 1


def test_a_changed_password_ends_all_other_sessions(world: World, mailoutbox: list[Any]) -> None:
    here, there = by_password("alice"), by_password("alice")
    new = "gravel-otter-mandolin-seven"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/accounts/password/change/", form).status_code == 302
    assert (here.get("/t/acme/").status_code, there.get("/t/acme/").status_code) == (200, 302)
    assert [row.session_key for row in Session.objects.filter(user=world.alice)] == [here.session.session_key]
    assert [mail.to for mail in mailoutbox] == [["alice@example.org"]], "and the person is told"
    with tenant_transaction(world.tenant.id):
        assert audit.entries(world.tenant.id).filter(action="person.password_changed").count() == 1


def test_a_reset_password_ends_all_sessions(world: World, mailoutbox: list[Any]) -> None:
    old = by_password("alice")
    Client().post("/accounts/password/reset/", {"email": "alice@example.org"})
    link = next(word for word in mailoutbox[0].body.split() if "/reset/key/" in word)
    client, new = Client(), "gravel-otter-mandolin-seven"
    page = client.get("/" + link.split("/", 3)[3]).headers["Location"]
    assert client.post(page, {"password1": new, "password2": new}).status_code == 302
    assert old.get("/t/acme/").status_code == 302
    assert by_password("alice", new).get("/t/acme/").status_code == 200
    assert Session.objects.filter(user=world.alice).count() == 1


def test_signing_in_begins_a_new_session_with_nothing_of_the_former(world: World) -> None:
    client = Client()
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    client.cookies["session"] = before
    client.post("/accounts/login/", {"login": "alice@example.org", "password": PASSWORD})
    assert client.session.session_key != before
    assert "planted" not in client.session
    assert not Session.objects.filter(session_key=before).exists()


def both(world: World) -> Client:
    """Bob, a member of both tenants, signed in with his password."""
    with tenant_transaction(world.other.id):
        actions.add_member(tenant_id=world.other.id, user=world.bob, roles=[], actor=SETUP)
    return by_password("bob", headers={"user-agent": "Bobs phone"})


def page_of(world: World) -> str:
    with tenant_transaction(world.tenant.id):
        found = membership(world.tenant.id, world.bob.id)
        assert found is not None
        return f"/t/acme/people/{found.id}/"


def test_a_tenant_admin_ends_a_session_for_their_tenant_and_no_other(world: World) -> None:
    bob, adam = both(world), by_password("adam")
    page = page_of(world)
    shown = adam.get(page).content.decode()
    assert "Bobs phone" in shown and "mbra" not in shown and bob.session.session_key not in shown
    ended = adam.post(f"{page}sessions/{name_of(bob.session.session_key)}/end/")
    assert ended.status_code == 302
    assert (bob.get("/t/acme/").status_code, bob.get("/t/umbra/").status_code) == (403, 200)
    assert "Bobs phone" not in adam.get(page).content.decode()
    with tenant_transaction(world.tenant.id):
        assert audit.entries(world.tenant.id).filter(action="member.session_ended").count() == 1
    assert by_password("bob").get("/t/acme/").status_code == 200, "he signs in anew"


def test_the_admin_site_lists_and_ends_them_too(world: World) -> None:
    bob, adam = both(world), by_password("adam")
    adam.post("/admin/tenant/", {"slug": "acme", "reason": "lost phone"})
    one = page_of(world).split("/")[-2]
    shown = adam.get(f"/admin/tenants/membership/{one}/change/").content.decode()
    assert "Bobs phone" in shown and bob.session.session_key not in shown
    why = {"confirmed": "yes", "reason": "lost phone"}
    adam.post("/admin/tenants/membership/", {"action": "end_sessions", "_selected_action": [one], **why})
    assert (bob.get("/t/acme/").status_code, bob.get("/t/umbra/").status_code) == (403, 200)


def test_a_stranger_to_the_tenant_is_shown_nowhere_in_it(world: World) -> None:
    mallory = by_password("mallory")
    assert (
        by_password("adam").post(f"{page_of(world)}sessions/{name_of(mallory.session.session_key)}/end/").status_code
        == 404
    )
    assert mallory.get("/t/umbra/").status_code == 200
