"""A tenant's own sign-in vouches inside that tenant alone (TEN-1, docs/decisions/0007): end to end over HTTP, against a
real OpenID provider, run by somebody honest and by somebody who isn't.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as METHODS
from django.test import Client, override_settings
from django.urls import reverse

from apps.accounts.models import Session, User
from apps.audit import queries as audit
from apps.tenants import actions, invitations, provider, queries
from apps.tenants.directory import actor_for_user
from apps.tenants.models import Membership, ProviderIdentity
from apps.tenants.roles import Role
from portal.admin import session
from portal.errors import Forbidden, Invalid
from portal.signin import SignIn
from portal.tenancy.context import tenant_transaction
from tests.signingin import ADMIN, LOOPBACK, Idp, by_password, idp, left, through
from tests.world import PASSWORD, SETUP, World

NOW = datetime.now(UTC)


@pytest.fixture
def login() -> Iterator[Idp]:
    with idp() as running:
        yield running


def join(world: World, user: User, *roles: Role) -> Membership:
    """Into the other tenant, which is Mallory's."""
    with tenant_transaction(world.other.id):
        return actions.add_member(tenant_id=world.other.id, user=user, roles=roles, actor=SETUP)


def identities(world: World) -> list[tuple[str, str]]:
    with tenant_transaction(world.tenant.id):
        return [(row.user.email, row.subject) for row in queries.identities(world.tenant.id)]


def test_a_member_comes_in_through_the_tenants_own_sign_in(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.says("sub-alice", email="Alice@example.org", name="A. Other")
    client, answer = through(login, "acme", "sub-alice")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/t/acme/")
    assert client.get("/t/acme/workloads/").status_code == 200
    assert identities(world) == [("alice@example.org", "sub-alice")]
    assert Session.objects.get(session_key=client.session.session_key).limited_to == world.tenant
    world.alice.refresh_from_db()
    assert world.alice.name == "Alice", "the provider doesn't rename an account"
    with tenant_transaction(world.tenant.id):
        entry = audit.entries(world.tenant.id).filter(action="provider.bound").get()
        assert "sub-alice" in entry.body and entry.actor == "alice@example.org"


# What is somebody's own, and what belongs to another tenant: none of it may open.
CLOSED = [
    "/accounts/sessions/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/reauthenticate/",
    "/accounts/second-factor/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/recovery-codes/",
    "/accounts/2fa/recovery-codes/generate/",
    "/accounts/2fa/keys/",
    "/accounts/2fa/keys/add/",
    "/accounts/2fa/reauthenticate/",
]


def test_a_hostile_provider_reaches_its_own_tenant_and_nothing_else(world: World, login: Idp) -> None:
    """Mallory is admin of a tenant and runs its provider, which says that she is Adam: a member there, and the admin
    of another tenant.
    """
    join(world, world.adam)
    login.connect(world.other, enforces_mfa=True)
    login.says("mallory-as-adam", email="adam@example.org", amr=["mfa"])
    honest = by_password("adam")
    assert honest.get("/t/acme/people/").status_code == 200, "there is something to reach"
    hashed = User.objects.get(id=world.adam.id).password

    evil, _ = through(login, "umbra", "mallory-as-adam")
    assert evil.get("/t/umbra/").status_code == 200, "inside her own tenant her provider's word counts"
    for path in ("/t/acme/", "/t/acme/people/", "/t/acme/workloads/", "/t/acme/tokens/"):
        assert evil.get(path).status_code == 404, path
        assert evil.post(path, {"email": "m@example.org"}).status_code == 404, path
    assert evil.get("/api/v1/t/acme/members").status_code == 404
    foreign, none = evil.get("/t/acme/"), evil.get("/t/nowhere/")
    assert foreign.content.count(b"cme") == none.content.count(b"cme"), "not even that it exists"
    assert evil.get("/").headers["Location"] == "/t/umbra/", "nor that he is a member of it"

    assert evil.get("/admin/tenant/").status_code == 404, "nor that he is an admin anywhere"
    assert evil.post("/admin/tenant/", {"slug": "acme", "reason": "r"}).status_code == 404
    for path in CLOSED:
        assert evil.get(path).status_code == 403, path
        assert evil.post(path, {"password": "x", "address": "m@example.org"}).status_code == 403, path
    evil.post("/accounts/sessions/end-others/")
    assert evil.post(reverse("my_zone", args=["umbra"]), {"zone": "Asia/Tokyo"}).status_code == 403
    assert honest.get("/t/acme/people/").status_code == 200, "his own session goes on"
    assert User.objects.get(id=world.adam.id).password == hashed
    assert User.objects.get(id=world.adam.id).email == "adam@example.org"


def test_a_hostile_provider_makes_nobody_a_platform_operator(world: World, login: Idp) -> None:
    join(world, world.otto, Role.ADMIN)
    login.connect(world.other, enforces_mfa=True)
    login.says("o", email="otto@example.org", amr=["mfa"])
    assert by_password("otto").post("/admin/tenant/", {"slug": "acme", "reason": "r"}).status_code == 302
    evil, _ = through(login, "umbra", "o")
    assert evil.post("/admin/tenant/", {"slug": "acme", "reason": "r"}).status_code == 404
    assert evil.post("/admin/tenant/", {"slug": "umbra", "reason": "r"}).status_code == 302
    assert evil.get("/admin/tenants/membership/").status_code == 200, "its own admin's pages"
    assert evil.get("/admin/accounts/user/").status_code == 403
    assert evil.get("/admin/tenants/tenant/").status_code == 403


def test_the_limit_holds_even_for_a_session_that_names_an_identity_of_ours(world: World, login: Idp) -> None:
    """Two walls: the tenant that vouched, and the row that binds. Neither leans on the other."""
    login.connect(world.tenant)
    login.says("a", email="alice@example.org")
    through(login, "acme", "a")
    with tenant_transaction(world.tenant.id):
        identity = ProviderIdentity.objects.get()
        bound = SignIn("s", world.tenant.id, identity.id)
        assert actor_for_user(world.alice, world.tenant, bound) is not None
        assert actor_for_user(world.alice, world.tenant, replace(bound, tenant_id=world.other.id)) is None
        assert actor_for_user(world.alice, world.tenant, replace(bound, identity_id=world.bob.id)) is None


def test_a_session_kept_by_the_admin_pages_does_not_outlive_the_limit(world: World, login: Idp) -> None:
    """The admin's hour in one tenant was opened with a password; a provider's session begins with nothing of it."""
    join(world, world.adam)
    login.connect(world.other)
    login.says("a", email="adam@example.org")
    client = by_password("adam")
    client.post("/admin/tenant/", {"slug": "acme", "reason": "r"})
    assert client.get("/admin/tenants/membership/").status_code == 200
    through(login, "umbra", "a", client=client)
    assert session.KEY not in client.session and METHODS not in client.session
    assert client.get("/admin/tenants/membership/").status_code == 302
    assert client.get("/t/acme/").status_code == 404


def test_a_password_session_after_a_limited_one_is_whole_again(world: World, login: Idp) -> None:
    join(world, world.alice)
    login.connect(world.other)
    login.says("a", email="alice@example.org")
    client, _ = through(login, "umbra", "a")
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"login": "alice@example.org", "password": PASSWORD})
    assert client.get("/t/acme/").status_code == client.get("/t/umbra/").status_code == 200


def test_a_callback_of_one_tenant_does_not_open_another(world: World, login: Idp) -> None:
    """Mallory begins at her tenant and brings what her provider sent to ours."""
    login.connect(world.other)
    login.says("a", email="alice@example.org")
    with idp() as ours:
        ours.connect(world.tenant)
        client = Client()
        back = login.approve(left(client, "umbra"), "a").replace("/oidc/umbra/", "/oidc/acme/")
        refused = client.get(back)
        assert refused.status_code == 409 and b"began in another browser" in refused.content, "before anybody is asked"
    assert "_auth_user_id" not in client.session
    assert identities(world) == []


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"email": "alice@example.org", "email_verified": False}, "not verified"),
        ({"email": "alice@example.org", "email_verified": ["true"]}, "verified in an odd way"),
        ({"email": "alice@example.org", "email_verified": {"true": True}}, "verified in an odder way"),
        ({"email": ["alice@example.org"]}, "several addresses"),
        ({"email": "mallory@example.org"}, "of another tenant"),
        ({"email": "nobody@example.org"}, "unknown"),
        ({"email": "alice@example.org.evil.example"}, "of another domain"),
        ({}, "no address"),
    ],
)
def test_who_is_not_known_here_does_not_come_in(world: World, login: Idp, claims: dict[str, Any], why: str) -> None:
    login.connect(world.tenant)
    login.says("x", **claims)
    before = User.objects.count()
    client, answer = through(login, "acme", "x")
    assert (answer.status_code, b"this tenant doesn" in answer.content) == (403, True), why
    assert "_auth_user_id" not in client.session
    assert (identities(world), User.objects.count()) == ([], before)


def test_from_the_second_time_on_the_subject_counts_and_not_the_address(world: World, login: Idp) -> None:
    """Bob changes his address at the provider to Alice's: he stays Bob."""
    login.connect(world.tenant)
    login.says("sub-bob", email="bob@example.org")
    through(login, "acme", "sub-bob")
    login.says("sub-bob", email="alice@example.org")
    client, answer = through(login, "acme", "sub-bob")
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(world.bob.id)
    assert identities(world) == [("bob@example.org", "sub-bob")]


def test_a_claim_that_no_column_takes_ends_in_the_ordinary_refusal(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.says("x", email="al\0ice@example.org")
    client, answer = through(login, "acme", "x")
    assert answer.status_code == 409 and "couldn&#x27;t vouch" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_an_address_given_to_somebody_else_does_not_give_them_the_account(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.says("first", email="alice@example.org")
    login.says("second", email="alice@example.org")
    through(login, "acme", "first")
    _, answer = through(login, "acme", "second")
    assert answer.status_code == 403
    assert identities(world) == [("alice@example.org", "first")]


def test_somebody_who_left_does_not_come_in_by_an_identity_that_was_bound(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.says("b", email="bob@example.org")
    through(login, "acme", "b")
    with tenant_transaction(world.tenant.id):
        member = queries.membership(world.tenant.id, world.bob.id)
        assert member is not None
        actions.end_membership(member=member, actor=SETUP, now=NOW)
    assert through(login, "acme", "b")[1].status_code == 403


def invited(world: World, email: str) -> str:
    with tenant_transaction(world.tenant.id):
        made = invitations.invite(
            tenant_id=world.tenant.id, email=email, roles=["frontline"], by=world.adam, actor=ADMIN, now=NOW
        )
    return invitations.link_token(made)


def test_an_invited_person_comes_in_by_the_link_and_never_by_the_providers_word_alone(world: World, login: Idp) -> None:
    """Else a tenant could invite anybody, vouch for them, and read the name on their account."""
    login.connect(world.tenant)
    login.says("n", email="new@example.org", name="Nora New")
    token = invited(world, "new@example.org")
    assert through(login, "acme", "n")[1].status_code == 403
    assert not User.objects.filter(email="new@example.org").exists()
    client, answer = through(login, "acme", "n", invitation=token)
    assert (answer.status_code, client.get("/t/acme/").status_code) == (302, 200)
    made = User.objects.get(email="new@example.org")
    assert (made.name, made.has_usable_password()) == ("Nora New", False)
    with tenant_transaction(world.tenant.id):
        assert queries.is_member(world.tenant.id, "new@example.org")


def test_an_invitation_is_not_taken_up_by_another_address(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.says("x", email="other@example.org")
    assert through(login, "acme", "x", invitation=invited(world, "new@example.org"))[1].status_code == 403


def test_what_comes_back_has_to_be_what_left(world: World, login: Idp) -> None:
    """State: another browser's answer, a repeated one, or one that declines, signs nobody in."""
    login.connect(world.tenant)
    login.says("a", email="alice@example.org")
    client, other = Client(), Client()
    back = login.approve(left(client, "acme"), "a")
    left(other, "acme")
    assert other.get(back).status_code == 409
    assert Client().get(back).status_code == 409
    assert client.get(back.replace("code=", "error=access_denied&x=")).status_code == 409
    assert client.get(back).status_code == 409, "an attempt is used up by its first answer"
    assert all("_auth_user_id" not in each.session for each in (client, other))


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_another_site_begins_no_sign_in_with_an_address(world: World, login: Idp, is_signed_in: bool) -> None:
    """Else Mallory's page would sign its visitors in as her, at her tenant, and read what they enter there."""
    login.connect(world.tenant)
    login.says("mallory", email="alice@example.org")
    client = by_password("bob") if is_signed_in else Client()
    before = dict(client.session)
    for query in ({}, {"pass": ""}, {"pass": "guessed"}, {"pass": "guessed", "next": "/t/acme/workloads/"}):
        answer = client.get("/accounts/oidc/acme/login/", query)
        assert answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/oidc/acme/"), query
        assert "/login/" not in answer.headers["Location"]
        assert dict(client.session) == before
    mallorys = Client().get("/accounts/oidc/acme/").context["way"]
    client.get("/accounts/oidc/acme/")
    assert client.get(mallorys).headers["Location"] == "/accounts/oidc/acme/", "nor with a link made for herself"
    assert client.post("/accounts/oidc/acme/login/").status_code == 405
    assert "signin.attempt" not in client.session


def test_the_link_to_the_provider_counts_once_and_for_its_tenant(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.connect(world.other)
    client = Client()
    way = client.get("/accounts/oidc/acme/", {"next": "/t/acme/workloads/"}).context["way"]
    assert client.get("/accounts/oidc/acme/").context["way"] in way.replace("&next=%2Ft%2Facme%2Fworkloads%2F", "")
    umbra = client.get(way.replace("/acme/login/", "/umbra/login/")).headers["Location"]
    assert umbra == "/accounts/oidc/umbra/?next=%2Ft%2Facme%2Fworkloads%2F"
    assert client.get(way).headers["Location"].startswith(login.issuer)
    assert client.get(way).headers["Location"] == "/accounts/oidc/acme/?next=%2Ft%2Facme%2Fworkloads%2F"


def test_the_page_to_come_back_to_and_the_invitation_go_all_the_way(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.says("n", email="new@example.org", name="Nora New")
    client = Client()
    page = client.get(f"/accounts/invitation/{invited(world, 'new@example.org')}/").content.decode()
    query = page.partition("/accounts/oidc/acme/?invitation=")[2].partition('"')[0]
    there = left(client, "acme", {"invitation": query, "next": "/t/acme/workloads/"})
    answer = client.get(login.approve(there, "n"))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/t/acme/workloads/")


def test_a_code_is_taken_once(world: World, login: Idp) -> None:
    login.connect(world.tenant)
    login.says("a", email="alice@example.org")
    client = Client()
    back = login.approve(left(client, "acme"), "a")
    assert client.get(back).status_code == 302
    state = back.partition("state=")[2]
    again = Client()
    fresh = left(again, "acme")
    replayed = back.replace(state, fresh.partition("state=")[2].partition("&")[0])
    assert again.get(replayed).status_code == 409


@pytest.mark.parametrize(
    ("claims", "enforces", "is_strong"),
    [
        ({}, False, False),
        ({"amr": ["pwd"]}, False, False),
        ({"amr": ["pwd", "mfa"]}, False, True),
        ({"acr": ["aal3"], "amr": {"mfa": 1}}, False, False),
        ({"acr": "aal3"}, False, True),
        ({}, True, True),
    ],
)
def test_a_providers_session_is_strong_when_it_says_so_or_the_tenant_does(
    world: World, login: Idp, claims: dict[str, Any], enforces: bool, is_strong: bool
) -> None:
    login.connect(world.tenant, enforces_mfa=enforces)
    login.says("adam", email="adam@example.org", **claims)
    client, _ = through(login, "acme", "adam")
    with override_settings(SECOND_FACTOR="required"):
        assert client.get("/admin/tenant/").status_code == (200 if is_strong else 403)


def test_where_it_is_the_only_way_in_passwords_open_the_tenant_to_admins_alone(world: World, login: Idp) -> None:
    alice, adam = by_password("alice"), by_password("adam")
    assert alice.get("/t/acme/").status_code == 200
    login.connect(world.tenant, is_only_way=True)
    refused = alice.get("/t/acme/workloads/")
    assert refused.status_code == 403
    assert b"/accounts/oidc/acme/?next=%2Ft%2Facme%2Fworkloads%2F" in refused.content
    assert alice.get("/api/v1/t/acme/workloads").json()["code"] == "provider_needed"
    assert adam.get("/t/acme/").status_code == 200
    login.says("a", email="alice@example.org")
    assert through(login, "acme", "a")[0].get("/t/acme/").status_code == 200


@pytest.mark.parametrize("how", ["removed", "unbound", "another issuer", "ended"])
def test_a_providers_session_ends_at_once_with_what_it_rests_on(world: World, login: Idp, how: str) -> None:
    found = login.connect(world.tenant)
    login.says("a", email="alice@example.org")
    client, _ = through(login, "acme", "a")
    assert client.get("/t/acme/").status_code == 200
    with tenant_transaction(world.tenant.id):
        identity = ProviderIdentity.objects.get()
        if how == "removed":
            provider.remove_provider(found=found, actor=ADMIN)
        elif how == "unbound":
            provider.unbind(identity=identity, actor=ADMIN)
        elif how == "another issuer":
            Idp(f"{login.issuer}/other").connect(world.tenant)
        else:
            theirs = queries.sessions_here(world.tenant.id, world.alice.id).get()
            actions.end_session_here(tenant_id=world.tenant.id, session=theirs, actor=ADMIN)
    assert client.get("/t/acme/").status_code == (403 if how == "ended" else 404)


def test_the_settings_are_an_admins_and_the_secret_is_shown_nowhere(world: World, login: Idp) -> None:
    form = {
        "issuer": login.issuer,
        "client_id": "causeway",
        "client_secret": "s3cr3t-of-acme",
        "domains": "Example.org, example.com",
    }
    assert by_password("alice").post("/t/acme/sign-in/", form).status_code == 403
    adam = by_password("adam")
    assert adam.post("/t/acme/sign-in/", form).status_code == 302
    with tenant_transaction(world.tenant.id):
        found = queries.provider(world.tenant.id)
        assert found is not None
        assert (found.domains, "s3cr3t" in found.sealed_secret) == (["example.com", "example.org"], False)
        assert all("s3cr3t" not in entry.body for entry in audit.entries(world.tenant.id))
    assert b"s3cr3t" not in adam.get("/t/acme/sign-in/").content
    answer = adam.post("/t/acme/sign-in/test/", follow=True)
    assert b"It answers" in answer.content
    body = adam.get("/api/v1/t/acme/sign-in-provider").json()
    assert set(body) == {"issuer", "client_id", "domains", "enforces_mfa", "is_only_way"}
    assert (
        adam.put("/api/v1/t/acme/sign-in-provider", {**body, "is_only_way": True}, "application/json").status_code
        == 200
    )
    with tenant_transaction(world.tenant.id):
        kept = queries.provider(world.tenant.id)
        assert kept is not None and (kept.is_only_way, kept.sealed_secret) == (True, found.sealed_secret)
    assert adam.delete("/api/v1/t/acme/sign-in-provider").status_code == 204
    assert adam.get("/api/v1/t/acme/sign-in-provider").status_code == 404


def test_a_token_neither_reads_nor_sets_how_people_come_in(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token('read', 'write')}"}
    for path in ("members", "invitations", "sign-in-provider"):
        assert Client().get(f"/api/v1/t/acme/{path}", headers=headers).status_code == 403


def test_a_private_address_is_no_provider(world: World) -> None:
    """No way into the operator's network by a provider's address, neither typed in nor named by a document."""
    with pytest.raises(Invalid, match="private address"):
        Idp("http://127.0.0.1:9").connect(world.tenant)
    with override_settings(OUTBOUND_NETWORKS=LOOPBACK):
        Idp("http://127.0.0.1:9").connect(world.tenant)
    client = Client()
    word = client.get("/accounts/oidc/acme/").context["way"]
    assert client.get(word).status_code == 400


def test_a_member_without_the_role_sets_nothing(world: World) -> None:
    with tenant_transaction(world.tenant.id), pytest.raises(Forbidden):
        provider.set_provider(
            tenant_id=world.tenant.id,
            issuer="https://login.example.com",
            client_id="c",
            client_secret="s",
            domains=["example.org"],
            enforces_mfa=False,
            is_only_way=False,
            actor=world.actor(world.alice),
        )
    with tenant_transaction(world.tenant.id):
        assert queries.provider(world.tenant.id) is None


def test_a_tenant_without_a_provider_looks_like_none(world: World) -> None:
    answers = [Client().get(f"/accounts/oidc/{slug}/").content for slug in ("acme", "nowhere")]
    assert b"No tenant with a sign-in of its own" in answers[0] and b"No tenant with a sign-in of its own" in answers[1]
