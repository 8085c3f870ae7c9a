"""APPR-4: what is told to whom about approvals, in exact words, once each, and inside one tenant."""

from datetime import timedelta
from typing import Any

import pytest

from apps.approvals import actions, breakglass
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Slot, Verdict
from apps.ownership.models import Notification
from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout
from apps.tenants.models import Membership
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_signing import FINANCE, TWICE, asked, by, join, tighten
from tests.world import NOW, World

LATER = NOW + timedelta(days=30)


@pytest.fixture
def one(live_world: World) -> World:
    """Committed, since a message is delivered in transactions of its own. Fay is of finance, and has to sign, too."""
    with tenant_transaction(live_world.tenant.id):
        join(live_world, "fay", "finance")
        tighten(live_world, FINANCE)
    return live_world


def ask(world: World) -> tuple[Rollout, ApprovalRequest]:
    with tenant_transaction(world.tenant.id):
        return asked(world)


def deliver(world: World, *, again: bool = False) -> None:
    with tenant_transaction(world.tenant.id):
        rows = OutboxMessage.objects.filter(topic__startswith="approval.")
        if again:
            rows.update(delivered_at=None, leased_until=None)
        ids = list(rows.filter(delivered_at=None).order_by("created_at", "id").values_list("id", flat=True))
    assert outbox.deliver(tenant_id=world.tenant.id, message_ids=ids, now=LATER) == len(ids)


def told(world: World, **only: Any) -> set[tuple[str, str, str]]:
    """Person, title and body of all notices; that nobody is told twice is part of it."""
    with tenant_transaction(world.tenant.id):
        rows = Notification.objects.filter(alert=None, **only)
        found = list(rows.values_list("person__name", "title", "body"))
    assert len(found) == len(set(found))
    return set(found)


def about(world: World, what: str) -> set[tuple[str, str]]:
    return {(name, body) for name, title, body in told(world) if title.startswith(f"{what}: ")}


def test_those_who_can_sign_hear_that_it_waits_and_nobody_else(one: World) -> None:
    _, request = ask(one)
    deliver(one)
    body = "Bob asked for it. It expires on 2026-12-05 at 00:00 UTC."
    title = f"Waits for your signature: {request.title}"
    assert told(one) == {("Erin", title, body), ("Fay", title, body)}
    with tenant_transaction(one.tenant.id):
        assert set(Notification.objects.values_list("link", flat=True)) == {f"approvals/{request.id}/"}


def test_whoever_signs_for_somebody_else_hears_of_it_too(one: World) -> None:
    with tenant_transaction(one.tenant.id):
        dora = join(one, "dora", "frontline")
        actions.delegate(
            tenant_id=one.tenant.id,
            principal=one.erin,
            delegate=dora,
            roles={"engineering"},
            starts_at=NOW,
            ends_at=NOW + timedelta(days=29),
            reason="away",
            actor=one.actor(one.erin),
            now=NOW,
        )
    ask(one)
    deliver(one)
    assert {name for name, *_ in told(one)} == {"Dora", "Erin", "Fay"}


def test_a_message_that_comes_twice_is_told_once(one: World) -> None:
    ask(one)
    deliver(one)
    before = told(one)
    deliver(one, again=True)
    assert told(one) == before and len(before) == 2


def test_granted_is_told_to_requester_owner_and_the_other_signers(one: World) -> None:
    """Erin's signature grants it: she knows."""
    _, request = ask(one)
    with tenant_transaction(one.tenant.id):
        by(one, "fay", request)
        by(one, "erin", request)
    deliver(one)
    body = "It has all of its signatures."
    assert about(one, "Approved") == {("Alice", body), ("Bob", body), ("Fay", body)}


def test_rejected_is_told_with_the_reason(one: World) -> None:
    _, request = ask(one)
    with tenant_transaction(one.tenant.id):
        by(one, "fay", request)
        by(one, "erin", request, verdict=Verdict.REJECT)
    deliver(one)
    assert about(one, "Rejected") == {("Alice", "Because."), ("Bob", "Because."), ("Fay", "Because.")}


def test_expired_is_told_to_requester_owner_and_signers(one: World) -> None:
    _, request = ask(one)
    with tenant_transaction(one.tenant.id):
        by(one, "fay", request)
        actions.expire(tenant_id=one.tenant.id, ids=[request.id], now=request.expires_at)
    deliver(one)
    body = "Nobody completed it in time."
    assert about(one, "Expired") == {("Alice", body), ("Bob", body), ("Fay", body)}


def test_taken_back_is_told_to_the_others_and_what_no_longer_waits_is_told_to_nobody(one: World) -> None:
    _, request = ask(one)
    with tenant_transaction(one.tenant.id):
        by(one, "fay", request)
        actions.withdraw_request(request=request, actor=one.actor(one.bob), now=NOW, reason="not now.")
    deliver(one)
    assert about(one, "Taken back") == {("Alice", "Not now."), ("Fay", "Not now.")}
    assert about(one, "Waits for your signature") == set()


def test_what_changed_after_it_was_granted_is_told_to_all_who_rely_on_it(one: World) -> None:
    rollout, request = ask(one)
    with tenant_transaction(one.tenant.id):
        by(one, "fay", request)
        by(one, "erin", request)
        with actions.changing(
            tenant_id=one.tenant.id, kind="rollout", subject_id=rollout.id, actor=one.actor(one.bob), now=NOW
        ):
            Rollout.objects.filter(id=rollout.id).update(plan={**Rollout.objects.get(id=rollout.id).plan, "phases": []})
    deliver(one)
    assert {name for name, _ in about(one, "No longer approved")} == {"Alice", "Erin", "Fay"}
    assert {body for _, body in about(one, "No longer approved")} == {"Changed after it was granted: phases."}


def test_what_falls_back_to_waiting_is_told_to_those_for_whom_it_waits_again(one: World) -> None:
    """Erin judges the guardrails as well, and Fay the phases alone: an edit of guardrails asks Erin anew."""
    rollout, request = ask(one)
    with tenant_transaction(one.tenant.id):
        join(one, "sam", "security")
        tighten(one, FINANCE, Slot("security", frozenset({"security"}), depends=frozenset({"guardrails"})))
        actions.take_policy_anew(request=request, actor=one.actor(one.adam), now=NOW, reason="more eyes")
    deliver(one)
    assert {name for name, _ in about(one, "Waits for your signature")} == {"Erin", "Fay", "Sam"}
    with tenant_transaction(one.tenant.id):
        by(one, "sam", request)
        rollout.refresh_from_db()
        rollouts.change_plan(
            rollout=rollout,
            expected_revision=rollout.revision,
            guardrails=[TWICE],
            actor=one.actor(one.bob),
            now=NOW,
        )
    deliver(one)
    with tenant_transaction(one.tenant.id):
        rows = Notification.objects.filter(title__startswith="Waits for", person__name="Sam")
        assert rows.count() == 2


def test_the_admins_hear_that_nobody_can_sign(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        tighten(live_world, FINANCE)
    _, request = ask(live_world)
    deliver(live_world)
    body = "No member can fill: finance. Give somebody the role, or have the request take the policy anew."
    assert {row for row in told(live_world) if row[1].startswith("Nobody")} == {
        ("Adam", f"Nobody can sign: {request.title}", body)
    }


def test_break_glass_is_told_once_as_such_with_both_names_the_reason_and_the_review(one: World) -> None:
    _, request = ask(one)
    with tenant_transaction(one.tenant.id):
        for name in ("erin", "fay"):
            user = getattr(one, name)
            breakglass.break_glass(
                request=request,
                person=user,
                seen=request.digest,
                reason="customers are blocked",
                actor=one.actor(user),
                now=NOW,
            )
    deliver(one)
    body = "Erin and Fay granted it for a day: customers are blocked. Governance reviews it by 2026-11-25."
    told_of_it = {("Alice", body), ("Bob", body), ("Gina", body)}
    assert about(one, "Granted by break-glass") == told_of_it
    assert about(one, "Approved") == set()


def test_nothing_of_it_reaches_another_tenant(one: World) -> None:
    """Mallory approves there, too: with the same role she hears nothing of what waits here."""
    ask(one)
    deliver(one)
    assert len(told(one)) == 2
    with tenant_transaction(one.other.id):
        assert Notification.objects.count() == 0


def test_whoever_left_is_told_nothing(one: World) -> None:
    _, request = ask(one)
    with tenant_transaction(one.tenant.id):
        by(one, "fay", request)
        Membership.objects.filter(tenant=one.tenant, user=one.fay).update(ended_at=NOW)
        actions.expire(tenant_id=one.tenant.id, ids=[request.id], now=request.expires_at)
    deliver(one)
    assert {name for name, _ in about(one, "Expired")} == {"Alice", "Bob"}
