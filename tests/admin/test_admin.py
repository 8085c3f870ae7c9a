"""AUD-3, TEN-1 in Django admin, generated from the site's registry: one tenant at a time, with a reason, audited."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ApiToken, User
from apps.approvals.models import ApprovalPolicy
from apps.audit import queries as audit
from apps.gates.models import CriterionLimit
from apps.ownership.models import Channel, Integration
from apps.rollouts.models import Rollout
from apps.tenants.models import Membership, Team
from apps.workloads.models import Workload
from portal.admin import session
from portal.admin.base import PlatformAdmin, TenantAdmin
from portal.tenancy.context import tenant_transaction
from tests.isolation.populate import populate
from tests.world import PASSWORD, World

TENANT_MODELS = [model for model, own in admin.site._registry.items() if isinstance(own, TenantAdmin)]
ADDED_HERE = {CriterionLimit}
PLATFORM_MODELS = [model for model, own in admin.site._registry.items() if isinstance(own, PlatformAdmin)]


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(email=f"{name}@example.org", password=PASSWORD)
    return client


def opened(name: str, slug: str = "acme") -> Client:
    client = signed_in(name)
    answer = client.post("/admin/tenant/", {"slug": slug, "reason": "ticket 4711"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    return client


def url(model: Any, rest: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{rest}"


def act(client: Client, model: Any, action: str, *rows: Any, reason: str = "the phone was lost") -> Any:
    """Choose the rows, be asked, and say why."""
    chosen = {"action": action, "_selected_action": [str(getattr(row, "pk", row)) for row in rows]}
    asked = client.post(url(model), chosen)
    assert asked.status_code == 200 and "stands in the audit trail" in asked.content.decode().lower()
    return client.post(url(model), {**chosen, "confirmed": "yes", "reason": reason})


def test_only_classes_written_for_one_tenant_are_registered() -> None:
    assert len(TENANT_MODELS) >= 9
    assert set(TENANT_MODELS) | set(PLATFORM_MODELS) == set(admin.site._registry)


def test_strangers_and_members_without_the_role_find_nothing(world: World) -> None:
    assert Client().get("/admin/").status_code == 302
    for name in ("alice", "charlie"):
        assert signed_in(name).get("/admin/tenant/").status_code == 404
        assert signed_in(name).post("/admin/tenant/", {"slug": "acme", "reason": "r"}).status_code == 404


def test_a_tenant_admin_opens_their_own_tenant_and_no_other(world: World) -> None:
    client = signed_in("adam")
    foreign = client.post("/admin/tenant/", {"slug": "umbra", "reason": "curious"})
    none = client.post("/admin/tenant/", {"slug": "nowhere", "reason": "curious"})
    assert foreign.status_code == none.status_code == 404
    assert opened("adam").get("/admin/").status_code == 200


@pytest.mark.parametrize("path", ["/admin/password_change/", "/admin/password_change/done/"])
def test_a_password_is_changed_in_one_place_and_not_in_the_admin(world: World, path: str) -> None:
    """Django's own page knows no limit on guesses, writes no entry, sends no mail and lets a limited session in."""
    adam, hashed = opened("adam"), User.objects.get(id=world.adam.id).password
    form = {"old_password": PASSWORD, "new_password1": "gravel-otter-seven", "new_password2": "gravel-otter-seven"}
    for answer in (adam.get(path), adam.post(path, form), adam.post(path, {**form, "old_password": "a guess"})):
        assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/password/change/")
    assert User.objects.get(id=world.adam.id).password == hashed


def test_nothing_opens_without_a_reason_and_opening_is_in_the_tenants_trail(world: World) -> None:
    otto = signed_in("otto")
    assert otto.post("/admin/tenant/", {"slug": "acme", "reason": ""}).status_code == 400
    assert otto.get(url(Workload)).status_code == 302
    opened("otto")
    with tenant_transaction(world.tenant.id):
        entry = audit.entries(world.tenant.id).first()
        assert entry is not None
        assert (entry.action, entry.actor) == ("operator.session_opened", "operator:otto@example.org")
        assert "ticket 4711" in entry.body


def test_a_session_ends_after_its_hour_and_with_the_right_to_it(world: World) -> None:
    client = opened("adam")
    stored = client.session
    stored[session.KEY] = {**stored[session.KEY], "until": (timezone.now() - timedelta(seconds=1)).isoformat()}
    stored.save()
    assert client.get(url(Workload)).status_code == 302
    again = opened("adam")
    with tenant_transaction(world.tenant.id):
        world.adam.memberships.filter(tenant=world.tenant).update(roles=[])
    assert again.get(url(Workload)).status_code == 302


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda m: m._meta.label)
def test_every_list_and_row_shows_the_open_tenant_alone(world: World, model: Any) -> None:
    """With real rows in both: ours are there, theirs are not, by list, by address and by history."""
    populate(world)
    with tenant_transaction(world.tenant.id):
        mine = model._default_manager.first()
    with tenant_transaction(world.other.id):
        theirs = model._default_manager.first()
    assert mine is not None and theirs is not None, "both tenants have something that could leak"
    client = opened("otto")
    page = client.get(url(model))
    assert page.status_code == 200
    assert client.get(url(model, f"{mine.pk}/change/")).status_code == 200
    for rest in (f"{theirs.pk}/change/", f"{theirs.pk}/history/", f"{theirs.pk}/delete/"):
        answer = client.get(url(model, rest))
        assert answer.status_code in {302, 403, 404}
        assert str(theirs) not in answer.content.decode() or str(theirs) == str(mine)
    assert str(theirs.pk) not in page.content.decode()
    assert client.get(url(model, "add/")).status_code == (200 if model in ADDED_HERE else 403)
    assert client.post(url(model, f"{mine.pk}/delete/"), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", PLATFORM_MODELS, ids=lambda m: m._meta.label)
def test_global_rows_are_for_operators_alone(live_world: World, model: Any) -> None:
    assert opened("otto").get(url(model)).status_code == 200
    assert opened("adam").get(url(model)).status_code == 403


def test_what_is_done_goes_through_the_actions_and_into_the_trail(world: World) -> None:
    ours, theirs = populate(world)
    client = opened("adam")
    assert act(client, ApiToken, "revoke", ours.token, theirs.token).status_code == 302
    assert act(client, Rollout, "roll_back", ours.rollout, theirs.rollout).status_code == 302
    with tenant_transaction(world.tenant.id):
        assert ApiToken.objects.get(id=ours.token.id).revoked_at is not None
        rollout = Rollout.objects.get(id=ours.rollout.id)
        assert (rollout.state, rollout.note) == ("rolling_back", "the phone was lost")
        entry = audit.entries(world.tenant.id).first()
        assert entry is not None and entry.actor == "operator:adam@example.org"
    with tenant_transaction(world.other.id):
        assert ApiToken.objects.get(id=theirs.token.id).revoked_at is None
        assert Rollout.objects.get(id=theirs.rollout.id).state == "running"


def test_a_refusal_in_the_admin_is_a_page_and_changes_nothing(world: World) -> None:
    """The last admin can't be shut out, here as little as anywhere."""
    client = opened("otto")
    with tenant_transaction(world.tenant.id):
        member = world.adam.memberships.get(tenant=world.tenant)
    answer = act(client, Membership, "end_memberships", member)
    assert answer.status_code == 409 and "last admin" in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        member.refresh_from_db()
        assert member.ended_at is None


def test_no_secret_stands_in_the_admin(world: World) -> None:
    raw = world.token("read")
    client = opened("adam")
    with tenant_transaction(world.tenant.id):
        token = ApiToken.objects.latest("created_at")
    page = client.get(url(ApiToken, f"{token.pk}/change/")).content.decode()
    assert raw.split("_", 2)[2] not in page
    assert "digest" not in page


def test_an_admin_sets_thresholds_policies_and_roles_and_what_is_refused_is_said(world: World) -> None:
    """STAGE-1, APPR-3: the pages' own actions; looser than the default is refused here too."""
    populate(world)
    adam = opened("adam")
    limits = url(CriterionLimit, "add/")
    assert adam.post(limits, {"criterion": "V3", "name": "inputs", "value": "60"}).status_code == 302
    loose = adam.post(limits, {"criterion": "V4", "name": "units", "value": "10"}, follow=True)
    assert "set a stricter one" in loose.content.decode()
    with tenant_transaction(world.tenant.id):
        assert list(CriterionLimit.objects.filter(name__in=["inputs", "units"]).values_list("value")) == [(60.0,)]
        policy = ApprovalPolicy.objects.get()
        member = Membership.objects.get(user=world.charlie)
        admin_member = Membership.objects.get(user=world.adam)
    days = {"pending_days": 5, "granted_days": 20, "target_hours": 12}
    assert adam.post(url(ApprovalPolicy, f"{policy.pk}/change/"), days).status_code == 302
    refused = adam.post(url(ApprovalPolicy, f"{policy.pk}/change/"), {**days, "granted_days": 900}, follow=True)
    assert "Days that an approval holds" in refused.content.decode()
    assert adam.post(url(Membership, f"{member.pk}/change/"), {"roles": ["finance"]}).status_code == 302
    last = adam.post(url(Membership, f"{admin_member.pk}/change/"), {"roles": ["finance"]}, follow=True)
    assert "last admin" in last.content.decode()
    with tenant_transaction(world.tenant.id):
        policy.refresh_from_db()
        assert (policy.pending_days, policy.granted_days, policy.slots) == (5, 20, policy.slots)
        assert Membership.objects.get(pk=member.pk).roles == ["finance"]
        assert Membership.objects.get(pk=admin_member.pk).roles == ["admin"]


def test_an_operator_who_is_no_member_changes_none_of_them(world: World) -> None:
    otto = opened("otto")
    answer = otto.post(url(CriterionLimit, "add/"), {"criterion": "V3", "name": "inputs", "value": "60"}, follow=True)
    assert "set by a tenant admin" in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not CriterionLimit.objects.exists()
        member = Membership.objects.get(user=world.charlie)
    otto.post(url(Membership, f"{member.pk}/change/"), {"roles": ["admin"]})
    with tenant_transaction(world.tenant.id):
        assert Membership.objects.get(pk=member.pk).roles == ["frontline"]


def test_an_admin_removes_a_lost_phone_and_revokes_a_way_in(world: World) -> None:
    """CALL-5: nothing goes there any more; the audit says who did it and why."""
    ours, _ = populate(world)
    client = opened("adam")
    for model, action, row in (
        (Channel, "remove_channels", ours.paging.channel),
        (Integration, "revoke_integrations", ours.paging.integration),
    ):
        assert act(client, model, action, row).status_code == 302
    with tenant_transaction(world.tenant.id):
        assert Channel.objects.get(id=ours.paging.channel.id).removed_at is not None
        assert Integration.objects.get(id=ours.paging.integration.id).revoked_at is not None
        entry = audit.links(world.tenant.id)
        assert any("channel.removed" in str(link.body) and "the phone was lost" in str(link.body) for link in entry)


def test_an_admin_sets_how_many_rollouts_a_team_carries(world: World) -> None:
    client = opened("adam")
    assert client.post(url(Team, f"{world.team.id}/change/"), {"rollouts_at_once": "3"}).status_code == 302
    with tenant_transaction(world.tenant.id):
        world.team.refresh_from_db()
        assert world.team.rollouts_at_once == 3
    assert client.post(url(Team, f"{world.team.id}/change/"), {"rollouts_at_once": "99"}).status_code in {200, 302}
    with tenant_transaction(world.tenant.id):
        world.team.refresh_from_db()
        assert world.team.rollouts_at_once == 3
