"""AUD-1, AUD-2: append-only, chained, and a broken link is named."""

import io
import json
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction

from apps.audit import chain
from apps.audit.actions import record
from apps.audit.models import AuditEntry
from portal.tenancy.context import tenant_transaction
from tests.world import SETUP, World


@pytest.mark.parametrize("sql", ["update audit_auditentry set body = '{}'", "delete from audit_auditentry"])
def test_the_applications_role_can_neither_change_nor_delete(world: World, sql: str) -> None:
    with tenant_transaction(world.tenant.id), pytest.raises(ProgrammingError), transaction.atomic():
        connection.cursor().execute(sql)


def verify(**options: object) -> str:
    out = io.StringIO()
    call_command("verify_audit", stdout=out, **options)
    return out.getvalue()


def owner(sql: str, *params: object) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql, params)


def test_an_intact_chain_verifies_and_is_exported_with_its_proof(live_world: World, tmp_path: Path) -> None:
    assert "acme: " in verify() and "chain intact" in verify(tenant="umbra")
    file = tmp_path / "audit.jsonl"
    verify(tenant="acme", export=file)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(rows[n]["previous"] == rows[n - 1]["digest"] for n in range(1, len(rows)))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "update audit_auditentry set body = body || ' ' where seq = 7",
            "broken at entry 7: entry 7 was altered",
        ),
        ("delete from audit_auditentry where seq = 4", "broken at entry 4: entry 4 is missing"),
        ("delete from audit_auditentry where seq = (select max(seq) from audit_auditentry)", "but its head says"),
    ],
)
def test_one_altered_or_missing_entry_is_named(live_world: World, sql: str, said: str) -> None:
    tenant = str(live_world.tenant.id)
    if "max(seq)" in sql:
        owner(f"{sql[:-1]} where tenant_id = %s) and tenant_id = %s", tenant, tenant)
    else:
        owner(f"{sql} and tenant_id = %s", tenant)
    with pytest.raises(CommandError, match=said):
        verify()


def test_many_writers_at_once_fork_nothing(live_world: World) -> None:
    def write() -> None:
        for _ in range(20):
            with tenant_transaction(live_world.tenant.id):
                record(actor=SETUP, action="test.wrote", obj=live_world.workload)
        connections.close_all()

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenant_transaction(live_world.tenant.id):
        assert AuditEntry.objects.filter(action="test.wrote").count() == 80
    assert "chain intact" in verify(tenant="acme")


def test_secrets_are_masked_by_their_names() -> None:
    text = chain.canonical({"after": {"password": "hunter2", "list": [{"api_token": "x"}], "name": "n"}})
    assert text == '{"after":{"list":[{"api_token":"***"}],"name":"n","password":"***"}}'
