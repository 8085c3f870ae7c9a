"""What is due across tenants, for the jobs of the written list: ids by tenant, found over a narrow index."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portal.tenancy.context import platform_work


def by_tenant(job: str, rows: Callable[[str], QuerySet[Any]], limit: int) -> dict[UUID, list[UUID]]:
    """At most ``limit`` of the rows, in their order. ``rows`` gets the alias of the connection that ``job`` may use."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    with platform_work(job) as alias:
        for tenant_id, row_id in rows(alias).values_list("tenant_id", "id")[:limit]:
            found[tenant_id].append(row_id)
    return found


def batches(found: dict[UUID, list[UUID]], size: int = 500) -> Iterator[tuple[UUID, list[UUID]]]:
    """One tenant and so many of its ids at a time, as a task takes them."""
    for tenant_id, ids in found.items():
        for start in range(0, len(ids), size):
            yield tenant_id, ids[start : start + size]
