"""The way around: each app registers its entries; people see those that they may open, their own first."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise

from portal.actor import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation. ``url_name`` takes the tenant's slug; ``shown`` says who sees it, and ``first`` who
    sees it at once: the others find it under "More".
    """

    label: str | Promise
    url_name: str
    icon: str
    order: int = 50
    shown: Callable[[Actor], bool] = lambda actor: True
    first: Callable[[Actor], bool] = lambda actor: False


_entries: list[Entry] = []


def register(entry: Entry) -> None:
    _entries.append(entry)
    _entries.sort(key=lambda e: (e.order, e.url_name))


def for_roles(*roles: str) -> Callable[[Actor], bool]:
    """First for whoever has one of the roles."""
    wanted = frozenset(roles)
    return lambda actor: bool(actor.roles & wanted)


def entries(request: HttpRequest) -> list[dict[str, object]]:
    """The navigation of this request, empty outside a tenant."""
    tenant, actor = getattr(request, "tenant", None), getattr(request, "actor", None)
    if tenant is None or actor is None:
        return []
    links = [(entry, reverse(entry.url_name, args=[tenant.slug])) for entry in _entries if entry.shown(actor)]
    current = max((url for _, url in links if request.path_info.startswith(url)), key=len, default="")
    return [
        {"label": e.label, "url": url, "icon": e.icon, "current": url == current, "first": e.first(actor)}
        for e, url in links
    ]


def context(request: HttpRequest) -> dict[str, list[dict[str, object]]]:
    """``nav`` is what this person sees at once, where they are included; ``more`` the rest."""
    found = entries(request)
    at_once = [e for e in found if e["first"] or e["current"]]
    return {"nav": at_once, "more": [e for e in found if e not in at_once]}
