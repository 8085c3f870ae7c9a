"""An address changes: confirmed by its new mailbox, told to the old one, undone within a week; never two alike."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts import emails
from apps.accounts.models import EmailChange, Session, User
from apps.audit import queries as audit
from portal.errors import Invalid, NotFound, Refused
from portal.tenancy.context import tenant_transaction
from tests.signingin import by_password
from tests.world import PASSWORD, World, long_address

NOW = timezone.now()
NEW = "alice@new.example"


def asked(address: str = NEW, name: str = "alice") -> Client:
    """Signed in, confirmed with the password, and asked for."""
    client = by_password(name)
    assert client.get("/accounts/email/").status_code == 302, "the password is asked for first"
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post("/accounts/email/", {"address": address}).status_code == 302
    return client


def link(mail: Any) -> str:
    return "/" + next(word for word in mail.body.split() if "/accounts/email/" in word).split("/", 3)[3]


def address_of(user: User) -> str:
    return User.objects.get(id=user.id).email


def test_an_address_counts_when_its_mailbox_has_confirmed_it(world: World, mailoutbox: list[Any]) -> None:
    other = by_password("alice")
    client = asked()
    assert (address_of(world.alice), mailoutbox[0].to) == ("alice@example.org", [NEW])
    page = client.get(link(mailoutbox[0]))
    assert (page.status_code, address_of(world.alice)) == (200, "alice@example.org"), "looking changes nothing"
    assert client.post(link(mailoutbox[0])).status_code == 302
    assert address_of(world.alice) == NEW
    assert (client.get("/t/acme/").status_code, other.get("/t/acme/").status_code) == (200, 302)
    assert mailoutbox[1].to == ["alice@example.org"] and NEW in mailoutbox[1].body
    with tenant_transaction(world.tenant.id):
        entry = audit.entries(world.tenant.id).filter(action="person.email_changed").get()
        assert NEW in entry.body


def test_the_old_address_undoes_it_and_shuts_everybody_out(world: World, mailoutbox: list[Any]) -> None:
    client = asked()
    client.post(link(mailoutbox[0]))
    undo, stranger = link(mailoutbox[1]), Client()
    assert stranger.get(undo).status_code == 200 and address_of(world.alice) == NEW
    assert b"alice@example.org" in stranger.post(undo).content
    assert address_of(world.alice) == "alice@example.org"
    assert client.get("/t/acme/").status_code == 302
    assert Session.objects.filter(user=world.alice).count() == 0
    assert not User.objects.get(id=world.alice.id).has_usable_password(), "whoever changed the address may know it"
    assert stranger.post(undo).status_code == 404, "once"


def test_what_was_changed_since_can_not_be_undone_against_the_first_address(
    world: World, mailoutbox: list[Any]
) -> None:
    """A thief moves the account twice: the link in their own mailbox must not bring it back to them."""
    client = asked()
    client.post(link(mailoutbox[0]))
    client.post("/accounts/email/", {"address": "thief@second.example"})
    client.post(link(mailoutbox[2]))
    assert address_of(world.alice) == "thief@second.example"
    Client().post(link(mailoutbox[1]))
    assert address_of(world.alice) == "alice@example.org"
    assert Client().post(link(mailoutbox[3])).status_code == 404
    assert address_of(world.alice) == "alice@example.org"


def test_links_run_out(world: World, mailoutbox: list[Any]) -> None:
    asked()
    token = link(mailoutbox[0]).split("/")[-2]
    with pytest.raises(NotFound):
        emails.confirm(token=token, user=world.alice, keep=None, now=timezone.now() + timedelta(days=1))
    emails.confirm(token=token, user=world.alice, keep=None, now=timezone.now())
    with pytest.raises(NotFound):
        emails.undo(token=link(mailoutbox[1]).split("/")[-2], now=timezone.now() + timedelta(days=7))
    assert address_of(world.alice) == NEW


def test_a_link_is_of_no_use_to_anybody_else(world: World, mailoutbox: list[Any]) -> None:
    """A mistyped address: whoever owns it can't take the account over."""
    asked()
    assert by_password("bob").post(link(mailoutbox[0])).status_code == 404
    assert Client().post(link(mailoutbox[0])).status_code == 302, "led to the sign-in"
    confirm = link(mailoutbox[0]).split("/")[-2]
    assert Client().post(f"/accounts/email/undo/{confirm}/").status_code == 404
    assert Client().post("/accounts/email/undo/nonsense/").status_code == 404
    assert address_of(world.alice) == "alice@example.org"


def test_an_address_that_somebody_has_gets_the_same_answer(world: World, mailoutbox: list[Any]) -> None:
    free, taken = asked("free@example.org"), asked("bob@example.org", "erin")
    assert free.get("/accounts/email/").content.count(b"on its way") == taken.get("/accounts/email/").content.count(
        b"on its way"
    )
    assert [mail.to for mail in mailoutbox] == [["free@example.org"], ["bob@example.org"]]
    assert "/accounts/email/confirm/" not in mailoutbox[1].body
    assert EmailChange.objects.filter(new="bob@example.org").count() == 0


def test_two_accounts_never_have_one_address(world: World, mailoutbox: list[Any]) -> None:
    """Both asked while it was free; the second to confirm is refused by the database."""
    alice, erin = asked("shared@example.org"), asked("Shared@example.org", "erin")
    assert alice.post(link(mailoutbox[0])).status_code == 302
    assert erin.post(link(mailoutbox[1])).status_code == 409
    assert [address_of(user) for user in (world.alice, world.erin)] == ["shared@example.org", "erin@example.org"]


def test_undoing_is_refused_when_the_old_address_is_taken(world: World, mailoutbox: list[Any]) -> None:
    client = asked()
    client.post(link(mailoutbox[0]))
    User.objects.create_user("alice@example.org", name="Another")
    with pytest.raises(Refused, match="Another account"):
        emails.undo(token=link(mailoutbox[1]).split("/")[-2], now=timezone.now())
    assert address_of(world.alice) == NEW


def test_an_old_address_that_can_not_be_told_is_not_left(world: World, mailoutbox: list[Any]) -> None:
    asked()
    token = link(mailoutbox[0]).split("/")[-2]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError):
        patch.setattr(emails, "_mail", lambda *args: (_ for _ in ()).throw(OSError("no mail server")))
        emails.confirm(token=token, user=world.alice, keep=None, now=timezone.now())
    assert address_of(world.alice) == "alice@example.org"


@pytest.mark.parametrize("length", [191, 260, 319])
def test_an_address_longer_than_the_columns_is_refused_in_words(
    world: World, mailoutbox: list[Any], length: int
) -> None:
    client = by_password("alice")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    answer = client.post("/accounts/email/", {"address": long_address(length)})
    assert answer.status_code == 400 and b"at most 190 characters" in answer.content
    with pytest.raises(Invalid, match="at most 190 characters"):
        emails.ask(user=world.alice, address=long_address(length), now=NOW)
    assert (mailoutbox, EmailChange.objects.count()) == ([], 0)
    client.post("/accounts/email/", {"address": long_address(190)})
    assert EmailChange.objects.get().new == long_address(190)


def test_ones_own_address_is_no_change(world: World) -> None:
    with pytest.raises(Refused, match="already"):
        emails.ask(user=world.alice, address="ALICE@example.org", now=NOW)
