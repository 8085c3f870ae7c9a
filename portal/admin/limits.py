"""What a tenant sets itself within bounds, and what the installation allows: apps say what there is of theirs.

A source makes the same number of statements whatever there is. Who set a threshold, when and why is in the audit trail,
and is looked up for all of them at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portal.admin import pages
from portal.admin.pages import Page
from portal.directory import TenantLike, directory


@dataclass(frozen=True, slots=True)
class Threshold:
    """``value`` is what holds; ``default`` what would without the tenant. ``row`` and ``action`` find who set it.

    ``effect`` says what it does now, with the figures of this tenant.
    """

    what: str
    default: str
    value: str
    effect: str
    url: str
    row: UUID | None = None
    action: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """``setting`` names the variable; empty: it is fixed. ``used`` is how much of it the open tenant has taken."""

    what: str
    value: str
    setting: str = ""
    used: int | None = None


ThresholdSource = Callable[[TenantLike, datetime], list[Threshold]]
LimitSource = Callable[[TenantLike, datetime], list[Limit]]
_thresholds: list[ThresholdSource] = []
_limits: list[LimitSource] = []


def thresholds(source: ThresholdSource) -> ThresholdSource:
    _thresholds.append(source)
    return source


def limits(source: LimitSource) -> LimitSource:
    _limits.append(source)
    return source


def thresholds_page(request: HttpRequest) -> HttpResponse:
    """Every threshold: its default, this tenant's value, who set it when and why, and what it does. Its own first."""
    tenant: Any = request.tenant  # type: ignore[attr-defined]
    every = [each for source in _thresholds for each in source(tenant, timezone.now())]
    found = sorted(every, key=lambda each: each.value == each.default)
    rows = {str(each.row): each.action for each in found if each.row}
    changes = directory().last_changes(tenant.id, set(rows.values()), set(rows))
    context = {
        "title": "Thresholds",
        "rows": [(each, changes.get(str(each.row))) for each in found],
        "own": sum(each.value != each.default for each in found),
    }
    return pages.shown(request, "admin/thresholds.html", context)


def limits_page(request: HttpRequest) -> HttpResponse:
    """What the installation allows, and what the open tenant has taken of it."""
    tenant: Any = request.tenant  # type: ignore[attr-defined]
    found = [each for source in _limits for each in source(tenant, timezone.now())]
    return pages.shown(request, "admin/limits.html", {"title": "Limits", "rows": found})


pages.register(
    Page("thresholds/", "thresholds", thresholds_page, "Thresholds", order=40),
    Page("limits/", "limits", limits_page, "Limits", order=45),
)
