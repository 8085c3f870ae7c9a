"""ROLL-9: one team carries so many rollouts at once, also when two start in the same instant."""

from dataclasses import replace

import pytest

from apps.rollouts import actions
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout
from apps.tenants.models import Team
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction
from tests.rollouts.factory import approved, running
from tests.rollouts.test_concurrency import at_once
from tests.world import NOW, SETUP, World, make_workload


def waiting(world: World, key: str) -> Rollout:
    """A rollout of another workload of the same team, approved and not started."""
    with tenant_transaction(world.tenant.id):
        workload, _, candidate = make_workload(world.tenant, world.alice, key, team=world.team)
    return approved(replace(world, workload=workload, candidate=candidate))


def start(world: World, rollout: Rollout) -> Rollout:
    with tenant_transaction(world.tenant.id):
        fresh = Rollout.objects.select_related("workload__team", "version", "approval").get(id=rollout.id)
        return actions.start_rollout(rollout=fresh, actor=SETUP, now=NOW)


def test_a_third_rollout_waits_until_one_of_two_has_ended(world: World) -> None:
    first = running(world)
    second, third = waiting(world, "W-02"), waiting(world, "W-03")
    start(world, second)
    with pytest.raises(Refused, match="carries W-01, W-02 already and may carry 2 at once") as refused:
        start(world, third)
    assert list(refused.value.data["conditions"]) == ["hands free"]
    with tenant_transaction(world.tenant.id):
        Rollout.objects.filter(id=first.id).update(state=State.ROLLED_BACK)
    assert start(world, third).state == State.RUNNING


def test_a_running_rollout_does_not_stand_in_its_own_way(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        Team.objects.filter(id=world.team.id).update(rollouts_at_once=1)
    assert running(world).state == State.RUNNING


def test_of_two_that_start_at_once_for_the_last_hand_one_does(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        Team.objects.filter(id=live_world.team.id).update(rollouts_at_once=1)
    pair = [waiting(live_world, key) for key in ("W-02", "W-03")]
    outcome = at_once(*[lambda rollout=rollout: start(live_world, rollout) for rollout in pair])
    assert outcome.count("done") == 1
    with tenant_transaction(live_world.tenant.id):
        assert Rollout.objects.filter(state=State.RUNNING).count() == 1
