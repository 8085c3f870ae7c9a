"""APPR-1 to APPR-4 against the database: the cases A4 to A13, delegation, and what each refusal leaves behind."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from apps.approvals import actions, breakglass, policies, queries, subjects
from apps.approvals.models import ApprovalRequest, BreakGlass, Delegation, Signature, State
from apps.approvals.rules import Slot, Verdict
from apps.audit.models import AuditEntry
from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout
from apps.rollouts.plan import GuardrailPlan, Kind, Metric
from apps.tenants import actions as tenants
from apps.tenants.models import Membership, Team
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import drafted
from tests.signing import request_of, sign
from tests.world import NOW, SETUP, World, make_user

DAY = timedelta(days=1)
TWICE = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.02)


def join(world: World, name: str, *roles: str) -> Any:
    user = make_user(name)
    tenants.add_member(tenant_id=world.tenant.id, user=user, roles=roles, actor=SETUP)
    world.people[name] = user
    return user


def tighten(world: World, *slots: Slot) -> None:
    """The rollout's policy with further slots."""
    default = subjects.default("rollout.start")
    policies.set_policy(
        tenant_id=world.tenant.id,
        name=default.name,
        slots=[*default.slots, *slots],
        pending_days=14,
        granted_days=90,
        target_hours=48,
        expected_revision=queries.policy(world.tenant.id, default.name).revision,
        reason="more eyes",
        actor=world.actor(world.adam),
    )


FINANCE = Slot("finance", frozenset({"finance"}), depends=frozenset({"phases"}))


def asked(world: World, actor: Actor | None = None, now: datetime = NOW) -> tuple[Rollout, ApprovalRequest]:
    """A rollout that Bob wrote and, unless it is said otherwise, asked for."""
    rollout = drafted(world)
    rollouts.submit_rollout(rollout=rollout, actor=actor or world.actor(world.bob), now=now)
    return rollout, request_of(rollout)


def by(world: World, name: str, request: ApprovalRequest, **options: Any) -> ApprovalRequest:
    user = getattr(world, name)
    return sign(request, user, world.actor(user), options.pop("now", NOW), **options)


def topics(request: ApprovalRequest) -> list[str]:
    rows = OutboxMessage.objects.filter(key__startswith=str(request.id))
    return sorted(rows.values_list("topic", flat=True))


@pytest.fixture
def tenant(world: World) -> Any:
    with tenant_transaction(world.tenant.id):
        yield


def test_the_last_signature_applies_the_answer_once_and_tells_of_it_once(world: World, tenant: None) -> None:
    """APPR-4."""
    rollout, request = asked(world)
    assert rollout.state == "awaiting_approval"
    assert by(world, "erin", request).state == State.GRANTED
    rollout.refresh_from_db()
    assert rollout.approval_id == request.id
    assert topics(request) == ["approval.granted", "approval.waiting"]
    with pytest.raises(Refused, match="nothing is left"):
        by(world, "erin", request)


@pytest.mark.parametrize(("name", "why"), [("bob", "asked for it"), ("alice", "owns the workload")])
def test_a4_the_requester_and_the_owner_are_refused_and_the_audit_keeps_the_refusal(
    world: World, name: str, why: str
) -> None:
    with tenant_transaction(world.tenant.id):
        member = Membership.objects.get(user=getattr(world, name))
        member.roles = [*member.roles, "engineering"]
        member.save(update_fields=["roles"])
        _, request = asked(world)
    client = signed_in(name)
    answer = client.post(f"/t/acme/approvals/{request.id}/sign/", {"verdict": "approve", "seen": request.digest})
    assert answer.status_code == 403
    with tenant_transaction(world.tenant.id):
        refused = AuditEntry.objects.filter(action="approval.refused")
        assert [json.loads(entry.body)["reason"] for entry in refused] == [f"You can't sign this: {why}."]
        assert not Signature.objects.exists()
        assert request_of(Rollout.objects.get()).state == State.PENDING


def test_a5_the_author_of_the_evidence_is_refused_whatever_roles_they_hold(world: World, tenant: None) -> None:
    """Here the evidence is the plan; nothing that a person is helps."""
    author = Membership.objects.get(user=world.bob)
    author.roles = ["engineering", "ops_lead", "governance", "admin"]
    author.save(update_fields=["roles"])
    _, request = asked(world, actor=SETUP)
    with pytest.raises(Forbidden, match="wrote the plan"):
        by(world, "bob", request)
    assert not Signature.objects.exists()


def test_a6_what_an_edit_touches_falls_and_what_it_leaves_stays(world: World, tenant: None) -> None:
    join(world, "fay", "finance")
    tighten(world, FINANCE, Slot("security", frozenset({"security"}), depends=frozenset({"guardrails"})))
    join(world, "sam", "security")
    rollout, request = asked(world)
    by(world, "fay", request)
    by(world, "sam", request)
    rollouts.change_plan(
        rollout=rollout,
        expected_revision=rollout.revision,
        guardrails=[TWICE],
        actor=world.actor(world.bob),
        now=NOW,
    )
    rows = {row.person.name: row.void_reason for row in queries.signatures(request)}
    assert rows == {"Fay": "", "Sam": "changed since: guardrails"}
    request.refresh_from_db()
    assert sorted(request.waiting_roles) == ["engineering", "ops_lead", "security"]
    by(world, "sam", request)
    assert by(world, "erin", request).state == State.GRANTED


def test_a7_saving_the_same_plan_again_voids_nothing(world: World, tenant: None) -> None:
    join(world, "fay", "finance")
    tighten(world, FINANCE)
    rollout, request = asked(world)
    by(world, "fay", request)
    before = request.digest
    rollouts.change_plan(
        rollout=rollout,
        expected_revision=rollout.revision,
        phases=rollout.phases,
        actor=world.actor(world.bob),
        now=NOW,
    )
    request.refresh_from_db()
    assert request.digest == before
    assert [row.voided_at for row in queries.signatures(request)] == [None]
    assert request.revisions.count() == 1


def test_a8_a_role_lost_before_the_last_signature_is_flagged_and_not_counted(world: World, tenant: None) -> None:
    fay = join(world, "fay", "finance")
    tighten(world, FINANCE)
    _, request = asked(world)
    by(world, "fay", request)
    tenants.add_member(tenant_id=world.tenant.id, user=fay, roles=["frontline"], actor=SETUP)
    assert by(world, "erin", request).state == State.PENDING
    (row, _) = queries.signatures(request)
    assert (row.person, row.voided_at) == (fay, None)
    assert not queries.standing(request).counts(row)
    join(world, "finn", "finance")
    assert by(world, "finn", request).state == State.GRANTED


def test_a9_a_slot_of_a_team_that_is_gone_cannot_be_filled_until_an_admin_points_it_elsewhere(
    world: World, tenant: None
) -> None:
    team = tenants.create_team(tenant_id=world.tenant.id, slug="reviewers", name="Reviewers", actor=SETUP)
    tighten(world, Slot("reviewers", frozenset({"governance"}), team=str(team.id)))
    Team.objects.filter(id=team.id).delete()
    _, request = asked(world)
    assert queries.standing(request).unsatisfiable == ["reviewers"]
    assert topics(request) == ["approval.unsatisfiable", "approval.waiting"]
    by(world, "erin", request)
    with pytest.raises(Forbidden, match="None of the open slots"):
        by(world, "gina", request)
    tighten(world, Slot("reviewers", frozenset({"governance"})))
    actions.take_policy_anew(request=request, actor=world.actor(world.adam), now=NOW, reason="the team is gone")
    assert by(world, "gina", request).state == State.GRANTED


def test_a10_a_signature_on_what_was_there_before_the_edit_gets_the_difference(world: World, tenant: None) -> None:
    rollout, request = asked(world)
    seen = request.digest
    rollouts.change_plan(
        rollout=rollout,
        expected_revision=rollout.revision,
        guardrails=[TWICE],
        actor=world.actor(world.bob),
        now=NOW,
    )
    with pytest.raises(Conflict) as conflict:
        by(world, "erin", request, seen=seen)
    assert conflict.value.data["changed"] == ["guardrails"]
    assert conflict.value.data["before"]["guardrails"][0]["limit"] == 0.05
    assert conflict.value.data["after"]["guardrails"][0]["limit"] == 0.02
    assert by(world, "erin", request, seen=conflict.value.data["digest"]).state == State.GRANTED


def test_a10_an_edit_after_the_last_signature_is_refused(world: World, tenant: None) -> None:
    rollout, request = asked(world)
    revision = rollout.revision
    by(world, "erin", request)
    rollout.refresh_from_db()
    for expected in (revision, rollout.revision):
        with pytest.raises(Refused, match="approved plan doesn't change"):
            rollouts.change_plan(
                rollout=rollout,
                expected_revision=expected,
                guardrails=[TWICE],
                actor=world.actor(world.bob),
                now=NOW,
            )


def test_a11_day_14_to_its_last_second_is_pending_and_day_15_is_expired(world: World, tenant: None) -> None:
    rollout, request = asked(world)
    ends = datetime(2026, 12, 5, tzinfo=NOW.tzinfo)
    assert request.expires_at == ends
    actions.expire(tenant_id=world.tenant.id, ids=[request.id], now=ends - timedelta(seconds=1))
    request.refresh_from_db()
    assert request.state == State.PENDING
    with pytest.raises(Refused, match="expired"):
        by(world, "erin", request, now=ends)
    actions.expire(tenant_id=world.tenant.id, ids=[request.id], now=ends)
    request.refresh_from_db()
    rollout.refresh_from_db()
    assert (request.state, rollout.state) == (State.EXPIRED, "draft")
    assert topics(request) == ["approval.expired", "approval.waiting"]


def test_a13_break_glass_takes_two_people_lasts_a_day_and_is_reviewed_by_a_third(world: World, tenant: None) -> None:
    join(world, "olga", "ops_lead")
    tighten(world, FINANCE)
    rollout, request = asked(world)
    common: dict[str, Any] = {"seen": request.digest, "reason": "customers are blocked", "now": NOW}

    def call(name: str) -> ApprovalRequest:
        user = getattr(world, name)
        return breakglass.break_glass(request=request, person=user, actor=world.actor(user), **common)

    for name in ("alice", "bob", "charlie"):
        with pytest.raises(Forbidden):
            call(name)
    assert call("erin").state == State.PENDING
    with pytest.raises(Refused, match="somebody else"):
        call("erin")
    assert request_of(rollout).state == State.PENDING
    granted = call("olga")
    assert (granted.state, granted.granted_until, granted.by_break_glass) == (State.GRANTED, NOW + DAY, True)
    assert (granted.holds(NOW + DAY - timedelta(seconds=1)), granted.holds(NOW + DAY)) == (True, False)
    told = ["approval.break_glass", "approval.granted", "approval.unsatisfiable", "approval.waiting"]
    assert topics(request) == told
    glass = queries.emergency(request)
    assert glass is not None
    assert glass.review_due_at == NOW + 5 * DAY
    with pytest.raises(Forbidden, match="governance"):
        breakglass.review(glass=glass, reviewer=world.erin, note="ok", actor=world.actor(world.erin), now=NOW)
    breakglass.review(glass=glass, reviewer=world.gina, note="it was right", actor=world.actor(world.gina), now=NOW)
    assert list(queries.reviews_due(world.tenant.id, world.actor(world.gina))) == []


def test_what_break_glass_granted_stops_the_next_step_after_a_day(world: World, tenant: None) -> None:
    """It replaces the signatures, for 24 hours; ROLL-2 is checked again at every step."""
    join(world, "olga", "ops_lead")
    rollout, request = asked(world)
    for name in ("erin", "olga"):
        user = getattr(world, name)
        breakglass.break_glass(
            request=request, person=user, seen=request.digest, reason="now", actor=world.actor(user), now=NOW
        )
    rollout.refresh_from_db()
    with pytest.raises(Refused, match="run out"):
        rollouts.start_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW + DAY)
    rollouts.start_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW + DAY - timedelta(seconds=1))
    assert rollout.state == "running"


def test_one_rejection_sends_the_rollout_back_to_its_author(world: World, tenant: None) -> None:
    rollout, request = asked(world)
    assert by(world, "erin", request, verdict=Verdict.REJECT).state == State.REJECTED
    rollout.refresh_from_db()
    assert (rollout.state, rollout.approval) == ("draft", None)
    rollouts.submit_rollout(rollout=rollout, actor=world.actor(world.bob), now=NOW)
    assert request_of(rollout).id != request.id


def lend(world: World, principal: str, delegate: str, **changes: Any) -> Delegation:
    user = getattr(world, principal)
    values = {
        "roles": {"engineering"},
        "starts_at": NOW,
        "ends_at": NOW + DAY,
        "reason": "away",
        "actor": world.actor(user),
        "now": NOW,
        **changes,
    }
    return actions.delegate(tenant_id=world.tenant.id, principal=user, delegate=getattr(world, delegate), **values)


def test_a_delegate_signs_visibly_in_anothers_place_for_the_time_that_was_said(world: World, tenant: None) -> None:
    lend(world, "erin", "charlie")
    _, request = asked(world)
    with pytest.raises(Refused, match="No delegation"):
        by(world, "charlie", request, acting_for=world.erin.id, now=NOW + DAY)
    assert by(world, "charlie", request, acting_for=world.erin.id).state == State.GRANTED
    (row,) = queries.signatures(request)
    assert (row.person, row.acting_for) == (world.charlie, world.erin)


def test_a_delegation_is_one_step_deep_one_own_role_and_thirty_days_at_most(world: World, tenant: None) -> None:
    lend(world, "erin", "charlie")
    with pytest.raises(Invalid, match="roles that you hold: none"):
        lend(world, "charlie", "gina")
    with pytest.raises(Invalid, match="roles that you hold: engineering"):
        lend(world, "erin", "gina", roles={"finance"})
    with pytest.raises(Invalid, match="30 days"):
        lend(world, "erin", "gina", ends_at=NOW + 31 * DAY)
    with pytest.raises(Invalid, match="another member"):
        lend(world, "erin", "mallory")
    with pytest.raises(Forbidden, match="by yourself"):
        lend(world, "erin", "gina", actor=world.actor(world.gina))
    assert Delegation.objects.count() == 1


def test_nobody_who_is_excluded_signs_through_a_delegate_nor_as_one(world: World, tenant: None) -> None:
    owner = Membership.objects.get(user=world.alice)
    owner.roles = [*owner.roles, "engineering"]
    owner.save(update_fields=["roles"])
    lend(world, "alice", "charlie")
    lend(world, "erin", "bob")
    _, request = asked(world, actor=SETUP)
    with pytest.raises(Forbidden, match="Whom you stand in for can't sign this: owns the workload"):
        by(world, "charlie", request, acting_for=world.alice.id)
    with pytest.raises(Forbidden, match="You can't sign this: wrote the plan"):
        by(world, "bob", request, acting_for=world.erin.id)
    assert not Signature.objects.exists()


def test_one_authority_signs_once_whoever_holds_the_pen(world: World, tenant: None) -> None:
    tighten(world, Slot("second engineer", frozenset({"engineering"})))
    lend(world, "erin", "charlie")
    _, request = asked(world)
    by(world, "charlie", request, acting_for=world.erin.id)
    with pytest.raises(Refused, match="signed with that authority"):
        by(world, "erin", request)
    first = queries.signatures(request)[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        Signature.objects.create(
            tenant_id=world.tenant.id,
            request=request,
            person=world.gina,
            acting_for=world.erin,
            verdict="approve",
            seen={},
            digest=first.digest,
        )


def test_a_token_and_a_service_sign_nothing(world: World, tenant: None) -> None:
    _, request = asked(world)
    token = Actor(kind="service", id=None, label="t", roles=frozenset({"engineering"}), user_id=world.erin.id)
    with pytest.raises(Forbidden, match="Only a person"):
        sign(request, world.erin, token, NOW)
    assert not Signature.objects.exists()


def test_a_signature_can_be_taken_back_and_given_again_while_it_is_open(world: World, tenant: None) -> None:
    tighten(world, FINANCE)
    _, request = asked(world)
    by(world, "erin", request)
    actions.withdraw_signature(
        request=request, signer=world.erin, actor=world.actor(world.erin), now=NOW, reason="too quick"
    )
    request.refresh_from_db()
    assert request.waiting_roles == ["engineering", "finance", "ops_lead"]
    by(world, "erin", request)
    assert [row.voided_at is None for row in queries.signatures(request)] == [False, True]


def test_the_new_owner_of_a_workload_is_excluded_from_then_on(world: World, tenant: None) -> None:
    tighten(world, FINANCE)
    join(world, "fay", "finance")
    _, request = asked(world)
    by(world, "erin", request)
    type(world.workload).objects.filter(id=world.workload.id).update(owner=world.erin)
    assert by(world, "fay", request).state == State.PENDING, "what Erin signed before no longer counts"
    join(world, "olga", "ops_lead")
    assert by(world, "olga", request).state == State.GRANTED


def test_a_looser_policy_is_refused_and_a_tighter_one_holds_for_what_is_asked_next(world: World, tenant: None) -> None:
    _, before = asked(world)
    common: dict[str, Any] = {
        "tenant_id": world.tenant.id,
        "name": "rollout.start",
        "pending_days": 14,
        "granted_days": 90,
        "target_hours": 48,
        "expected_revision": 0,
        "reason": "r",
    }
    admin = world.actor(world.adam)
    with pytest.raises(Invalid, match="can't be left out"):
        policies.set_policy(slots=[FINANCE], actor=admin, **common)
    with pytest.raises(Invalid, match="1 to 14"):
        policies.set_policy(
            slots=subjects.default("rollout.start").slots, actor=admin, **{**common, "pending_days": 15}
        )
    with pytest.raises(Forbidden):
        policies.set_policy(slots=[FINANCE], actor=world.actor(world.erin), **common)
    tighten(world, FINANCE)
    with pytest.raises(Conflict):
        policies.set_policy(slots=[*subjects.default("rollout.start").slots, FINANCE], actor=admin, **common)
    before.refresh_from_db()
    assert len(before.slots) == 1
    assert by(world, "erin", before).state == State.GRANTED


def test_bottlenecks_count_what_waits_by_role_and_what_waits_too_long(world: World, tenant: None) -> None:
    """APPR-3."""
    tighten(world, FINANCE)
    _, request = asked(world)
    by(world, "erin", request)
    assert [(b.role, b.waiting, b.late) for b in queries.bottlenecks(world.tenant.id, NOW + DAY)] == [("finance", 1, 0)]
    late = queries.bottlenecks(world.tenant.id, NOW + timedelta(hours=48, seconds=1))
    assert [(b.role, b.late, b.oldest) for b in late] == [("finance", 1, NOW)]
    assert queries.roles_without_members(world.tenant.id) == ["finance", "ops_lead", "security"]


def test_the_inbox_holds_what_i_can_sign_and_nothing_else(world: World, tenant: None) -> None:
    lend(world, "erin", "charlie")
    _, request = asked(world)

    def waits_for(name: str) -> list[ApprovalRequest]:
        return list(queries.waiting_for(world.tenant.id, world.actor(getattr(world, name)), NOW))

    assert waits_for("erin") == [request]
    for name in ("alice", "bob", "gina", "audrey"):
        assert waits_for(name) == []
    by(world, "erin", request)
    assert waits_for("erin") == []


def test_the_api_shows_a_request_and_lets_a_signed_in_person_sign_it(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        _, request = asked(world)
    url = f"/api/v1/t/acme/approvals/{request.id}"
    token = {"Authorization": f"Bearer {world.token('read', 'write', user=world.erin)}"}
    shown = Client().get(url, headers=token).json()
    assert (shown["state"], shown["signatures"], shown["digest"]) == ("pending", [], request.digest)
    body = {"verdict": "approve", "seen": request.digest}
    refused = Client().post(f"{url}/sign", body, content_type="application/json", headers=token)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_person")
    erin = signed_in("erin")
    stale = erin.post(f"{url}/sign", {**body, "seen": "0" * 64}, content_type="application/json")
    assert (stale.status_code, stale.json()["code"]) == (409, "content_changed")
    signed = erin.post(f"{url}/sign", body, content_type="application/json")
    assert signed.status_code == 200
    assert signed.json()["state"] == "granted"
    assert [row["counts"] for row in signed.json()["signatures"]] == [True]


def test_a_delegate_reads_what_they_can_sign_and_signs_it_on_the_page(world: World) -> None:
    """APPR-2: whoever stands in sees exactly what is signed, before and after, and nothing else of that workload."""
    now = timezone.now()
    charlie = signed_in("charlie")
    with tenant_transaction(world.tenant.id):
        _, request = asked(world, now=now)
    page = f"/t/acme/approvals/{request.id}/"
    assert charlie.get(page).status_code == 404
    with tenant_transaction(world.tenant.id):
        lend(world, "erin", "charlie", starts_at=now, ends_at=now + DAY, now=now)
    assert request.title in charlie.get("/t/acme/approvals/").content.decode()
    assert charlie.get(page).status_code == 200
    said = {"verdict": "approve", "seen": request.digest, "acting_for": str(world.erin.id)}
    assert charlie.post(f"{page}sign/", said).status_code == 302
    assert "Granted" in charlie.get(page).content.decode()
    assert charlie.get("/t/acme/workloads/W-01/").status_code == 404


def test_a_break_glass_is_for_those_who_see_the_request(world: World) -> None:
    now = timezone.now()
    with tenant_transaction(world.tenant.id):
        _, request = asked(world, now=now)
        BreakGlass.objects.create(
            tenant=world.tenant,
            request=request,
            first=world.erin,
            second=world.gina,
            opened_at=now,
            review_due_at=now + DAY,
            reason="customers are blocked",
            first_digest=request.digest,
        )
    assert request.title in signed_in("gina").get("/t/acme/approvals/").content.decode()
    assert request.title not in signed_in("charlie").get("/t/acme/approvals/").content.decode()
