"""A tenant is set up from the admin: by an operator, through the product's own actions, until it has an admin."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.audit.models import AuditEntry
from apps.tenants import actions
from apps.tenants.models import Invitation, Team, Tenant
from apps.tenants.roles import Role
from portal.tenancy.context import tenant_transaction
from tests.admin.test_admin import act, opened, signed_in
from tests.world import SETUP, World, long_address

NEW = {"slug": "nova", "name": "Nova", "time_zone": "Europe/Berlin", "reason": "contract 12"}


def made(client: Client) -> Tenant:
    answer = client.post("/admin/tenant/new/", NEW)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/set-up/admin/")
    return Tenant.objects.get(slug="nova")


def actions_of(tenant: Tenant) -> list[str]:
    with tenant_transaction(tenant.id):
        return list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))


def test_an_operator_makes_a_tenant_with_admin_teams_and_people_and_leaves_it(live_world: World) -> None:
    otto = signed_in("otto")
    nova = made(otto)
    assert (nova.name, nova.time_zone) == ("Nova", "Europe/Berlin")
    early = otto.post("/admin/set-up/finish/")
    assert early.status_code == 409 and "Invite the first admin before you leave" in early.content.decode()
    assert otto.post("/admin/set-up/admin/", {"email": "nadia@example.org"}).status_code == 302
    assert otto.post("/admin/set-up/teams/", {"teams": "Support\n\nData platform\n"}).status_code == 302
    lines = f"email,roles\nnils@example.org,{Role.ENGINEERING},{Role.OPS_LEAD}\nnew@example.org"
    assert otto.post("/admin/set-up/people/", {"text": lines}).status_code == 302
    with tenant_transaction(nova.id):
        assert set(Team.objects.values_list("slug", "name")) == {
            ("support", "Support"),
            ("data-platform", "Data platform"),
        }
        assert dict(Invitation.objects.values_list("email", "roles")) == {
            "nadia@example.org": ["admin"],
            "nils@example.org": ["engineering", "ops_lead"],
            "new@example.org": [],
        }
    page = otto.get("/admin/set-up/").content.decode()
    assert "Nova lacks 6 of 7. Next: An admin of its own." in page and "/t/nova/workloads/new/" in page
    assert otto.post("/admin/set-up/finish/").headers["Location"] == "/admin/tenant/"
    assert otto.get("/admin/").status_code == 302, "the tenant is closed again"
    assert actions_of(nova) == [
        "tenant.created",
        "operator.session_opened",
        "invitation.sent",
        "team.created",
        "team.created",
        "invitation.sent",
        "invitation.sent",
        "operator.session_closed",
    ]
    with tenant_transaction(nova.id):
        assert all("operator:otto@example.org" in entry.body for entry in AuditEntry.objects.all())
        assert '"reason":"contract 12"' in AuditEntry.objects.filter(action="invitation.sent")[0].body


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"slug": "acme"}, "The address &#x27;acme&#x27; is taken"),
        ({"time_zone": "Mars/Base"}, "is no IANA time zone"),
        ({"reason": ""}, "This field is required"),
        ({"slug": "a b"}, "valid “slug”"),
    ],
)
def test_what_is_wrong_is_said_and_makes_no_tenant(live_world: World, wrong: dict[str, str], said: str) -> None:
    answer = signed_in("otto").post("/admin/tenant/new/", {**NEW, **wrong})
    assert answer.status_code == 400 and said in answer.content.decode()
    assert set(Tenant.objects.values_list("slug", flat=True)) == {"acme", "umbra"}


@pytest.mark.parametrize("name", ["adam", "alice"])
def test_nobody_else_makes_tenants(live_world: World, name: str) -> None:
    client = signed_in(name)
    assert client.get("/admin/tenant/new/").status_code == 404
    assert client.post("/admin/tenant/new/", NEW).status_code == 404
    assert not Tenant.objects.filter(slug="nova").exists()
    assert Client().get("/admin/tenant/new/").status_code == 302


def test_once_there_is_an_admin_an_operator_invites_nobody(world: World) -> None:
    otto = opened("otto")
    for path, sent in (("admin", {"email": "x@example.org"}), ("people", {"text": "x@example.org"})):
        answer = otto.post(f"/admin/set-up/{path}/", sent)
        assert answer.status_code == 400 and "People are invited by a tenant admin" in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not Invitation.objects.exists()


def test_an_operator_takes_a_wrong_first_invitation_back(live_world: World) -> None:
    otto = signed_in("otto")
    nova = made(otto)
    otto.post("/admin/set-up/admin/", {"email": "tpyo@example.org"})
    with tenant_transaction(nova.id):
        row = Invitation.objects.get()
    assert act(otto, Invitation, "revoke", row, reason="a typo").status_code == 302
    assert otto.post("/admin/set-up/finish/").status_code == 409, "a revoked invitation lets nobody in"
    assert otto.post("/admin/set-up/admin/", {"email": "typo@example.org"}).status_code == 302
    assert otto.post("/admin/set-up/finish/").status_code == 302


def test_a_team_of_a_taken_name_is_refused_and_none_is_made(world: World) -> None:
    answer = opened("otto").post("/admin/set-up/teams/", {"teams": "Brand new\nSupport"})
    assert answer.status_code == 400 and "There is a team &#x27;support&#x27; already" in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not Team.objects.filter(slug="brand-new").exists()
        assert Team.objects.get(slug="support").name == "Support"
        actions.create_team(tenant_id=world.tenant.id, slug="brand-new", name="Brand new", actor=SETUP)


def test_many_are_invited_from_a_file_all_or_none_and_the_bad_lines_are_named(world: World) -> None:
    adam = opened("adam")
    bad = "good@example.org,frontline\nnot an address\nx@example.org,king\nalice@example.org\ngood@example.org"
    answer = adam.post("/admin/set-up/people/", {"text": bad})
    page = answer.content.decode()
    assert answer.status_code == 400
    for said in (
        "Nobody was invited.",
        "Line 2: This is no e-mail address.",
        "Line 3: Unknown role &#x27;king&#x27;",
        "Line 4: alice@example.org is a member already",
        "Line 5: good@example.org has an open invitation",
    ):
        assert said in page
    with tenant_transaction(world.tenant.id):
        assert not Invitation.objects.exists()
        assert not AuditEntry.objects.filter(action="invitation.sent").exists()
    assert adam.post("/admin/set-up/people/", {"text": ""}).status_code == 400
    assert adam.post("/admin/set-up/people/", {"text": "good@example.org,frontline"}).status_code == 302
    with tenant_transaction(world.tenant.id):
        assert Invitation.objects.get().roles == ["frontline"]


def test_an_address_longer_than_the_columns_is_a_bad_line(world: World) -> None:
    adam = opened("adam")
    for length in (191, 260, 319):
        answer = adam.post("/admin/set-up/people/", {"text": f"good@example.org\n{long_address(length)},frontline"})
        assert answer.status_code == 400 and "Line 2: An address has at most 190 characters" in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not Invitation.objects.exists()


def test_the_first_admins_address_is_not_longer_than_the_columns(live_world: World) -> None:
    otto = signed_in("otto")
    nova = made(otto)
    answer = otto.post("/admin/set-up/admin/", {"email": long_address(260)})
    assert answer.status_code == 400 and b"at most 190 characters" in answer.content
    with tenant_transaction(nova.id):
        assert not Invitation.objects.exists()


def test_lines_may_end_as_they_do_on_any_machine(world: World) -> None:
    file = SimpleUploadedFile("people.csv", b"email,roles\ra@example.org,frontline\rb@example.org\r\nc@example.org\n")
    assert opened("adam").post("/admin/set-up/people/", {"file": file}).status_code == 302
    with tenant_transaction(world.tenant.id):
        found = {row.email: row.roles for row in Invitation.objects.all()}
    assert found == {"a@example.org": ["frontline"], "b@example.org": [], "c@example.org": []}


def test_a_line_that_is_no_csv_is_named(world: World) -> None:
    file = SimpleUploadedFile("people.csv", f"a@example.org\n{'x' * 200_000}@example.org".encode())
    answer = opened("adam").post("/admin/set-up/people/", {"file": file})
    assert answer.status_code == 400 and "Line 2 can&#x27;t be read as CSV" in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not Invitation.objects.exists()
