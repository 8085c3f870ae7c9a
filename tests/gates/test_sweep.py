"""STAGE-3: somebody hears at three quarters of a document's life and again at its end, once each."""

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.gates import sweep
from apps.gates.models import Evidence
from apps.ownership.models import Notification
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.gates.test_gates import CASES, DAY, put
from tests.world import NOW, PASSWORD, World


def sent(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        rows = OutboxMessage.objects.filter(topic__startswith="evidence.")
        return sorted(rows.values_list("topic", flat=True))


def sweep_at(world: World, now: object) -> int:
    ids = sweep.due(now).get(world.tenant.id, [])  # type: ignore[arg-type]
    with tenant_transaction(world.tenant.id):
        return sweep.tell(tenant_id=world.tenant.id, ids=ids, now=now)  # type: ignore[arg-type]


def test_a_warning_at_three_quarters_and_a_word_at_the_end_once_each(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        put(live_world, "edge_cases", CASES)
    warn, end = NOW + 135 * DAY, NOW + 180 * DAY
    assert sweep_at(live_world, warn - timedelta(seconds=1)) == 0
    assert [sweep_at(live_world, warn), sweep_at(live_world, warn + DAY)] == [1, 0]
    assert sent(live_world) == ["evidence.expiring"]
    assert [sweep_at(live_world, end), sweep_at(live_world, end + DAY)] == [1, 0]
    assert sent(live_world) == ["evidence.expiring", "evidence.stale"]


def test_the_owner_is_told_in_the_product_and_the_notice_leads_to_the_gate(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        put(live_world, "edge_cases", CASES)
    warn = NOW + 135 * DAY
    sweep_at(live_world, warn)
    with tenant_transaction(live_world.tenant.id):
        message = OutboxMessage.objects.get(topic="evidence.expiring")
    outbox.deliver(tenant_id=live_world.tenant.id, message_ids=[message.id], now=warn)
    with tenant_transaction(live_world.tenant.id):
        notice = Notification.objects.get()
        assert notice.person_id == live_world.alice.id
    client = Client()
    assert client.login(email="alice@example.org", password=PASSWORD)
    assert client.get(f"/t/acme/{notice.link}").status_code == 200


def test_a_document_that_was_replaced_says_nothing_any_more(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        put(live_world, "edge_cases", CASES)
        Evidence.objects.update(notice_at=NOW)
        put(live_world, "edge_cases", CASES)
    assert sweep_at(live_world, NOW + DAY) == 0
    assert sent(live_world) == []


def test_what_runs_out_soon_is_known_until_it_has(live_world: World) -> None:
    """The newest of each kind, from two weeks before its end up to its end."""
    tenant, within, end = live_world.tenant.id, timedelta(days=14), NOW + 180 * DAY
    with tenant_transaction(tenant):
        put(live_world, "edge_cases", CASES)
        found = [row.id for row in Evidence.objects.filter(kind="edge_cases", source="attestation")]
        assert len(found) == 1
        assert sweep.running_out(tenant, end - within - timedelta(seconds=1), within) == []
        assert sweep.running_out(tenant, end - within, within) == found
        assert sweep.running_out(tenant, end - timedelta(seconds=1), within) == found
        assert sweep.running_out(tenant, end, within) == []


def test_telling_costs_as_many_statements_for_three_as_for_one(live_world: World) -> None:
    def cost(kinds: list[str]) -> int:
        documents = {"edge_cases": CASES, "data_path": PATHS, "ninety_day_plan": PLAN}
        with tenant_transaction(live_world.tenant.id):
            for kind in kinds:
                put(live_world, kind, documents[kind])
        now = NOW + 400 * DAY
        ids = sweep.due(now)[live_world.tenant.id]
        assert len(ids) == len(kinds)
        with tenant_transaction(live_world.tenant.id), CaptureQueriesContext(connection) as captured:
            sweep.tell(tenant_id=live_world.tenant.id, ids=ids, now=now)
        return len(captured)

    assert cost(["edge_cases"]) == cost(["edge_cases", "data_path", "ninety_day_plan"])


PATHS = {"rows": [{"system": "CRM", "interface": "API", "secured": "yes", "by_hand": "no"}]}
PLAN = {"rows": [{"metric": "accuracy", "target": 1, "by": "2027-01-01", "what": "w"}]}
