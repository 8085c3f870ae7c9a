"""TEN-1 by the database's own catalogue: every table has its wall, or stands on the written list."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections

from portal.tenancy.grants import GLOBAL_TABLES
from portal.tenancy.guard import tenant_tables
from tests.isolation import leaks
from tests.isolation.populate import populate
from tests.world import World

# Functions that run with the owner's rights: these two and no other.
DEFINER_FUNCTIONS = {"audit_append", "telemetry_make_partition"}


def ask(sql: str) -> list[tuple[object, ...]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def partitions() -> set[object]:
    sql = "select inhrelid::regclass::text from pg_inherits join pg_class c on c.oid = inhrelid where relkind = 'r'"
    return {row[0] for row in ask(sql)}


def test_every_table_is_a_tenants_or_on_the_written_list(db: None) -> None:
    found = {row[0] for row in ask("select tablename from pg_tables where schemaname = 'public'")}
    assert found - partitions() - tenant_tables() - GLOBAL_TABLES.keys() == set()


@pytest.mark.parametrize("table", leaks.tables())
def test_a_tenant_table_has_row_security_forced_and_only_the_known_policies(db: None, table: str) -> None:
    assert ask(f"select relrowsecurity, relforcerowsecurity from pg_class where relname = '{table}'") == [(True, True)]
    names = {row[0] for row in ask(f"select policyname from pg_policies where tablename = '{table}'")}
    assert {"tenant_isolation", "platform"} <= names <= {"tenant_isolation", "platform", "known_row"}


@pytest.mark.parametrize("table", leaks.tables())
def test_every_unique_key_of_a_tenant_table_leads_with_the_tenant(db: None, table: str) -> None:
    rows = ask(
        "select i.indexrelid::regclass::text, a.attname, i.indisprimary, i.indnkeyatts from pg_index i "
        "join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] "
        f"where i.indrelid = '{table}'::regclass and i.indisunique"
    )
    assert rows
    # A random id of its own is the one key that need not: it can't be guessed and says nothing.
    assert [row for row in rows if row[1] != "tenant_id" and not (row[1] == "id" and row[2] and row[3] == 1)] == []


def test_no_partition_can_be_reached_past_its_parents_policy(world: World) -> None:
    populate(world)
    sql = "select table_name from information_schema.role_table_grants where grantee in ('portal_app', 'portal_ops')"
    granted = ask(sql)
    assert not {row[0] for row in granted} & partitions()


def test_only_the_listed_functions_run_with_the_owners_rights(db: None) -> None:
    found = ask("select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace")
    assert {row[0] for row in found} == DEFINER_FUNCTIONS
    assert ask("select viewname from pg_views where schemaname = 'public'") == []


def test_the_system_checks_find_every_model_walled(db: None) -> None:
    call_command("check", "--tag", "portal")
    assert len(tenant_tables()) >= 18
    assert all(model._meta.db_table for model in apps.get_models())
