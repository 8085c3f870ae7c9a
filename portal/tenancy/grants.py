"""What the application may do with the tables that belong to no tenant: the written list.

A table that is on neither list, this one or that of the row policies, is granted nothing and fails a test.
"""

from typing import Any

from django.db import connections

DML = "select, insert, update, delete"

# table: (portal_app, portal_ops)
GLOBAL_TABLES: dict[str, tuple[str, str]] = {
    "accounts_user": ("select, insert, update", "select, insert, update"),
    "accounts_user_groups": ("select", "select"),
    "accounts_user_user_permissions": ("select", "select"),
    "account_emailaddress": (DML, DML),
    "account_emailconfirmation": (DML, DML),
    "auth_group": ("select", "select"),
    "auth_group_permissions": ("select", "select"),
    "auth_permission": ("select", "select"),
    "django_content_type": ("select", "select"),
    "django_migrations": ("select", "select"),
    # Sessions are in accounts_session; this one is only there for the command that clears them.
    "django_session": ("", ""),
    "accounts_session": (DML, ""),
    "accounts_emailchange": ("select, insert, update", ""),
    "mfa_authenticator": (DML, ""),
    "portal_cache": (DML, ""),
    "portal_jobrun": ("", "select, insert, update"),
    "django_admin_log": ("select, insert", "select, insert"),
    "guardian_userobjectpermission": ("", ""),
    "guardian_groupobjectpermission": ("", ""),
    "tenants_tenant": ("select, insert", "select, insert, update"),
}


def grant_global_tables(using: str, **kwargs: Any) -> None:
    """After each migrate, as the owner. Idempotent."""
    connection = connections[using]
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in GLOBAL_TABLES.keys() & existing:
            cursor.execute(_grant_sql(connection.ops.quote_name(table), *GLOBAL_TABLES[table]))


def _grant_sql(table: str, app: str, ops: str) -> str:
    statements = [f"revoke all on {table} from portal_app, portal_ops"]
    statements += [f"grant {app} on {table} to portal_app"] if app else []
    statements += [f"grant {ops} on {table} to portal_ops"] if ops else []
    return "; ".join(statements)
