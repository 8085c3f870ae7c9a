"""APPR-2, whatever happens: no sequence of edits, role changes, signatures, delegations and new owners ever grants with
the signature of somebody who asked, owns or wrote it, nor with one person, or one authority, in two slots.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.approvals import actions, queries
from apps.approvals.models import ApprovalRequest, State
from apps.approvals.rules import Slot
from apps.audit.models import AuditEntry
from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout
from apps.rollouts.plan import GuardrailPlan, Kind, Metric
from apps.tenants import actions as tenants
from apps.workloads.models import Workload
from portal.errors import PortalError
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_signing import asked, tighten
from tests.signing import sign
from tests.world import NOW, SETUP, World

PEOPLE = ["alice", "bob", "erin", "gina", "charlie"]
ROLES = ["engineering", "ops_lead", "finance"]
names = st.sampled_from(PEOPLE)
signs = st.tuples(st.just("sign"), names, st.none() | names)
steps = st.lists(
    st.one_of(
        signs,
        signs,
        signs,
        st.tuples(st.just("role"), names, st.sets(st.sampled_from(ROLES), max_size=3)),
        st.tuples(st.just("lend"), names, names),
        st.tuples(st.just("edit"), st.sampled_from([0.01, 0.02, 0.03]), st.none()),
        st.tuples(st.just("own"), names, st.none()),
        st.tuples(st.just("unsign"), names, st.none()),
    ),
    min_size=4,
    max_size=20,
)


class Story:
    """One world, one request, and what people try with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        for name in PEOPLE:
            self.role(name, set(ROLES))
        tighten(world, Slot("finance", frozenset({"finance"})), Slot("second", frozenset({"engineering", "ops_lead"})))
        self.rollout, self.request = asked(world)
        self.owners = {world.alice.id}

    def sign(self, name: str, behalf: str | None) -> None:
        user = getattr(self.world, name)
        principal = getattr(self.world, behalf).id if behalf and behalf != name else None
        sign(self._now(), user, self.world.actor(user), NOW, acting_for=principal)

    def role(self, name: str, roles: set[str]) -> None:
        user = getattr(self.world, name)
        tenants.add_member(tenant_id=self.world.tenant.id, user=user, roles=roles, actor=SETUP)

    def lend(self, name: str, to: str) -> None:
        user = getattr(self.world, name)
        actions.delegate(
            tenant_id=self.world.tenant.id,
            principal=user,
            delegate=getattr(self.world, to),
            roles=set(queries.people(self.world.tenant.id)[user.id].roles) & set(ROLES),
            starts_at=NOW,
            ends_at=NOW + timedelta(days=1),
            reason="r",
            actor=self.world.actor(user),
            now=NOW,
        )

    def edit(self, limit: float, _: None) -> None:
        self.rollout.refresh_from_db()
        rollouts.change_plan(
            rollout=self.rollout,
            expected_revision=self.rollout.revision,
            guardrails=[GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, limit)],
            actor=SETUP,
            now=NOW,
        )

    def own(self, name: str, _: None) -> None:
        user = getattr(self.world, name)
        Workload.objects.filter(id=self.world.workload.id).update(owner=user)
        if self._now().state == State.PENDING:
            self.owners.add(user.id)

    def unsign(self, name: str, _: None) -> None:
        user = getattr(self.world, name)
        actions.withdraw_signature(request=self._now(), signer=user, actor=self.world.actor(user), now=NOW, reason="no")

    def _now(self) -> ApprovalRequest:
        return ApprovalRequest.objects.get(id=self.request.id)

    def check(self) -> None:
        granted = AuditEntry.objects.filter(action="approval.granted").first()
        assert (granted is not None) == (self._now().state == State.GRANTED)
        if granted is None:
            return
        seats: dict[str, str] = json.loads(granted.body)["after"]["seats"]
        assert sorted(seats.values()) == ["engineering or operations", "finance", "second"]
        rows = {str(row.person_id): row for row in queries.signatures(self._now()) if row.voided_at is None}
        hands = [rows[person] for person in seats]
        authorities = [row.acting_for_id or row.person_id for row in hands]
        assert len(set(authorities)) == 3
        banned = {self.world.bob.id, *self.owners}
        assert not banned & ({row.person_id for row in hands} | set(authorities))
        assert all(row.seen == self._now().parts for row in hands)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("sign", "erin", None), ("edit", 0.01, None), ("sign", "gina", None), ("sign", "charlie", None)])
@example([("lend", "erin", "charlie"), ("sign", "charlie", "erin"), ("sign", "erin", None), ("sign", "gina", None)])
@example([("lend", "erin", "charlie"), ("sign", "erin", None), ("sign", "charlie", "erin"), ("sign", "gina", None)])
@example([("sign", "erin", None), ("own", "erin", None), ("sign", "gina", None), ("sign", "charlie", None)])
@given(steps)
def test_no_sequence_ever_grants_with_a_hand_that_may_not_sign(world: World, steps: list[Any]) -> None:
    with tenant_transaction(world.tenant.id):
        outer = transaction.atomic()
        outer.__enter__()
        try:
            story = Story(world)
            for verb, first, second in steps:
                attempt: Callable[[Any, Any], None] = getattr(story, verb)
                try:
                    with transaction.atomic():
                        attempt(first, second)
                except PortalError:
                    pass
                story.check()
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)


def test_the_story_does_grant_when_three_who_may_have_signed(world: World) -> None:
    """So that the promise above isn't kept by never granting."""
    with tenant_transaction(world.tenant.id):
        story = Story(world)
        for name in ("erin", "gina", "charlie"):
            story.sign(name, None)
        story.check()
        assert Rollout.objects.get(id=story.rollout.id).approval_id == story.request.id
