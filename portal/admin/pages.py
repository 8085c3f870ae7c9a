"""Pages of the admin that are no list of one table. Apps register theirs; they stand in the side bar and on the index.

A view gets a request with a tenant open (:mod:`portal.admin.middleware`), or, with ``is_outside``, one without: then it
checks by itself who asks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from portal.errors import NotFound

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Page:
    """``label`` empty: it is reached from another page, and isn't listed."""

    path: str
    name: str
    view: View
    label: str = ""
    order: int = 50
    is_outside: bool = False
    for_operators: bool = False


_pages: list[Page] = []


def register(*pages: Page) -> None:
    _pages.extend(pages)
    _pages.sort(key=lambda page: (page.order, page.label))


def every() -> list[Page]:
    return list(_pages)


def listed(request: HttpRequest) -> list[Page]:
    """Those that this person sees in the side bar."""
    operates = bool(getattr(request, "operates", False))
    return [page for page in _pages if page.label and not page.is_outside and (operates or not page.for_operators)]


def guarded(page: Page) -> View:
    """The view; to whom it isn't for it is a page that doesn't exist."""

    @wraps(page.view)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if page.for_operators and not getattr(request, "operates", False):
            raise NotFound()
        return page.view(request, *args, **kwargs)

    return view


def shown(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page in the admin's frame."""
    from django.contrib import admin

    return render(request, template, {**admin.site.each_context(request), **context}, status=status)


def address(page: Page) -> str:
    return reverse(f"admin:{page.name}")
