"""The leak probes: what a tenant's own role could do to another tenant's rows with raw SQL. Used by the suite, and by
the self-test that takes the policies away and expects these to find something.
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import DatabaseError, connection, connections, transaction

from portal.tenancy.context import tenant_transaction
from portal.tenancy.guard import tenant_tables

# Their rows can't be copied, since the database computes columns of them.
COMPUTED = {"audit_auditentry"}


def rows_of(table: str, tenant_id: UUID) -> int:
    """How many rows there really are, as the owner sees it. The world has to be committed."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'select count(*) from "{table}" where tenant_id = %s', [tenant_id])
        return int(cursor.fetchone()[0])


def leaks(table: str, *, victim: UUID, attacker: UUID) -> Iterator[str]:
    """Everything that succeeds although it must not."""
    if _answer(attacker, f'select count(*) from "{table}" where tenant_id = %s', [victim]):
        yield "select"
    if _answer(attacker, f'select count(*) from "{table}" where tenant_id <> %s', [attacker]):
        yield "count of foreign rows"
    if _touches(attacker, f'delete from "{table}" where tenant_id = %s', [victim]):
        yield "delete"
    if _touches(attacker, f'update "{table}" set tenant_id = tenant_id where tenant_id = %s', [victim]):
        yield "update"
    if _touches(attacker, f'update "{table}" set tenant_id = %s where tenant_id = %s', [victim, attacker]):
        yield "move a row to them"
    if _touches(attacker, _forgery(table), [victim], forged=True):
        yield "insert for them"


def _forgery(table: str) -> str:
    """Insert for the victim a row that is right in everything else: the attacker's own, copied."""
    if table in COMPUTED:
        return f'insert into "{table}" (tenant_id) values (%s)'
    return (
        f'insert into "{table}" select (jsonb_populate_record(null::"{table}", '
        f"to_jsonb(r) || jsonb_build_object('tenant_id', %s::text))).* from \"{table}\" r limit 1"
    )


def _answer(attacker: UUID, sql: str, params: list[UUID]) -> int:
    with tenant_transaction(attacker), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.fetchone()[0])


def _touches(attacker: UUID, sql: str, params: list[UUID], *, forged: bool = False) -> bool:
    """Whether the statement changed a row. Always rolled back. An insert that gets as far as the columns' own rules
    has passed the policy, and counts.
    """
    try:
        with tenant_transaction(attacker), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
            touched = cursor.rowcount > 0
            transaction.set_rollback(True)
            return touched
    except DatabaseError as error:
        return forged and "row-level security" not in str(error) and "permission denied" not in str(error)


def tables() -> list[str]:
    return sorted(tenant_tables())
