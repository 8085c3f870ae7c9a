"""The admin's index: what wants a look in the open tenant, in words and figures, each with a way to its rows.

One statement a table that has lenses, and those that a lens itself needs; the number never depends on the rows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from portal.admin.lenses import PARAMETER, Lens


@dataclass(frozen=True, slots=True)
class Figure:
    count: int
    says: str
    url: str
    rank: int


def figures(site: AdminSite, request: HttpRequest, now: datetime) -> list[Figure]:
    """Every figure by its rank: those with something to see first."""
    found = [figure for owner in site._registry.values() for figure in _of_table(owner, request, now)]
    return sorted(found, key=lambda figure: (not figure.count, figure.rank, figure.says))


def _of_table(owner: Any, request: HttpRequest, now: datetime) -> list[Figure]:
    lenses: list[Lens] = [lens for lens in getattr(owner, "lenses", ()) if lens.says]
    if not lenses or not owner.has_view_permission(request):
        return []
    tenant_id = request.tenant.id  # type: ignore[attr-defined]
    # Under names of their own, since an annotation may not be called like a column.
    counts = {f"n_{lens.name}": Count("pk", filter=lens.where(tenant_id, now)) for lens in lenses}
    counted = owner.get_queryset(request).order_by().aggregate(**counts)
    url = reverse(f"admin:{owner.opts.app_label}_{owner.opts.model_name}_changelist")
    return [
        Figure(counted[f"n_{lens.name}"], lens.says, f"{url}?{PARAMETER}={lens.name}", lens.rank) for lens in lenses
    ]
