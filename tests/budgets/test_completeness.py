"""COST-9, H7: what a cost gate lacks, each as a sentence that says what to do; until then nobody is served."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.budgets import gates
from apps.budgets.completeness import AtCeiling, Gap, Kind, Policy, Tier, gaps, unpriced
from apps.budgets.rules import Pattern
from apps.pricing import queries as pricing
from apps.pricing.actions import forget_price
from apps.tenants.queries import config_version
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import add_tier, cap, gated
from tests.world import NOW, SETUP, World, make_workload

FREE = Tier(UUID(int=1), "Free", is_free=True, is_default=False)
STANDARD = Tier(UUID(int=2), "Standard", is_free=False, is_default=True)
TIERS = [STANDARD, FREE]
OPEN = Policy("W-01", is_regulated=False, budget_model="haiku")
HARD = AtCeiling(1_000, Pattern.HARD, "")
SOFT = AtCeiling(1_000, Pattern.SOFT, "A smaller model answered.")
METERED = AtCeiling(1_000, Pattern.METERED, "")
TODAY = NOW.date()


def kinds(policy: Policy, standard: AtCeiling | None, free: AtCeiling | None = HARD) -> list[Kind]:
    found = {tier.id: ceiling for tier, ceiling in ((STANDARD, standard), (FREE, free)) if ceiling is not None}
    return [gap.kind for gap in gaps(policy, TIERS, found)]


def test_a_gate_is_complete_with_a_permitted_ceiling_for_every_tier() -> None:
    for standard in (HARD, SOFT, METERED):
        assert kinds(OPEN, standard) == []


def test_each_thing_that_lacks_is_a_sentence_of_its_own() -> None:
    assert gaps(OPEN, TIERS, None) == [
        Gap(Kind.GATE, "W-01 has no cost gate: set its spend cap and a ceiling for every tier.")
    ]
    assert gaps(OPEN, [], {}) == [Gap(Kind.TIERS, "No tier is everybody's: a tenant admin or finance adds one.")]
    assert [gap.what for gap in gaps(OPEN, TIERS, {})] == [
        "Standard has no ceiling: set one.",
        "Free has no ceiling: set one.",
    ]
    assert unpriced({"opus", "haiku", ""}, {"haiku"}) == [
        Gap(Kind.PRICE, "Nobody knows what opus costs, so its calls are refused: set its price on the rate card.")
    ]


@pytest.mark.parametrize(
    ("policy", "standard", "free", "found"),
    [
        (OPEN, HARD, SOFT, [Kind.HARD_ONLY]),
        (OPEN, HARD, METERED, [Kind.HARD_ONLY]),
        (Policy("W-01", True, "haiku"), SOFT, HARD, [Kind.HARD_ONLY]),
        (Policy("W-01", True, "haiku"), METERED, HARD, [Kind.HARD_ONLY]),
        (Policy("W-01", True, "haiku"), HARD, HARD, []),
        (Policy("W-01", False, ""), SOFT, HARD, [Kind.MAY_NOT_DEGRADE]),
        (OPEN, AtCeiling(1, Pattern.SOFT, " "), HARD, [Kind.DISCLOSURE]),
    ],
)
def test_what_is_no_longer_permitted_makes_a_gate_incomplete(
    policy: Policy, standard: AtCeiling, free: AtCeiling, found: list[Kind]
) -> None:
    """COST-2, COST-6, COST-7"""
    assert kinds(policy, standard, free) == found


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
