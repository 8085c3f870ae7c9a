"""APPR-1 and APPR-4 over real connections: A10 and A12 as races, and a worker that dies with the last signature."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from apps.approvals import queries
from apps.approvals.models import Signature, State
from apps.approvals.rules import Slot, Verdict
from apps.audit.models import AuditEntry
from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout, RolloutTransition
from portal.errors import Conflict, PortalError, Refused
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_signing import TWICE, asked, join, tighten
from tests.signing import sign
from tests.world import NOW, World


def at_once(world: World, *acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads of their own, begun together; each one's answer, or its refusal."""
    barrier, found = threading.Barrier(len(acts)), [None] * len(acts)

    def run(index: int) -> None:
        try:
            barrier.wait()
            with tenant_transaction(world.tenant.id):
                found[index] = acts[index]()
        except PortalError as error:
            found[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


@pytest.fixture
def asking(live_world: World) -> Iterator[tuple[World, Rollout, Any]]:
    with tenant_transaction(live_world.tenant.id):
        join(live_world, "olga", "ops_lead")
        join(live_world, "fay", "finance")
        tighten(live_world, Slot("finance", frozenset({"finance"})))
        rollout, request = asked(live_world)
    yield live_world, rollout, request


def signing(world: World, name: str, request: Any) -> Callable[[], Any]:
    user = getattr(world, name)
    actor = world.actor(user)
    return lambda: sign(request, user, actor, NOW)


def test_a12_two_last_signatures_at_once_are_one_grant_one_transition_and_one_notification(
    asking: tuple[World, Rollout, Any],
) -> None:
    world, rollout, request = asking
    with tenant_transaction(world.tenant.id):
        signing(world, "fay", request)()
    answers = at_once(world, signing(world, "erin", request), signing(world, "olga", request))
    assert sorted(type(answer).__name__ for answer in answers) == ["ApprovalRequest", "Refused"]
    with tenant_transaction(world.tenant.id):
        assert AuditEntry.objects.filter(action="approval.granted").count() == 1
        assert AuditEntry.objects.filter(action="rollout.approved").count() == 1
        assert OutboxMessage.objects.filter(topic="approval.granted").count() == 1
        assert Signature.objects.count() == 2
        assert RolloutTransition.objects.count() == 1, "granting moves nothing: its owner starts it"
        assert Rollout.objects.get(id=rollout.id).approval_id == request.id


def test_a12_the_last_two_that_are_both_needed_grant_it_together(asking: tuple[World, Rollout, Any]) -> None:
    world, _, request = asking
    states = [
        answer.state for answer in at_once(world, signing(world, "erin", request), signing(world, "fay", request))
    ]
    assert sorted(states) == [State.GRANTED, State.PENDING]


@pytest.mark.parametrize("attempt", range(4))
def test_a10_an_edit_and_the_last_signature_have_exactly_one_order(
    asking: tuple[World, Rollout, Any], attempt: int
) -> None:
    world, rollout, request = asking
    with tenant_transaction(world.tenant.id):
        signing(world, "fay", request)()
    bob = world.actor(world.bob)

    def edit() -> Any:
        found = Rollout.objects.select_related("workload").get(id=rollout.id)
        return rollouts.change_plan(
            rollout=found, expected_revision=rollout.revision, guardrails=[TWICE], actor=bob, now=NOW
        )

    edited, signed = at_once(world, edit, signing(world, "erin", request))
    with tenant_transaction(world.tenant.id):
        now = queries.latest(world.tenant.id, "rollout", rollout.id)
        assert now is not None
        if isinstance(signed, Conflict):
            assert signed.data["changed"] == ["guardrails"]
            assert (now.state, edited.guardrails[0].limit) == (State.PENDING, 0.02)
        else:
            assert isinstance(edited, Conflict | Refused)
            assert (now.state, now.content["guardrails"][0]["limit"]) == (State.GRANTED, 0.05)


def test_a_person_who_signs_twice_at_once_has_signed_once(asking: tuple[World, Rollout, Any]) -> None:
    world, _, request = asking
    answers = at_once(world, signing(world, "erin", request), signing(world, "erin", request))
    assert sorted(type(answer).__name__ for answer in answers) == ["ApprovalRequest", "Refused"]
    with tenant_transaction(world.tenant.id):
        assert [row.verdict for row in Signature.objects.all()] == [Verdict.APPROVE]
