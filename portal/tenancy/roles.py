"""Wrong role, no start (architecture, Tenancy): row policies mean nothing to a superuser.

Each new connection is asked who it is before anything else runs on it.
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.tenancy import guard

EXPECTED = {"default": "portal_app", "ops": "portal_ops", "owner": "portal_owner"}


def on_connection_created(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Check the role of a fresh connection, then put the guard on it."""
    expected = EXPECTED.get(connection.alias)
    if expected is None:
        return
    verify(connection, expected)
    guard.install(connection)


def verify(connection: BaseDatabaseWrapper, expected: str) -> None:
    """Raise unless the connection is ``expected`` and can't bypass row policies.

    Raises:
        ImproperlyConfigured: with the role found and what to do.
    """
    raw = connection.connection
    row = raw.execute(
        "select session_user::text, current_user::text, rolsuper, rolbypassrls from pg_roles "
        "where rolname = current_user"
    ).fetchone()
    if not raw.autocommit:
        raw.rollback()
    login, current, superuser, bypass = row
    problem = _problem(expected, login, current, superuser, bypass)
    if problem:
        raw.close()
        connection.connection = None
        raise ImproperlyConfigured(
            f"The database connection '{connection.alias}' {problem}. Causeway doesn't start this way, because "
            f"row policies would not hold: connect as {expected} (docs/operations.md, Database roles)."
        )


def _problem(expected: str, login: str, current: str, superuser: bool, bypass: bool) -> str:
    if superuser:
        return f"is the superuser {current}"
    if bypass:
        return f"is {current}, which may bypass row security"
    if login != expected or current != expected:
        return f"is {login} and not {expected}"
    return ""
