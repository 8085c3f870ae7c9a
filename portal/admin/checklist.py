"""What a new tenant still lacks before it can work. Apps say what of theirs there has to be."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from portal.directory import TenantLike


@dataclass(frozen=True, slots=True)
class Check:
    """``there`` says whether it is there; ``how`` says what to do, on the product's page ``url_name``."""

    order: int
    what: str
    there: Callable[[UUID, datetime], bool]
    how: str
    url_name: str


@dataclass(frozen=True, slots=True)
class Point:
    what: str
    is_there: bool
    how: str
    url: str


_checks: list[Check] = []


def register(*checks: Check) -> None:
    _checks.extend(checks)
    _checks.sort(key=lambda check: check.order)


def points(tenant: TenantLike, now: datetime) -> list[Point]:
    """Every check of the tenant, in the order in which one sets it up."""
    return [
        Point(check.what, check.there(tenant.id, now), check.how, reverse(check.url_name, args=[tenant.slug]))
        for check in _checks
    ]
