"""Questions about a table, asked in two places: as a filter of its list, and as a figure of the dashboard.

A figure links to the list with its own filter on, so both always count the same rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.expressions import BaseExpression
from django.http import HttpRequest
from django.utils import timezone

PARAMETER = "look"


@dataclass(frozen=True, slots=True)
class Lens:
    """``where`` gets the tenant and the time. ``says`` is how the dashboard puts it; without it, it only filters.

    The dashboard shows lower ranks first: what burns, then what is late, then what will be.
    """

    name: str
    label: str
    where: Callable[[UUID, datetime], BaseExpression | Q]
    says: str = ""
    rank: int = 50


def filter_for(lenses: Sequence[Lens]) -> type[admin.SimpleListFilter]:
    by_name = {lens.name: lens for lens in lenses}

    class LensFilter(admin.SimpleListFilter):
        title = "standing"
        parameter_name = PARAMETER

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(lens.name, lens.label) for lens in lenses]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = by_name.get(self.value() or "")
            tenant_id = request.tenant.id  # type: ignore[attr-defined]
            return queryset.filter(chosen.where(tenant_id, timezone.now())) if chosen else queryset

    return LensFilter
