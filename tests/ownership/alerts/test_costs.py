"""Every list page and endpoint costs the same at one row and at three (style, 14)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.ownership.alerts import actions
from apps.ownership.alerts.inbound import integrations, receive
from apps.ownership.alerts.inbound.parse import Event
from apps.ownership.calendars import feeds
from apps.ownership.channels import actions as channels
from apps.ownership.models import Alert, Integration
from apps.ownership.models.channels import ChannelKind
from apps.tenants import actions as tenants
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import LEAD, opened, person_step, policy_of, reachable
from tests.world import PASSWORD, SETUP, World

PAGES = {
    "alerts/": 12,
    "alerts/?all": 12,
    "alerts/{alert}/": 18,
    "alerts/incidents/": 11,
    "alerts/incidents/{incident}/": 16,
    "alerts/told/": 12,
    "rotas/me/channels/": 13,
    "rotas/teams/support/": 19,
    "rotas/integrations/{integration}/": 12,
    "rotas/calendars/": 11,
}
ENDPOINTS = {
    "alerts": 18,
    "alerts/{alert}/deliveries": 19,
    "incidents": 18,
    "teams/support/integrations": 19,
    "teams/support/channels": 19,
    "channels": 19,
    "absences": 18,
    "calendar-feeds": 19,
}


@pytest.fixture(params=[1, 3])
def planted(world: World, request: pytest.FixtureRequest) -> dict[str, Any]:
    """So many of everything."""
    now = datetime.now(UTC)
    for person in (world.bob, world.alice):
        reachable(world.tenant, person)
    policy_of(world, person_step(world.bob, 5), person_step(world.alice, 10))
    ways: list[Integration] = []
    rows: list[Alert] = []
    bob = world.actor(world.bob)
    for n in range(request.param):
        with tenant_transaction(world.tenant.id):
            team = tenants.create_team(tenant_id=world.tenant.id, slug=f"t{n}", name=f"T{n}", actor=SETUP)
            ways.append(integrations.create(team=world.team, kind="pagerduty", name=f"w{n}", actor=bob, now=now))
            for key in range(request.param):
                found = Event("trigger", f"{n}-{key}", summary="s")
                receive.event(integration=ways[0], found=found, now=now)
            common: dict[str, Any] = {"tenant_id": world.tenant.id, "actor": bob, "now": now}
            mail: dict[str, Any] = {"kind": ChannelKind.EMAIL, "address": "b@example.org", "name": f"m{n}"}
            channels.add_channel(owner=world.bob, **mail, **common)
            channels.add_channel(owner=world.team, **mail, **common)
            start = now + timedelta(days=2 + n)
            channels.plan_absence(person=world.bob, start=start, end=start + timedelta(hours=1), note="", **common)
            feeds.make(person=world.bob, rota=None, **common)
        reachable(world.tenant, world.team)
        rows.append(opened(world, now, f"k{n}"))
        opened(world, now, f"other-{n}", workload=None, team=team)
    with tenant_transaction(world.tenant.id):
        for _ in range(request.param - 1):
            rows[0].refresh_from_db()
            actions.escalate(alert=rows[0], actor=LEAD, now=now, entry_seen=rows[0].entry)
        rows[0].refresh_from_db()
    return {"alert": rows[0].id, "incident": rows[0].incident_id, "integration": ways[0].id, "world": world}


def cost(client: Client, address: str) -> int:
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_every_page(planted: dict[str, Any]) -> None:
    client = Client()
    assert client.login(email="bob@example.org", password=PASSWORD)
    found = {address: cost(client, f"/t/acme/{address.format(**planted)}") for address in PAGES}
    assert found == PAGES


def test_every_endpoint(planted: dict[str, Any]) -> None:
    world: World = planted["world"]
    client = Client(headers={"Authorization": f"Bearer {world.token('read', 'write', user=world.bob)}"})
    found = {address: cost(client, f"/api/v1/t/acme/{address.format(**planted)}") for address in ENDPOINTS}
    assert found == ENDPOINTS
