"""Which price counts, who may set it, and what is written down (COST-4), against the database."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.audit.queries import entries
from apps.pricing import actions, queries, seed
from apps.pricing.models import ModelPrice
from apps.pricing.rules import cost
from apps.tenants.queries import config_version
from apps.tenants.roles import Role
from apps.workloads import actions as workloads
from portal.errors import Forbidden, Invalid, NotFound
from portal.tenancy.context import tenant_transaction
from tests.pricing.cast import TODAY, payer, priced, wanted
from tests.world import NOW, SETUP, World, make_workload

DAY = timedelta(days=1)


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def amounts(world: World, model: str, day: date = TODAY) -> tuple[D | None, ...]:
    return queries.price(world.tenant.id, model, day).amounts


def last(world: World) -> dict[str, Any]:
    """What was written down last."""
    body: dict[str, Any] = json.loads(entries(world.tenant.id)[0].body)
    return body


def test_the_tenants_own_price_comes_first_then_the_list_then_nothing(world: World, tenant: None) -> None:
    priced(world, "gpt-4o", input="2", output="8")
    found = queries.prices(world.tenant.id, ["gpt-4o", "gpt-4o-mini", "sonnet-4"], TODAY)
    assert found["gpt-4o"].amounts == (D(2), D(8), None)
    assert found["gpt-4o"].source == "set here on 2026-11-20 by Adam"
    assert found["gpt-4o-mini"].amounts == (D("0.15"), D("0.6"), D("0.075"))
    assert found["gpt-4o-mini"].source == f"{seed.SOURCE}: openai/gpt-4o-mini"
    assert found["sonnet-4"].amounts == (None, None, None)
    assert found["sonnet-4"].source == "unknown"
    assert [cost(found[name], 1_000, 1_000) for name in found if name == "sonnet-4"] == [None]


def test_a_price_counts_from_its_day_and_until_the_next_ones(world: World, tenant: None) -> None:
    priced(world, "gpt-4o", TODAY, "2", "8")
    priced(world, "gpt-4o", TODAY + 30 * DAY, "1", "4")
    assert amounts(world, "gpt-4o", TODAY - DAY) == (D("2.5"), D(10), D("1.25"))
    assert amounts(world, "gpt-4o", TODAY) == (D(2), D(8), None)
    assert amounts(world, "gpt-4o", TODAY + 29 * DAY) == (D(2), D(8), None)
    assert amounts(world, "gpt-4o", TODAY + 30 * DAY) == (D(1), D(4), None)
    coming = queries.to_come(world.tenant.id, ["gpt-4o", "sonnet-4"], TODAY)
    assert {model: price.valid_from for model, price in coming.items()} == {"gpt-4o": TODAY + 30 * DAY}


def test_a_row_may_say_that_a_price_is_not_known_whatever_the_list_says(world: World, tenant: None) -> None:
    priced(world, "gpt-4o", input=None, output=None)
    found = queries.price(world.tenant.id, "gpt-4o", TODAY)
    assert cost(found, 0, 0) is None and not found.is_known
    assert found.source == "set here on 2026-11-20 by Adam"


def test_correcting_a_day_replaces_its_row_and_the_former_stands_in_the_audit_trail(world: World, tenant: None) -> None:
    first = priced(world, cached="0.3", note="list price")
    second = priced(world, input="2.50", now=NOW + DAY)
    assert second.id == first.id and ModelPrice.objects.count() == 1
    assert amounts(world, "sonnet-4") == (D("2.5"), D(15), None)
    entry = last(world)
    assert (entry["action"], entry["reason"], entry["actor"]) == ("price.set", "new contract", payer(world).label)
    day = {"model": "sonnet-4", "valid_from": "2026-11-20", "output": "15"}
    assert entry["before"] == {**day, "input": "3", "cached_input": "0.3", "note": "list price"}
    assert entry["after"] == {**day, "input": "2.5", "cached_input": None, "note": ""}


def test_setting_what_stands_already_writes_nothing(world: World, tenant: None) -> None:
    priced(world)
    before = entries(world.tenant.id).count()
    again = priced(world, input="3.000", now=NOW + DAY)
    assert again.set_at == NOW
    assert entries(world.tenant.id).count() == before


def test_forgetting_brings_back_what_was_before(world: World, tenant: None) -> None:
    own = priced(world, "gpt-4o", input="2", output="8")
    actions.forget_price(price=own, reason="contract ended", actor=payer(world))
    assert amounts(world, "gpt-4o") == (D("2.5"), D(10), D("1.25"))
    entry = last(world)
    assert (entry["action"], entry["object_id"], entry["before"]["input"]) == ("price.forgotten", str(own.id), "2")
    with pytest.raises(NotFound):
        actions.forget_price(price=own, reason="again", actor=payer(world))


def test_each_change_is_told_to_the_decision_path_and_what_changes_nothing_is_not(world: World, tenant: None) -> None:
    before = config_version(world.tenant.id)
    own = priced(world)
    priced(world)
    assert config_version(world.tenant.id) == before + 1
    actions.forget_price(price=own, reason="r", actor=payer(world))
    assert config_version(world.tenant.id) == before + 2


def test_finance_and_admins_set_prices_and_nobody_else(world: World, tenant: None) -> None:
    own = priced(world)
    allowed = set()
    for role in Role:
        actor = replace(world.actor(world.bob), roles=frozenset({role}))
        common = {"reason": "r", "actor": actor}
        try:
            actions.set_price(tenant_id=world.tenant.id, wanted=wanted(input="4"), by=world.bob, now=NOW, **common)  # type: ignore[arg-type]
            allowed.add(role)
        except Forbidden:
            with pytest.raises(Forbidden):
                actions.forget_price(price=own, **common)  # type: ignore[arg-type]
            assert amounts(world, "sonnet-4") == (D(4 if allowed else 3), D(15), None)
    assert allowed == {Role.ADMIN, Role.FINANCE}


@pytest.mark.parametrize("change", [{"input": "-1"}, {"output": "1000001"}, {"day": TODAY - 401 * DAY}])
def test_what_can_be_no_price_changes_nothing(world: World, tenant: None, change: dict[str, object]) -> None:
    priced(world, "gpt-4o")
    with pytest.raises(Invalid) as refusal:
        priced(world, "sonnet-4", **change)
    assert len(refusal.value.data["problems"]) == 1
    assert amounts(world, "sonnet-4") == (None, None, None)
    with pytest.raises(Invalid, match="Say why"):
        actions.set_price(
            tenant_id=world.tenant.id, wanted=wanted(), reason=" ", by=world.adam, actor=payer(world), now=NOW
        )


def test_of_several_prices_that_are_set_together_one_that_is_wrong_stops_all(world: World, tenant: None) -> None:
    for second in (wanted("b", input="-1"), wanted("a", input="4")):
        with pytest.raises(Invalid):
            actions.set_prices(
                tenant_id=world.tenant.id,
                wanted=[wanted("a"), second],
                reason="r",
                by=world.adam,
                actor=payer(world),
                now=NOW,
            )
    assert not ModelPrice.objects.exists()


@pytest.mark.parametrize(
    "change",
    [{"input_per_million": D(-1)}, {"output_per_million": D(1_000_001)}, {"currency": "EUR"}, {"model": ""}, {}],
)
def test_the_database_takes_no_such_price_either(world: World, tenant: None, change: dict[str, object]) -> None:
    """The last, without a change, is a second row of the same day."""
    own = priced(world)
    columns = {"model": own.model, "valid_from": own.valid_from, "set_by": world.adam, "set_at": NOW, **change}
    day = {} if not change else {"valid_from": TODAY + DAY}
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelPrice.objects.create(tenant=world.tenant, **{**columns, **day})


def test_a_price_of_another_tenant_counts_nowhere_else(world: World) -> None:
    own, adam = priced(world, "gpt-4o", input="2", output="8"), payer(world)
    with tenant_transaction(world.other.id):
        assert queries.price(world.other.id, "gpt-4o", TODAY).amounts == (D("2.5"), D(10), D("1.25"))
        assert queries.price(world.tenant.id, "gpt-4o", TODAY).amounts == (D("2.5"), D(10), D("1.25"))
        with pytest.raises(NotFound):
            queries.own_for(world.tenant.id, own.id)
        with pytest.raises(NotFound):
            actions.forget_price(price=own, reason="r", actor=adam)
    with tenant_transaction(world.tenant.id):
        assert queries.own_for(world.tenant.id, own.id) == own


def test_prices_take_one_statement_however_many_models(world: World, tenant: None) -> None:
    for n, expected in ((1, 1), (3, 1)):
        priced(world, f"own-{n}")
        priced(world, f"own-{n}", TODAY + DAY)
        with CaptureQueriesContext(connection) as captured:
            names = [f"own-{m}" for m in range(1, n + 1)] + ["gpt-4o", "made-up", "nul\0", ""] * n
            found = queries.prices(world.tenant.id, names, TODAY)
        assert len(captured) == expected
        assert set(found) == set(names)
        assert not found["nul\0"].is_known


def test_a_workload_uses_its_tiers_and_the_models_since_the_version_that_serves(world: World, tenant: None) -> None:
    assert queries.models_in_use(world.tenant.id) == {"sonnet-4": ["W-01"], "sonnet-4.5": ["W-01"]}
    workload, _, newer = make_workload(world.tenant, world.alice, "W-02")
    workloads.serve_version(workload=workload, version=newer, actor=SETUP, reason="rolled out")
    workloads.edit_workload(
        workload=workload, revision=workload.revision, actor=SETUP, primary_tier="opus", budget_tier="sonnet-4.5"
    )
    with CaptureQueriesContext(connection) as captured:
        found = queries.models_in_use(world.tenant.id)
    assert found == {"opus": ["W-02"], "sonnet-4": ["W-01"], "sonnet-4.5": ["W-01", "W-02"]}
    assert len(captured) == 1
