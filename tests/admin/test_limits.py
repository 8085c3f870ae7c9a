"""What a tenant sets itself and what the installation allows, each with its figures, at a constant price."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.approvals import policies, queries
from apps.gates import actions as gates
from apps.tenants import actions as tenants
from apps.tenants import invitations
from portal.tenancy.context import tenant_transaction
from tests.admin.test_admin import opened
from tests.isolation.populate import populate
from tests.world import World


def thresholds(client: Any) -> dict[str, tuple[Any, Any]]:
    page = client.get("/admin/thresholds/")
    return {row.what: (row, change) for row, change in page.context["rows"]}


def statements(client: Any, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_each_threshold_says_its_default_its_value_and_who_set_it_when_and_why(world: World) -> None:
    adam, admin = opened("adam"), world.actor(world.adam)
    before = thresholds(adam)
    pilot = "P1 Accuracy at least (more is stricter)"
    assert {(row.default, row.value, change) for row, change in before.values() if row.what == pilot} == {
        ("0.95", "0.95", None)
    }
    tenant = world.tenant.id
    with tenant_transaction(tenant):
        gates.tighten(tenant_id=tenant, criterion_id="P1", name="accuracy", value=0.99, actor=admin, reason="a bank")
        tenants.limit_rollouts(team=world.team, at_once=1, actor=admin, reason="a small team")
        start = queries.policy(tenant, "rollout.start")
        policies.set_policy(
            tenant_id=tenant,
            name=start.name,
            slots=start.slots,
            pending_days=start.pending_days,
            granted_days=start.granted_days,
            target_hours=8,
            expected_revision=0,
            reason="within a day",
            actor=admin,
        )
    after = thresholds(adam)
    row, change = after[pilot]
    assert (row.default, row.value, row.effect) == (
        "0.95",
        "0.99",
        "Holds for every workload; 1 stands at stage 1 Pilot now.",
    )
    assert (change.actor, change.reason) == ("adam@example.org", "a bank")
    row, change = after["Support: rollouts at once"]
    assert (row.default, row.value, change.reason) == ("2", "1", "a small team")
    assert row.effect == "It carries 0 now; the next one waits once it carries 1."
    late = [(row, change) for what, (row, change) in after.items() if row.value == "8" and "is late" in what]
    assert [(row.default, change.reason) for row, change in late] == [("48", "within a day")]
    row, change = after["W-01: minutes of opening time until a report is answered"]
    assert (row.value, row.effect, change.actor) == ("60", "0 reports wait longer than that now.", "task:setup")


def test_limits_say_what_is_taken_and_which_variable_sets_them(world: World, settings: LazySettings) -> None:
    settings.TELEMETRY_RETENTION_DAYS = 9
    adam = opened("adam")
    with tenant_transaction(world.tenant.id):
        by: User = world.adam
        invitations.invite(
            tenant_id=world.tenant.id,
            email="new@example.org",
            roles=[],
            by=by,
            actor=world.actor(by),
            now=timezone.now(),
        )
    found = {row.what: row for row in adam.get("/admin/limits/").context["rows"]}
    kept = found["Days that action records are kept"]
    assert (kept.value, kept.setting, kept.used) == ("9", "TELEMETRY_RETENTION_DAYS", None)
    sent = found["Invitations in 24 hours"]
    assert (sent.value, sent.setting, sent.used) == ("100", "", 1)
    assert found["Subscriptions to events"].used == 0


@pytest.mark.parametrize(("page", "cost"), [("thresholds", 16), ("limits", 12), ("messages", 10), ("set-up", 16)])
def test_a_page_costs_the_same_whatever_there_is(world: World, page: str, cost: int) -> None:
    adam = opened("adam")
    adam.get(f"/admin/{page}/")
    before = statements(adam, f"/admin/{page}/")
    populate(world)
    assert statements(adam, f"/admin/{page}/") == before == cost
