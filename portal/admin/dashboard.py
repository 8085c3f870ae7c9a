"""The admin's index: what wants a look in the open tenant, in words and figures, each with a way to its rows.

One statement for all that is counted, and those that a lens itself needs; the number never depends on the rows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Count, QuerySet, Value
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.urls import reverse

from portal.admin.lenses import PARAMETER, Lens
from portal.tenancy.together import together


@dataclass(frozen=True, slots=True)
class Figure:
    count: int
    says: str
    url: str
    rank: int


def figures(site: AdminSite, request: HttpRequest, now: datetime) -> list[Figure]:
    """Every figure by its rank: those with something to see first."""
    lenses = {
        owner: found
        for owner in site._registry.values()
        if (found := [lens for lens in getattr(owner, "lenses", ()) if lens.says])
        and owner.has_view_permission(request)
    }
    if not lenses:
        return []
    counted = together({_name(owner): _counts(owner, request, found, now) for owner, found in lenses.items()})
    figures = [
        Figure(count.get(lens.name, 0), lens.says, f"{_list_of(owner)}?{PARAMETER}={lens.name}", lens.rank)
        for owner, found in lenses.items()
        # Of a table without a row there is none.
        for count in counted[_name(owner)] or [{}]
        for lens in found
    ]
    return sorted(figures, key=lambda figure: (not figure.count, figure.rank, figure.says))


def _counts(owner: Any, request: HttpRequest, lenses: list[Lens], now: datetime) -> tuple[QuerySet[Any], JSONObject]:
    """One row: how many each lens shows."""
    tenant_id = request.tenant.id  # type: ignore[attr-defined]
    counts = {lens.name: Count("pk", filter=lens.where(tenant_id, now)) for lens in lenses}
    # A lens that can hold nothing is compiled to a plain 0. The count of all keeps it one row even then.
    one = owner.get_queryset(request).order_by().annotate(all=Value(1)).values("all")
    return one, JSONObject(every_row=Count("pk"), **counts)


def _name(owner: Any) -> str:
    return str(owner.opts.label_lower)


def _list_of(owner: Any) -> str:
    return reverse(f"admin:{owner.opts.app_label}_{owner.opts.model_name}_changelist")
