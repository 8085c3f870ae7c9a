"""Invitations: sent by an admin, taken up once by whoever holds the mailbox, and silent about who has an account."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.audit import queries as audit
from apps.tenants import actions, invitations, queries
from apps.tenants.models import Invitation
from portal.errors import Forbidden, Invalid, NotFound, PortalError, Refused
from portal.models import OutboxMessage
from portal.outbox.actions import deliver
from portal.tenancy.context import tenant_transaction
from tests.signingin import ADMIN, by_password, idp, through
from tests.world import PASSWORD, SETUP, World, long_address

NOW = datetime.now(UTC)
GOOD = "gravel-otter-mandolin-seven"
DAY = timedelta(days=1)


def invite(world: World, email: str = "new@example.org", roles: tuple[str, ...] = ("frontline",), **values: Any) -> Any:
    options: dict[str, Any] = {"by": world.adam, "actor": ADMIN, "now": NOW, **values}
    with tenant_transaction(world.tenant.id):
        return invitations.invite(tenant_id=world.tenant.id, email=email, roles=roles, **options)


def url(made: Invitation) -> str:
    return f"/accounts/invitation/{invitations.link_token(made)}/"


def open_mail(world: World, mailoutbox: list[Any]) -> str:
    """What the outbox sent, and the path in it."""
    with tenant_transaction(world.tenant.id):
        waiting = list(
            OutboxMessage.objects.filter(topic="invitation.sent", delivered_at=None).values_list("id", flat=True)
        )
    deliver(tenant_id=world.tenant.id, message_ids=waiting, now=datetime.now(UTC))
    return "/" + next(word for word in mailoutbox[-1].body.split() if "/invitation/" in word).split("/", 3)[3]


def roles_of(world: World, user: User) -> list[str] | None:
    with tenant_transaction(world.tenant.id):
        found = queries.membership(world.tenant.id, user.id)
        return found.roles if found else None


def accept(path: str, client: Client | None = None, **form: str) -> Any:
    return (client or Client()).post(path, {"name": "Nora New", "password": GOOD, **form})


def test_somebody_new_is_invited_and_comes_in(world: World, mailoutbox: list[Any]) -> None:
    adam = by_password("adam")
    sent = adam.post("/t/acme/people/", {"email": "New@Example.org", "roles": ["frontline", "finance"]})
    assert sent.status_code == 302
    path = open_mail(world, mailoutbox)
    assert mailoutbox[0].to == ["new@example.org"] and "Adam invites you to Acme" in mailoutbox[0].subject
    page = Client().get(path)
    assert page.status_code == 200 and b"new@example.org" in page.content
    assert accept(path).status_code == 302
    made = User.objects.get(email="new@example.org")
    assert (made.name, roles_of(world, made)) == ("Nora New", ["finance", "frontline"])
    assert by_password("new", GOOD).get("/t/acme/").status_code == 200
    with tenant_transaction(world.tenant.id):
        found = [row.action for row in audit.entries(world.tenant.id)[:3]]
        assert found == ["member.added", "invitation.accepted", "invitation.sent"]


def test_whoever_has_an_account_signs_in_and_accepts(world: World, mailoutbox: list[Any]) -> None:
    path = url(invite(world, "nils@example.org"))
    stranger = Client().get(path)
    assert b"You have an account" in stranger.content
    assert accept(path).status_code == 409, "a password for somebody's account isn't set by a link"
    nils = by_password("nils")
    answer = nils.post(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/t/acme/")
    assert roles_of(world, world.nils) == ["frontline"]
    assert User.objects.get(id=world.nils.id).check_password(PASSWORD)


def test_to_the_inviter_an_address_with_an_account_looks_like_one_without(world: World, mailoutbox: list[Any]) -> None:
    adam = by_password("adam")
    for address in ("nils@example.org", "nobody@example.org"):
        answer = adam.post("/api/v1/t/acme/invitations", {"email": address, "roles": []}, "application/json")
        assert (answer.status_code, set(answer.json())) == (
            201,
            {"id", "email", "roles", "invited_by", "sent_at", "expires_at", "accepted_at", "revoked_at"},
        )
        open_mail(world, mailoutbox)
    one, other = (
        re.sub(r"/invitation/\w+|\w+@example.org|\d\d:\d\d", "", f"{mail.subject} {mail.body}") for mail in mailoutbox
    )
    assert one == other


def test_the_link_is_stored_nowhere(world: World) -> None:
    made = invite(world)
    token = invitations.link_token(made)
    with tenant_transaction(world.tenant.id):
        rows = str(list(Invitation.objects.values())) + str(list(OutboxMessage.objects.values()))
    assert token[12:] not in rows and token[:12] in rows


@pytest.mark.parametrize("spoil", [lambda t: t[:-1] + ("a" if t[-1] != "a" else "b"), lambda t: t[:12], lambda t: "x"])
def test_a_link_that_is_not_quite_right_is_unknown(world: World, spoil: Any) -> None:
    token = spoil(invitations.link_token(invite(world)))
    with pytest.raises(NotFound):
        invitations.by_link(token, NOW)
    assert Client().get(f"/accounts/invitation/{token}/").status_code == 404


def test_it_counts_once(world: World) -> None:
    path = url(invite(world))
    assert accept(path).status_code == 302
    again = accept(path, name="Somebody else")
    assert again.status_code == 409 and b"has been used" in again.content
    assert User.objects.get(email="new@example.org").name == "Nora New"


def test_it_counts_for_seven_days(world: World) -> None:
    token = invitations.link_token(invite(world))
    assert invitations.by_link(token, NOW + timedelta(days=7, seconds=-1)).email == "new@example.org"
    with pytest.raises(Refused, match="expired"):
        invitations.accept_as_new(token=token, name="N", password=GOOD, now=NOW + timedelta(days=7))
    assert not User.objects.filter(email="new@example.org").exists()


def test_revoked_it_counts_no_more(world: World) -> None:
    adam, made = by_password("adam"), invite(world)
    assert adam.post(f"/t/acme/people/invitations/{made.id}/revoke/").status_code == 302
    assert accept(url(made)).status_code == 409
    assert adam.post(f"/t/acme/people/invitations/{made.id}/revoke/").status_code == 409
    assert not User.objects.filter(email="new@example.org").exists()


def test_sent_anew_the_former_link_is_dead_and_the_week_begins_again(world: World, mailoutbox: list[Any]) -> None:
    adam, made = by_password("adam"), invite(world, now=NOW - timedelta(days=8))
    former = url(made)
    assert accept(former).status_code == 409
    assert adam.post(f"/api/v1/t/acme/invitations/{made.id}").status_code == 200
    assert Client().get(former).status_code == 404
    path = open_mail(world, mailoutbox)
    assert len(mailoutbox) == 1, "the first mail's link is dead, so it isn't sent"
    assert accept(path).status_code == 302


def test_another_account_does_not_take_it_up(world: World) -> None:
    path = url(invite(world))
    bob = by_password("nils")
    assert bob.get(path).status_code == 200
    assert bob.post(path).status_code == 403
    assert roles_of(world, world.nils) is None


def test_a_session_that_a_provider_vouched_for_takes_nothing_up(world: World) -> None:
    """Mallory's provider says that she is Nils, who was invited here; even with his mail she needs his password."""
    path = url(invite(world, "nils@example.org"))
    with idp() as evil:
        evil.connect(world.other)
        evil.says("m", email="nils@example.org")
        client, _ = through(evil, "umbra", "m")
        assert client.post(path).status_code == 403
    assert roles_of(world, world.nils) is None


def test_a_weak_password_or_no_name_makes_no_account(world: World) -> None:
    path = url(invite(world))
    assert b"too easy to guess" in accept(path, password="password1234").content
    assert b"too short" in accept(path, password="short").content
    assert accept(path, name=" ").status_code == 400
    assert not User.objects.filter(email="new@example.org").exists()
    assert accept(path).status_code == 302


@pytest.mark.parametrize(
    ("values", "error", "code"),
    [
        ({"email": "bob@example.org"}, Refused, "already_a_member"),
        ({"email": "BOB@example.org"}, Refused, "already_a_member"),
        ({"email": "no address"}, Invalid, "email"),
        ({"email": long_address(191)}, Invalid, "email"),
        ({"email": long_address(320)}, Invalid, "email"),
        ({"roles": ("emperor",)}, Invalid, "role_unknown"),
        ({"actor": SETUP}, Forbidden, "right_missing"),
    ],
)
def test_what_is_not_sent(world: World, values: dict[str, Any], error: type[PortalError], code: str) -> None:
    with pytest.raises(error) as refused:
        invite(world, **values)
    assert refused.value.code == code
    with tenant_transaction(world.tenant.id):
        assert Invitation.objects.count() == OutboxMessage.objects.filter(topic="invitation.sent").count() == 0


@pytest.mark.parametrize("length", [191, 260, 319])
def test_an_address_longer_than_the_columns_is_refused_in_words(world: World, length: int) -> None:
    adam, address = by_password("adam"), long_address(length)
    page = adam.post("/t/acme/people/", {"email": address})
    api = adam.post("/api/v1/t/acme/invitations", {"email": address, "roles": []}, "application/json")
    for answer in (page, api):
        assert answer.status_code == 400 and "190 characters" in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not Invitation.objects.exists()
    assert adam.post("/t/acme/people/", {"email": long_address(190)}).status_code == 302


def test_whoever_has_the_longest_address_comes_in_and_is_named_in_the_trail(world: World) -> None:
    made = invite(world, long_address(190), ("admin",))
    assert accept(url(made)).status_code == 302
    client = Client()
    client.post("/accounts/login/", {"login": long_address(190), "password": GOOD})
    assert client.post("/admin/tenant/", {"slug": "acme", "reason": "r"}).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_one_open_invitation_an_address_and_an_expired_one_makes_room(world: World) -> None:
    invite(world)
    with pytest.raises(Refused, match="open invitation"):
        invite(world)
    later = invite(world, now=NOW + timedelta(days=7))
    with tenant_transaction(world.tenant.id):
        assert [row.id for row in queries.invitations(world.tenant.id).filter(revoked_at=None)] == [later.id]


def test_nobody_mails_strangers_all_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    first = invite(world, "a@example.com", now=NOW - timedelta(hours=1))
    invite(world, "b@example.com")
    with pytest.raises(Refused, match="2 invitations a day"):
        invite(world, "c@example.com")
    with tenant_transaction(world.tenant.id), pytest.raises(Refused, match="2 invitations a day"):
        invitations.resend(invitation=first, actor=ADMIN, now=NOW)
    assert invite(world, "c@example.com", now=NOW + DAY).email == "c@example.com"


def test_what_is_sent_anew_counts_as_one_more_mail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 3)
    made = invite(world)
    for number in (1, 2):
        with tenant_transaction(world.tenant.id):
            invitations.resend(invitation=made, actor=ADMIN, now=NOW + number * timedelta(minutes=10))
    hour = NOW + timedelta(hours=1)
    with tenant_transaction(world.tenant.id):
        assert invitations.sent_today(world.tenant.id, hour) == 3
        with pytest.raises(Refused, match="3 invitations a day"):
            invitations.resend(invitation=made, actor=ADMIN, now=hour)
    with pytest.raises(Refused, match="3 invitations a day"):
        invite(world, "b@example.com", now=hour)
    assert invite(world, "b@example.com", now=NOW + DAY).email == "b@example.com"


def test_it_is_not_sent_anew_within_ten_minutes(world: World) -> None:
    made = invite(world)
    with tenant_transaction(world.tenant.id):
        for seconds in (0, 599):
            with pytest.raises(Refused, match="last ten minutes"):
                invitations.resend(invitation=made, actor=ADMIN, now=NOW + timedelta(seconds=seconds))
        again = invitations.resend(invitation=made, actor=ADMIN, now=NOW + timedelta(minutes=10))
        with pytest.raises(Refused, match="last ten minutes"):
            invitations.resend(invitation=made, actor=ADMIN, now=NOW + timedelta(minutes=19))
        assert Invitation.objects.get().key == again.key
        assert OutboxMessage.objects.filter(topic="invitation.sent").count() == 2
    assert by_password("adam").post(f"/t/acme/people/invitations/{made.id}/resend/").status_code == 409


def test_somebody_who_left_is_invited_back_with_the_new_roles_alone(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        left = queries.membership(world.tenant.id, world.erin.id)
        assert left is not None
        actions.end_membership(member=left, actor=SETUP, now=NOW)
    assert by_password("erin").post(url(invite(world, "erin@example.org"))).status_code == 302
    assert roles_of(world, world.erin) == ["frontline"]


def test_people_are_an_admins_to_invite_and_see(world: World) -> None:
    made = invite(world)
    for name in ("alice", "gina", "audrey"):
        client = by_password(name)
        assert client.get("/t/acme/people/").status_code == 403
        assert client.post("/t/acme/people/", {"email": "x@example.org"}).status_code == 403
        assert client.post(f"/t/acme/people/invitations/{made.id}/resend/").status_code == 403
        assert client.get("/api/v1/t/acme/invitations").status_code == 403
        assert client.delete(f"/api/v1/t/acme/invitations/{made.id}").status_code == 403
    with tenant_transaction(world.tenant.id):
        assert [row.key for row in Invitation.objects.all()] == [made.key]


def test_the_admin_site_revokes_and_sends_anew(world: World) -> None:
    adam, made = by_password("adam"), invite(world, now=NOW - timedelta(hours=1))
    adam.post("/admin/tenant/", {"slug": "acme", "reason": "r"})
    assert b"new@example.org" in adam.get("/admin/tenants/invitation/").content
    why = {"confirmed": "yes", "reason": "it got lost"}
    for action in ("resend", "revoke"):
        adam.post("/admin/tenants/invitation/", {"action": action, "_selected_action": [str(made.id)], **why})
    with tenant_transaction(world.tenant.id):
        after = Invitation.objects.get(id=made.id)
        assert after.key != made.key and after.revoked_at is not None


@pytest.mark.parametrize(("path", "expected"), [("/t/acme/people/", 13), ("/api/v1/t/acme/invitations", 10)])
def test_the_lists_cost_the_same_with_one_invitation_and_with_three(world: World, path: str, expected: int) -> None:
    adam = by_password("adam")
    invite(world)

    def cost() -> int:
        adam.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert adam.get(path).status_code == 200
        return len(captured)

    assert cost() == expected
    invite(world, "b@example.com"), invite(world, "c@example.com")
    assert cost() == expected
