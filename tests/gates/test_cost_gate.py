"""H7, COST-9: whether hard caps are set is read from the gates as they stand, each thing that lacks by name."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.budgets import actions as budgets
from apps.budgets import gates
from apps.budgets.actions import Brake
from apps.budgets.completeness import Kind
from apps.budgets.rules import Pattern
from apps.gates import actions, queries
from apps.gates.criteria import BY_ID
from apps.gates.freshness import Standing, State
from apps.pricing import queries as pricing
from apps.pricing.actions import forget_price
from apps.tenants.queries import config_version
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import add_tier, cap, gated
from tests.world import NOW, SETUP, World, make_workload

TODAY = NOW.date()


def h7(workload: Workload) -> Standing:
    with tenant_transaction(workload.tenant_id):
        found = queries.gate(workload, "harden", NOW).standings
    return next(standing for standing in found if standing.criterion.id == "H7")


def facts(standing: Standing) -> dict[str, Any]:
    assert standing.reported is not None
    return standing.reported.facts


def test_hard_caps_are_read_from_the_gate_and_say_their_figures(world: World) -> None:
    found = h7(world.workload)
    assert (found.state, found.valid_until) == (State.PASS, None)
    assert found.why == "At most 10000.00 USD a month; a user's month: Standard 10,000,000 tokens, hard."
    assert facts(found) == {
        "spend_cap": "10000.00",
        "rows": [{"tier": "Standard", "tokens": 10_000_000, "pattern": "hard"}],
        "lacks": "",
    }
    assert found.reported is not None
    assert (found.reported.is_live, found.reported.observed_at) == (True, NOW)
    assert BY_ID["H7"].judge(facts(found), {}).holds, "it is judged again from what is stored"


def test_without_a_gate_nothing_is_reported_and_without_a_ceiling_it_fails(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        bare, _, _ = make_workload(world.tenant, world.alice, "W-09", is_gated=False)
    assert h7(bare).state is State.NOT_REPORTED
    free = add_tier(world, "free", is_free=True)
    with tenant_transaction(world.tenant.id):
        budgets.set_gate(
            workload=bare, spend_cap=Decimal(5), billing_contact=world.alice, brake=Brake(), actor=SETUP, now=NOW
        )
    found = h7(bare)
    assert (found.state, found.why) == (
        State.FAIL,
        "Standard has no ceiling: set one. Free has no ceiling: set one.",
    )
    assert h7(world.workload).why == "Free has no ceiling: set one."
    cap(world, free)
    assert h7(world.workload).state is State.PASS


def test_it_has_no_waiver_and_cannot_be_typed_in(world: World) -> None:
    """STAGE-4, STAGE-1"""
    with tenant_transaction(world.tenant.id), pytest.raises(Refused, match="no criterion of"):
        actions.ask_for_waiver(
            workload=world.workload,
            criterion_id="H7",
            days=5,
            reason="r",
            requester=world.alice,
            actor=world.actor(world.alice),
            now=NOW,
        )


def lacks(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        workload = Workload.objects.select_related("serving_version").get(id=world.workload.id)
        return [gap.what for gap in gates.look(workload, TODAY)[1]]


def test_a_workload_that_becomes_regulated_later_loses_its_complete_gate(world: World) -> None:
    premium = add_tier(world, "premium")
    cap(world, premium, Pattern.METERED)
    assert lacks(world) == []
    with tenant_transaction(world.tenant.id):
        world.workload.refresh_from_db()
        workloads.edit_workload(
            workload=world.workload, revision=world.workload.revision, actor=SETUP, sensitivity="regulated"
        )
    assert lacks(world) == ["Set the ceiling of Premium anew: W-01 is regulated: only a hard cap (COST-2)."]
    with pytest.raises(Refused, match="only a hard cap"):
        cap(world, premium, Pattern.METERED)
    cap(world, premium)
    assert lacks(world) == []


def test_every_model_that_may_answer_needs_a_price(world: World) -> None:
    """The newest version while none serves, then the one that does; and the budget model."""

    def forget(model: str) -> None:
        with tenant_transaction(world.tenant.id):
            price = pricing.own_of(world.tenant.id, model).get()
            forget_price(price=price, reason="a wrong one", actor=world.actor(world.adam))

    said = "Nobody knows what {} costs, so its calls are refused: set its price on the rate card."
    forget("sonnet-4.5")
    assert lacks(world) == [said.format("sonnet-4.5")]
    with tenant_transaction(world.tenant.id):
        workloads.serve_version(workload=world.workload, version=world.stable, actor=SETUP, reason="in service")
    assert lacks(world) == []
    gated(world, pattern=Pattern.SOFT)
    assert lacks(world) == [said.format("haiku-4.5")]
    with tenant_transaction(world.tenant.id):
        found = gates.missing(Workload.objects.get(id=world.workload.id), ["sonnet-4.5"], TODAY)
    assert [gap.what for gap in found] == [said.format("haiku-4.5"), said.format("sonnet-4.5")]


def test_a_price_that_counts_from_tomorrow_is_none_today(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        day = pricing.own_of(world.tenant.id, "sonnet-4.5").get().valid_from
        assert gates.missing(world.workload, ["sonnet-4.5"], day) == []
        found = gates.missing(world.workload, ["sonnet-4.5"], day - timedelta(days=1))
    assert [gap.kind for gap in found] == [Kind.PRICE]


def test_many_gates_are_read_in_one_statement(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        bare, _, _ = make_workload(world.tenant, world.alice, "W-09", is_gated=False)
        full, _, _ = make_workload(world.tenant, world.alice, "W-10")
        with CaptureQueriesContext(connection) as asked:
            found = gates.read(world.tenant.id)
        assert len(asked) == 1
        assert [gap.kind for gap in found.lacks(bare)] == [Kind.GATE]
        assert [found.lacks(each) for each in (full, world.workload)] == [[], []]
    with tenant_transaction(world.other.id):
        assert gates.read(world.other.id).lacks(world.foreign) == [], "another tenant's is its own"


def test_whatever_may_complete_a_gate_or_break_it_is_told_to_the_decision_path(world: World) -> None:
    def version() -> int:
        with tenant_transaction(world.tenant.id):
            return config_version(world.tenant.id)

    seen = [version()]
    tier = add_tier(world, "premium")
    seen.append(version())
    cap(world, tier)
    seen.append(version())
    gated(world)
    seen.append(version())
    assert seen == sorted(set(seen)), "it moved each time"
