"""Locks that go at the commit, an answer that waits for the disk (docs/decisions/0010-early-lock-release.md).

A synchronous commit keeps its row locks until the disk has it, so a row that many transactions change, such as a
workload's money, is changed once for each time the disk is waited for. Here the commit doesn't wait, and whoever
acknowledges waits for a second one, empty and synchronous, which brings everything before it in the log to the disk as
well. What others have read meanwhile is before their own commit in that log: nothing that anybody was told can be lost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections

from portal.tenancy.context import tenant_transaction


@contextmanager
def released_early(tenant_id: UUID) -> Iterator[None]:
    """A tenant transaction whose locks go at its commit; when the block has ended, the disk has it.

    Inside another transaction it is a part of that one, and as durable as that one.
    """
    connection = connections["default"]
    is_own = not connection.in_atomic_block
    with tenant_transaction(tenant_id):
        if is_own:
            with connection.cursor() as cursor:
                cursor.execute("select set_config('synchronous_commit', 'off', true)")
        yield
    if is_own:
        with connection.cursor() as cursor:
            cursor.execute("select pg_logical_emit_message(true, 'portal', '')")
