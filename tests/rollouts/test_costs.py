"""ROLL-2, COST-9: without a cost gate that is complete and live a rollout neither starts nor steps."""

import pytest

from apps.pricing import queries as pricing
from apps.pricing.actions import forget_price
from apps.rollouts import actions
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import add_tier, cap
from tests.rollouts.factory import MINUTE, approved, baked, running
from tests.world import NOW, World


def start(world: World, rollout: Rollout) -> Rollout:
    with tenant_transaction(world.tenant.id):
        return actions.start_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW)


def test_a_start_is_refused_while_the_cost_gate_is_incomplete_and_changes_nothing(world: World) -> None:
    rollout = approved(world)
    premium = add_tier(world, "premium")
    with pytest.raises(Refused) as refusal:
        start(world, rollout)
    assert refusal.value.data["conditions"] == {"cost gate": "Premium has no ceiling: set one."}
    with tenant_transaction(world.tenant.id):
        rollout.refresh_from_db()
        assert (rollout.state, rollout.phase, rollout.snapshot) == (State.AWAITING_APPROVAL, -1, None)
    cap(world, premium)
    assert start(world, rollout).state == State.RUNNING


def test_a_start_is_refused_for_a_model_whose_price_nobody_knows(world: World) -> None:
    rollout = approved(world)
    with tenant_transaction(world.tenant.id):
        price = pricing.own_of(world.tenant.id, "sonnet-4.5").get()
        forget_price(price=price, reason="a wrong one", actor=world.actor(world.adam))
    with pytest.raises(Refused, match=r"Nobody knows what sonnet-4\.5 costs") as refusal:
        start(world, rollout)
    assert list(refusal.value.data["conditions"]) == ["cost gate"]


def test_a_step_waits_until_the_cost_gate_is_complete_again(world: World) -> None:
    rollout = running(world)
    premium = add_tier(world, "premium")
    rollout, at = baked(rollout, start=NOW, minutes=11)
    assert (rollout.state, rollout.phase) == (State.RUNNING, 0)
    assert rollout.look["waiting_for"] == ["Premium has no ceiling: set one."]
    cap(world, premium)
    rollout, _ = baked(rollout, start=at, minutes=1)
    assert (rollout.phase, at) == (1, NOW + 11 * MINUTE)
