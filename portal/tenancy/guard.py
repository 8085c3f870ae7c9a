"""The guard on the connection: SQL on a tenant's table outside a tenant transaction raises, loudly, everywhere.

The row policies alone would answer with no rows, which looks like an empty page and hides the mistake.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.tenancy.constraints import KnownRow, TenantPolicy
from portal.tenancy.context import TenantMissing, active_tenant, known_row, platform_job

# What Django sends to begin, end and check a transaction.
_NO_DATA = ("SET ", "SAVEPOINT ", "RELEASE ", "ROLLBACK ")


@cache
def tenant_tables() -> frozenset[str]:
    """Every table with a row policy."""
    models = apps.get_models(include_auto_created=True)
    walled = (m for m in models if any(isinstance(c, TenantPolicy) for c in m._meta.constraints))
    return frozenset(model._meta.db_table for model in walled)


@cache
def known_row_tables() -> dict[str, str]:
    """Tables that may be read by a row's own name before the tenant is known, with the setting that names it."""
    return {
        model._meta.db_table: constraint.setting
        for model in apps.get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, KnownRow)
    }


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(r"\b(" + "|".join(sorted(tenant_tables(), key=len, reverse=True)) + r")\b")


def touched(sql: str) -> set[str]:
    return set(_pattern().findall(sql))


def guard_app(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """On the application's connection: a tenant's table needs a tenant."""
    if active_tenant() is None or not context["connection"].in_atomic_block:
        tables = touched(sql if isinstance(sql, str) else str(sql))
        setting = known_row()
        if any(setting is None or known_row_tables().get(table) != setting for table in tables):
            raise TenantMissing(
                f"SQL on {', '.join(sorted(tables))} outside a tenant transaction: "
                "wrap it in tenant_transaction(tenant_id)."
            )
    return execute(sql, params, many, context)


def guard_ops(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """On the operators' connection: only a job of the written list."""
    if platform_job() is None and not str(sql).startswith(_NO_DATA):
        raise TenantMissing("The ops connection is for jobs of the written list: use platform_work(job).")
    return execute(sql, params, many, context)


def install(connection: BaseDatabaseWrapper) -> None:
    wrapper = {"default": guard_app, "ops": guard_ops}.get(connection.alias)
    if wrapper and wrapper not in connection.execute_wrappers:
        connection.execute_wrappers.append(wrapper)
