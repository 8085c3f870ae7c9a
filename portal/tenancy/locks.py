"""Locks by name, for what no row stands for yet."""

from uuid import UUID

from django.db import connection


def one_at_a_time(tenant_id: UUID, name: str) -> None:
    """Until this transaction ends nobody else in the tenant holds ``name``; whoever comes meanwhile waits.

    Take it before reading what is to be decided on: at READ COMMITTED what the one before has written is seen then.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"{tenant_id}:{name}"])
