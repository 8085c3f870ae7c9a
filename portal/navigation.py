"""The way around: each app registers its entries; people see those that they may open."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from portal.actor import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation. ``url_name`` takes the tenant's slug; ``shown`` says who sees it."""

    label: str
    url_name: str
    icon: str
    order: int = 50
    shown: Callable[[Actor], bool] = lambda actor: True


_entries: list[Entry] = []


def register(entry: Entry) -> None:
    _entries.append(entry)
    _entries.sort(key=lambda e: (e.order, e.label))


def entries(request: HttpRequest) -> list[dict[str, object]]:
    """The navigation of this request, empty outside a tenant."""
    tenant, actor = getattr(request, "tenant", None), getattr(request, "actor", None)
    if tenant is None or actor is None:
        return []
    links = [(entry, reverse(entry.url_name, args=[tenant.slug])) for entry in _entries if entry.shown(actor)]
    current = max((url for _, url in links if request.path_info.startswith(url)), key=len, default="")
    return [{"label": e.label, "url": url, "icon": e.icon, "current": url == current} for e, url in links]
