"""WORK-1 to WORK-4 and ROLL-3's posture: the registry's rules, through its actions and its API."""

import json
from decimal import Decimal

import pytest
from django.test import Client

from apps.audit import queries as audit
from apps.audit.models import AuditEntry
from apps.tenants import actions as tenants
from apps.tenants.models import Membership
from apps.workloads import actions, queries
from apps.workloads.models import Workload
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.world import NOW, SETUP, World


def test_a_workload_starts_without_any_authority_in_pilot_and_paused(world: World) -> None:
    """WORK-2: deny by default."""
    with tenant_transaction(world.tenant.id):
        made = actions.register_workload(
            tenant_id=world.tenant.id, key="W-05", owner=world.alice, actor=SETUP, name="Drafts", purpose="p"
        )
        assert (made.stage, made.posture, made.commitment) == ("pilot", "pause", "candidate")
        assert list(queries.live_grants(made)) == []


def test_a_taken_key_an_odd_key_and_a_strange_owner_are_refused(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        common = {"tenant_id": world.tenant.id, "actor": SETUP, "name": "n", "purpose": "p"}
        with pytest.raises(Refused, match="taken"):
            actions.register_workload(key="W-01", owner=world.alice, **common)
        with pytest.raises(Invalid, match="letters, digits"):
            actions.register_workload(key="../admin", owner=world.alice, **common)
        with pytest.raises(Invalid, match="member"):
            actions.register_workload(key="W-06", owner=world.mallory, **common)
        assert Workload.objects.count() == 1


def test_a_version_says_who_changed_the_agent_when_and_why(world: World) -> None:
    """WORK-1."""
    with tenant_transaction(world.tenant.id):
        newest = queries.versions(world.workload).first()
        assert newest is not None
        assert (newest.label, newest.made_by, newest.why) == ("1.1", world.alice, "version 1.1")
        with pytest.raises(Refused, match="never change"):
            actions.add_version(
                workload=world.workload,
                label="1.1",
                model="m",
                prompt_digest="d",
                why="w",
                made_by=world.alice,
                actor=SETUP,
            )


def test_specialists_share_no_prompt_and_too_many_tools_raise_the_finding(world: World) -> None:
    """WORK-3."""
    with tenant_transaction(world.tenant.id):
        other = actions.register_workload(
            tenant_id=world.tenant.id, key="W-02", owner=world.alice, actor=SETUP, name="n", purpose="p"
        )
        common = {"workload": other, "label": "1", "model": "m", "why": "w", "made_by": world.alice, "actor": SETUP}
        with pytest.raises(Refused, match="belongs to W-01"):
            actions.add_version(prompt_digest=world.stable.prompt_digest, **common)
        assert queries.versions(other).count() == 0
        actions.add_version(prompt_digest="fresh", tools=[f"tool-{n}" for n in range(12)], **common)
        assert queries.finding(other) is None
        actions.add_version(prompt_digest="more", tools=[f"tool-{n}" for n in range(13)], **common | {"label": "2"})
        found = queries.finding(other)
        assert found is not None and (found.code, found.said()) == ("AP-01", "13 tools where 12 are the limit")
        last, before = AuditEntry.objects.filter(action="version.added").order_by("-seq")[:2]
        assert ('"finding":"AP-01"' in last.body, "finding" in before.body) == (True, False)


def test_over_the_api_a_prompt_of_another_workload_is_refused_and_nothing_is_registered(world: World) -> None:
    """WORK-3."""
    with tenant_transaction(world.tenant.id):
        other = actions.register_workload(
            tenant_id=world.tenant.id, key="W-02", owner=world.alice, actor=SETUP, name="n", purpose="p"
        )
    headers = {"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"}
    with tenant_transaction(world.tenant.id):
        before = audit.head(world.tenant.id)
    body = {"label": "1", "model": "m", "prompt_digest": world.stable.prompt_digest, "why": "w", "tools": ["search"]}
    url = "/api/v1/t/acme/workloads/W-02/versions"
    refused = Client().post(url, body, content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "prompt_shared")
    assert "W-01" in refused.json()["detail"]
    with tenant_transaction(world.tenant.id):
        assert (queries.versions(other).count(), audit.head(world.tenant.id)) == (0, before)
    body["prompt_digest"] = world.foreign_version.prompt_digest
    assert Client().post(url, body, content_type="application/json", headers=headers).status_code == 201, (
        "another tenant's prompts are nobody's business (TEN-1)"
    )


def test_one_live_grant_a_kind_and_a_limit_needs_its_currency(world: World) -> None:
    grant = {
        "workload": world.workload,
        "action_kind": "refund",
        "authority": world.alice,
        "reason": "r",
        "actor": SETUP,
    }
    with tenant_transaction(world.tenant.id):
        with pytest.raises(Invalid, match="currency"):
            actions.grant_authority(limit_amount=Decimal(5), currency="", **grant)
        actions.grant_authority(limit_amount=Decimal(5), currency="EUR", **grant)
        with pytest.raises(Refused, match="live grant"):
            actions.grant_authority(limit_amount=Decimal(9), currency="EUR", **grant)
        assert [g.limit_amount for g in queries.live_grants(world.workload)] == [Decimal("5.00")]


def test_an_edit_from_an_old_page_loses_and_one_that_changes_nothing_writes_nothing(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        edited = actions.edit_workload(workload=world.workload, revision=1, actor=SETUP, purpose="Better answers.")
        assert edited.revision == 2
        before = audit.head(world.tenant.id)
        actions.edit_workload(workload=edited, revision=2, actor=SETUP, purpose="Better answers.")
        with pytest.raises(Conflict):
            actions.edit_workload(workload=edited, revision=1, actor=SETUP, purpose="Worse.")
        assert audit.head(world.tenant.id) == before


def test_a_fall_of_the_posture_is_anybodys_a_rise_is_governances(world: World) -> None:
    """ROLL-3, READY-1."""
    with tenant_transaction(world.tenant.id):
        alice, gina = world.actor(world.alice), world.actor(world.gina)
        actions.set_posture(workload=world.workload, posture="pause", actor=alice, reason="cost unclear")
        with pytest.raises(Forbidden):
            actions.set_posture(workload=world.workload, posture="authorize", actor=alice, reason="fine now")
        actions.set_posture(workload=world.workload, posture="controlled", actor=gina, reason="cost is visible")
        world.workload.refresh_from_db()
        assert world.workload.posture == "controlled"


def test_the_api_registers_reads_and_refuses_with_problem_json(world: World) -> None:
    token = world.token("read", "write", user=world.alice)
    client, headers = Client(), {"Authorization": f"Bearer {token}"}
    body = {"key": "W-09", "name": "n", "purpose": "p", "fallback_kind": "people", "fallback_description": "by hand"}
    url = "/api/v1/t/acme/workloads"
    made = client.post(url, body, content_type="application/json", headers=headers)
    assert (made.status_code, made.json()["posture"]) == (201, "pause")
    again = client.post(url, body, content_type="application/json", headers=headers)
    assert (again.status_code, again.headers["Content-Type"]) == (409, "application/problem+json")
    assert again.json()["code"] == "key_taken"
    wrong = client.post(url, {"key": "x"}, content_type="application/json", headers=headers)
    assert (wrong.status_code, sorted(wrong.json()["errors"])) == (
        400,
        ["fallback_description", "fallback_kind", "name", "purpose"],
    )
    listed = client.get(url, headers=headers).json()["results"]
    assert [row["key"] for row in listed] == ["W-01", "W-09"]


def test_a_services_token_reads_what_it_is_bound_to_and_registers_nothing(world: World) -> None:
    token = world.token("read", "write", workload_ids=[world.foreign.id])
    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get("/api/v1/t/acme/workloads", headers=headers).json()["results"] == []
    assert Client().get("/api/v1/t/acme/workloads/W-01", headers=headers).status_code == 404
    refused = Client().post("/api/v1/t/acme/workloads", {}, content_type="application/json", headers=headers)
    assert refused.status_code == 403


def test_whoever_left_and_is_let_in_again_begins_anew(world: World) -> None:
    """Teams and rights by name are taken back with the membership; what somebody owns waits for its hand-over."""
    with tenant_transaction(world.tenant.id):
        actions.permit_person(workload=world.workload, user=world.bob, permission="operate_workload", actor=SETUP)
        for name in ("bob", "alice"):
            member = Membership.objects.get(user=world.people[name])
            tenants.end_membership(member=member, actor=SETUP, now=NOW)
            tenants.add_member(tenant_id=world.tenant.id, user=member.user, roles=["frontline"], actor=SETUP)
        entry = AuditEntry.objects.filter(action="member.ended").order_by("seq").first()
    assert entry is not None and json.loads(entry.body)["before"] == {
        "roles": ["incident_responder"],
        "rights": 1,
        "teams": 1,
    }
    assert signed_in("bob").get("/t/acme/workloads/W-01/").status_code == 404
    assert signed_in("alice").get("/t/acme/workloads/W-01/").status_code == 200
