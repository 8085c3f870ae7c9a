"""COST-1, COST-2, COST-7, COST-9: a gate is set on its page and over the API, by whoever manages the workload."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.budgets import actions
from apps.budgets.models import Closure, CostGate, TierGate, UserMonth, UserTier
from apps.budgets.months import month_at
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated, held, settled
from tests.world import SETUP, World, make_workload

PAGE = "/t/acme/workloads/W-01/cost/"
API = "/api/v1/t/acme/"
GATE = {"spend_cap": "500", "billing_contact": "adam@example.org"}
CEILING = {"tier": "standard", "ceiling": "1000", "pattern": "hard", "thresholds": "70, 90, 100"}


def signed_in(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client


@pytest.fixture
def alice(world: World) -> Client:
    return signed_in(world, "alice")


def tier(world: World, slug: str = "standard", **options: Any) -> UserTier:
    with tenant_transaction(world.tenant.id):
        return actions.create_tier(tenant_id=world.tenant.id, slug=slug, name=slug.capitalize(), actor=SETUP, **options)


def test_a_workload_without_a_gate_says_what_that_means(world: World, alice: Client) -> None:
    page = alice.get(PAGE).content.decode()
    assert "No cost gate yet: nothing is admitted, every request gets the fallback." in page
    assert "Set the gate" in page
    assert "Set the gate" not in signed_in(world, "audrey").get(PAGE).content.decode(), "seeing isn't setting"


def test_whoever_manages_it_sets_gate_and_ceilings(world: World, alice: Client) -> None:
    tier(world), tier(world, "free", is_free=True)
    assert alice.post(f"{PAGE}tiers/standard/", CEILING).status_code == 409, "the gate comes first"
    assert alice.post(f"{PAGE}gate/", {**GATE, "request_calls": "20"}).status_code == 302
    assert alice.post(f"{PAGE}tiers/standard/", CEILING).status_code == 302
    page = alice.get(PAGE).content.decode()
    assert "Free has no ceiling" in page
    with tenant_transaction(world.tenant.id):
        gate = CostGate.objects.get()
        assert (gate.spend_cap, gate.billing_contact, gate.request_calls) == (Decimal(500), world.adam, 20)
        assert (gate.session_calls, TierGate.objects.get().ceiling) == (None, 1_000)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pattern": "soft", "disclosure": "A smaller model answered."}, "policy doesn&#x27;t permit a budget model"),
        ({"pattern": "soft"}, "needs the sentence that tells the user"),
        ({"thresholds": "40, 90, 100"}, "nothing is said below 50"),
        ({"thresholds": "90, 70, 100"}, "rising"),
        ({"thresholds": "a"}, "Three whole numbers"),
        ({"ceiling": "0"}, "greater than or equal to 1"),
        ({"ceiling": "9" * 30}, "less than or equal"),
    ],
)
def test_what_a_ceiling_cannot_be_is_said_and_changes_nothing(
    world: World, alice: Client, change: dict[str, str], said: str
) -> None:
    tier(world)
    alice.post(f"{PAGE}gate/", GATE)
    answer = alice.post(f"{PAGE}tiers/standard/", {**CEILING, **change})
    assert answer.status_code == 200
    assert said in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not TierGate.objects.exists()


@pytest.mark.parametrize("pattern", ["soft", "metered"])
def test_free_tiers_and_regulated_workloads_have_a_hard_cap_and_nothing_else(
    world: World, alice: Client, pattern: str
) -> None:
    """COST-2"""
    tier(world), tier(world, "free", is_free=True)
    with tenant_transaction(world.tenant.id):
        Workload.objects.filter(id=world.workload.id).update(may_degrade=True, budget_tier="haiku-4.5")
    alice.post(f"{PAGE}gate/", GATE)
    wanted = {**CEILING, "pattern": pattern, "disclosure": "A smaller one."}
    assert "is free: only a hard cap" in alice.post(f"{PAGE}tiers/free/", {**wanted, "tier": "free"}).content.decode()
    with tenant_transaction(world.tenant.id):
        Workload.objects.filter(id=world.workload.id).update(sensitivity="regulated")
    assert "is regulated: only a hard cap" in alice.post(f"{PAGE}tiers/standard/", wanted).content.decode()
    with tenant_transaction(world.tenant.id):
        assert not TierGate.objects.exists()
        Workload.objects.filter(id=world.workload.id).update(sensitivity="internal")
    assert alice.post(f"{PAGE}tiers/standard/", wanted).status_code == 302


def test_nobody_else_sets_anything(world: World) -> None:
    tier(world)
    gated(world)
    for name, status in (("charlie", 404), ("mallory", 404), ("audrey", 403), ("bob", 403)):
        client = signed_in(world, name)
        assert client.post(f"{PAGE}gate/", GATE).status_code == status, name
        assert client.post(f"{PAGE}tiers/standard/", CEILING).status_code == status, name
    with tenant_transaction(world.tenant.id):
        assert CostGate.objects.get().spend_cap == 1_000


def test_a_token_that_was_shut_out_is_let_in_with_a_reason(world: World, alice: Client) -> None:
    """COST-4"""
    gated(world)
    settled(world, held(world), 50, 101)
    with tenant_transaction(world.tenant.id):
        closure = Closure.objects.get()
    assert "1 token spent more than held, and is shut out." in alice.get(PAGE).content.decode()
    address = f"{PAGE}closed/{closure.id}/open/"
    alice.post(address, {"reason": " "})
    with tenant_transaction(world.tenant.id):
        assert Closure.objects.get().opened_at is None
    assert signed_in(world, "audrey").post(address, {"reason": "please"}).status_code == 403
    alice.post(address, {"reason": "its limit was fixed"})
    assert held(world).id is not None
    assert "shut out" not in alice.get(PAGE).content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_at_one_row_and_at_three(
    world: World, alice: Client, rows: int, django_assert_num_queries: Any
) -> None:
    gated(world)
    now = timezone.now()
    with tenant_transaction(world.tenant.id):
        for number in range(rows):
            UserMonth.objects.create(
                tenant=world.tenant,
                workload=world.workload,
                month=month_at(now, "UTC").key,
                user_key=f"user-{number}",
                settled=950,
            )
    alice.get(PAGE)
    with django_assert_num_queries(18):
        page = alice.get(PAGE).content.decode()
    assert page.count("near the ceiling") == rows


def test_over_the_api_a_gate_is_set_read_and_opened(world: World) -> None:
    token = world.token("read", "write", user=world.adam)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    made = client.post(f"{API}tiers", {"slug": "standard", "name": "Standard"}, content_type="application/json")
    assert (made.status_code, made.json()["is_default"]) == (201, True)
    owner = Client(headers={"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"})
    gate = {"spend_cap": "20.00", "billing_contact": "adam@example.org", "session_calls": 50}
    assert owner.post(f"{API}workloads/W-01/cost", gate, content_type="application/json").status_code == 200
    ceiling = {"ceiling": 1_000, "pattern": "hard"}
    shown = owner.post(f"{API}workloads/W-01/cost/tiers/standard", ceiling, content_type="application/json").json()
    assert (shown["spend_cap"], shown["missing_tiers"]) == ("20.00", [])
    assert shown["gaps"] == [
        "Nobody knows what sonnet-4.5 costs, so its calls are refused: set its price on the rate card."
    ]
    assert shown["ceilings"] == [
        {
            "tier": "standard",
            "ceiling": 1_000,
            "pattern": "hard",
            "disclosure": "",
            "thresholds": [70, 90, 100],
            "opted_in_until": None,
        }
    ]
    settled(world, held(world), 50, 101)
    closed = owner.get(f"{API}workloads/W-01/cost").json()["closed"]
    opened = owner.post(
        f"{API}workloads/W-01/cost/closed/{closed[0]}/open", {"reason": "fixed"}, content_type="application/json"
    )
    assert (opened.status_code, opened.json()["closed"]) == (200, [])
    assert [row["slug"] for row in client.get(f"{API}tiers").json()["results"]] == ["standard"]


def test_over_the_api_what_is_wrong_is_refused(world: World) -> None:
    tier(world)
    owner = Client(headers={"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"})

    def post(path: str, body: Any) -> int:
        return owner.post(f"{API}{path}", body, content_type="application/json").status_code

    assert post("tiers", {"slug": "mine", "name": "Mine"}) == 403
    assert post("workloads/W-01/cost/tiers/standard", {"ceiling": 1, "pattern": "hard"}) == 409
    for wrong in ({"spend_cap": "-1"}, {"spend_cap": "NaN"}, {"spend_cap": "1e30"}, {"request_calls": 0}):
        assert post("workloads/W-01/cost", {**GATE, **wrong}) == 400, wrong
    assert post("workloads/W-01/cost", {**GATE, "billing_contact": "mallory@example.org"}) == 400
    assert post("workloads/W-01/cost", GATE) == 200
    for wrong in ({"pattern": "none"}, {"ceiling": -1}, {"thresholds": [70]}, {"thresholds": [70, 90, 100, 110]}):
        assert post("workloads/W-01/cost/tiers/standard", {"ceiling": 1, "pattern": "hard", **wrong}) == 400, wrong
    assert post("workloads/W-01/cost/tiers/nothing", {"ceiling": 1, "pattern": "hard"}) == 404
    with tenant_transaction(world.tenant.id):
        make_workload(world.tenant, world.erin, "W-07")
    assert post("workloads/W-07/cost", GATE) == 404
