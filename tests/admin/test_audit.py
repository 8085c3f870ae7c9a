"""The trail in the admin: found by its parts, walked down an index, verified link by link, taken out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.audit import chain
from apps.audit.actions import record
from apps.audit.chain import GENESIS, Link, changes, place_problem
from apps.audit.models import AuditEntry
from portal.tenancy.context import tenant_transaction
from tests.admin.test_admin import opened, url
from tests.world import SETUP, World

LIST = url(AuditEntry)


def rows(page: Any) -> list[AuditEntry]:
    found: list[AuditEntry] = page.context["rows"]
    return found


def entry(world: World, **wanted: Any) -> AuditEntry:
    with tenant_transaction(world.tenant.id):
        return AuditEntry.objects.filter(tenant=world.tenant, **wanted).order_by("-seq")[0]


def test_it_is_found_by_action_person_object_day_and_request(world: World) -> None:
    adam = opened("adam")
    adam.get(LIST)
    last = entry(world, action="operator.session_opened")
    today = last.at.date()
    for query, actions in (
        ("action=operator.session_opened", {"operator.session_opened"}),
        ("actor=operator:adam@example.org", {"operator.session_opened"}),
        (f"request_id={last.request_id}", {"operator.session_opened"}),
        (f"object_type=tenants.tenant&object_id={world.tenant.id}", {"tenant.created", "operator.session_opened"}),
        ("action=operator.session", set()),
        (f"since={today + timedelta(days=2)}", set()),
        (f"until={today - timedelta(days=2)}", set()),
        (
            f"action=tenant.created&since={today - timedelta(days=1)}&until={today + timedelta(days=1)}",
            {"tenant.created"},
        ),
    ):
        assert {row.action for row in rows(adam.get(f"{LIST}?{query}"))} == actions, query
    assert adam.get(f"{LIST}?since=yesterday").status_code == 400
    assert adam.get(f"{LIST}?below=99999999999999999999999").status_code == 400


@pytest.mark.parametrize("query", ["until=9999-12-31", "since=0001-01-01", "since=9999-12-31&until=0001-01-01"])
def test_a_day_at_the_end_of_the_calendar_is_refused_in_words(world: World, query: str) -> None:
    answer = opened("adam").get(f"{url(AuditEntry)}?{query}")
    assert answer.status_code == 400 and b"Ensure this value is" in answer.content


def test_pages_go_down_without_a_count_and_meet_every_entry_once(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        for _ in range(120):
            record(actor=SETUP, action="test.wrote", obj=world.workload)
    adam = opened("adam")
    seen, address = [], f"{LIST}?action=test.wrote"
    while address:
        page = adam.get(address)
        seen += [row.seq for row in rows(page)]
        address = f"{LIST}{page.context['older']}" if page.context["older"] else ""
    assert len(seen) == len(set(seen)) == 120 and seen == sorted(seen, reverse=True)
    with CaptureQueriesContext(connection) as captured:
        adam.get(LIST)
    assert len(captured) == 11
    assert not [each for each in captured if "count(" in each["sql"].lower()]


MANY = """
insert into audit_auditentry (id, tenant_id, created_at, seq, at, body, previous, digest)
select gen_random_uuid(), %s, now(), n, now() + n * interval '1 second',
       json_build_object('action', 'act.' || n %% 50, 'actor', 'a' || n %% 50, 'object_type', 't', 'object_id', n,
                         'request_id', 'request-' || n)::text, '', ''
from generate_series(1000001, 1030000) n
"""


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "audit_auditentry_seq"),
        ("action=act.7", "audit_by_action"),
        ("actor=a7", "audit_by_actor"),
        ("object_type=t&object_id=1000007", "audit_by_object"),
        ("request_id=request-1000007", "audit_by_request"),
        ("below=1000500", "audit_auditentry_seq"),
    ],
)
def test_each_question_walks_an_index(live_world: World, query: str, index: str) -> None:
    """Under the row policies: the plan that portal_app gets, on thirty thousand entries."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(MANY, [live_world.tenant.id])
        cursor.execute("analyze audit_auditentry")
    adam = opened("adam")
    with CaptureQueriesContext(connection) as captured:
        assert rows(adam.get(f"{LIST}?{query}"))
    [walk] = [each["sql"] for each in captured if "LIMIT 51" in each["sql"]]
    with tenant_transaction(live_world.tenant.id), connection.cursor() as cursor:
        cursor.execute(f"explain {walk}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan and "Seq Scan" not in plan and "Sort" not in plan, plan


def test_an_entry_shows_what_changed_and_that_it_stands_in_the_chain(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        before, after = {"limit": 2, "same": 1}, {"limit": 3, "same": 1, "new": "x"}
        record(actor=SETUP, action="test.wrote", obj=world.workload, before=before, after=after, reason="<b>more</b>")
    page = opened("adam").get(url(AuditEntry, f"{entry(world, action='test.wrote').pk}/change/"))
    assert page.context["changes"] == [("limit", 2, 3), ("new", None, "x")]
    assert page.context["problem"] == "" and "It stands in the chain" in page.content.decode()
    assert "<b>more</b>" not in page.content.decode()


@pytest.mark.parametrize(
    ("sql", "looked_at", "said"),
    [
        ("update audit_auditentry set body = body || ' ' where seq = 7", 7, "entry 7 was altered"),
        ("delete from audit_auditentry where seq = 6", 7, "entry 6 is missing"),
        ("update audit_auditentry set previous = '' where seq = 8", 7, "entry 8 doesn&#x27;t follow this one"),
    ],
)
def test_a_broken_link_is_named_on_its_page(live_world: World, sql: str, looked_at: int, said: str) -> None:
    adam = opened("adam")
    row = entry(live_world, seq=looked_at)
    address = url(AuditEntry, f"{row.pk}/change/")
    assert "It stands in the chain" in adam.get(address).content.decode()
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"{sql} and tenant_id = %s", [live_world.tenant.id])
    assert said in adam.get(address).content.decode()


def test_the_last_link_has_to_be_the_heads() -> None:
    tenant = UUID(int=1)
    bare = Link(1, datetime(2026, 1, 1, tzinfo=UTC), "{}", GENESIS, b"")
    link = Link(bare.seq, bare.at, bare.body, bare.previous, chain.digest(tenant, bare))
    assert place_problem(tenant, link, None, None, (1, link.digest)) == ""
    assert "head says 2" in place_problem(tenant, link, None, None, (2, b"other"))


def test_what_is_unchanged_is_left_out() -> None:
    assert changes(None, None) == []
    assert changes({"a": 1}, None) == [("a", 1, None)]
    assert changes({"a": 1, "b": 2}, {"b": 3, "a": 1}) == [("b", 2, 3)]


def test_the_chain_leaves_with_its_proof_and_that_stands_in_it(live_world: World) -> None:
    answer = opened("adam").post(url(AuditEntry, "export/proof/"))
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]  # type: ignore[arg-type]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(lines[n]["previous"] == lines[n - 1]["digest"] for n in range(1, len(lines)))
    assert json.loads(lines[-1]["body"])["action"] == "operator.session_exported"
    assert opened("adam").post(url(AuditEntry, "export/csv/")).status_code == 404
