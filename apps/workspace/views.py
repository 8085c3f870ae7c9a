"""Each person's first page, finding one's way from anywhere, and the filters that one keeps."""

from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.budgets.banners import of_member
from apps.budgets.months import month_at
from apps.workloads import queries as workloads
from apps.workspace import actions, finding, home, queries
from apps.workspace.models import SavedFilter
from apps.workspace.rules import LONGEST, PAGES, kept_query, words
from portal import undo
from portal.access import member
from portal.errors import PortalError
from portal.requests import InTenant


@member
def tenant_home(request: InTenant, slug: str) -> HttpResponse:
    """What waits for me, and what moves."""
    now = timezone.now()
    shown = home.present(request.tenant.id, request.actor, now)
    month = month_at(now, request.tenant.time_zone)
    banners = of_member(request.tenant.id, request.user.id, month) if shown.is_frontline else []
    return render(request, "tenants/home.html", {"shown": shown, "banners": banners, "now": now})


@member
def search(request: InTenant, slug: str) -> HttpResponse:
    """The whole page, or for the palette its options alone."""
    asked = request.GET.get("q", "")[:LONGEST]
    looked = words(asked)
    if looked:
        groups = finding.search(request, request.tenant, request.actor, asked)
    else:
        groups = finding.offered(request, request.tenant, request.actor)
    context = {"asked": asked, "looked": looked, "groups": groups, "count": sum(len(group.hits) for group in groups)}
    return render(request, "workspace/options.html" if request.htmx else "workspace/search.html", context)


@require_POST
@member
def dismiss_steps(request: InTenant, slug: str) -> HttpResponse:
    actions.dismiss_first_steps(tenant_id=request.tenant.id, person=request.user, now=timezone.now())
    undo.offer(request, "The first steps are gone from your page.", reverse("show_steps", args=[slug]))
    return redirect("tenant_home", slug)


@require_POST
@member
def show_steps(request: InTenant, slug: str) -> HttpResponse:
    actions.show_first_steps(tenant_id=request.tenant.id, person=request.user)
    return redirect("tenant_home", slug)


@member
def filters(request: InTenant, slug: str) -> HttpResponse:
    """All that I keep; or for htmx the chips of one list, with what it is filtered by now as something to keep."""
    page, about = request.GET.get("page", ""), request.GET.get("about", "")[:60]
    rows = queries.filters(request.tenant.id, request.user.id, page if request.htmx else "", about)
    shown = [(row, _address(slug, row)) for row in rows]
    query = kept_query(page, request.GET.get("query", ""))
    is_kept = any((row.page, row.about, row.query) == (page, about, query) for row, _ in shown)
    context = {"shown": shown, "page_name": page, "about": about, "query": query, "is_kept": is_kept, "pages": PAGES}
    return render(request, "workspace/chips.html" if request.htmx else "workspace/filters.html", context)


@require_POST
@member
def keep_filter(request: InTenant, slug: str) -> HttpResponse:
    said = {name: request.POST.get(name, "") for name in ("page", "about", "name", "query")}
    if said["about"]:
        workloads.workload_for(request.tenant.id, request.actor, said["about"][:60])
    try:
        row = actions.keep_filter(tenant_id=request.tenant.id, person=request.user, now=timezone.now(), **said)
    except PortalError as error:
        messages.error(request, error.message)
        return redirect(_back(request, slug))
    messages.success(request, f"Kept as “{row.name}”.")
    return redirect(_address(slug, row))


@require_POST
@member
def drop_filter(request: InTenant, slug: str, filter_id: UUID) -> HttpResponse:
    row = queries.saved_filter(request.tenant.id, request.user.id, filter_id)
    actions.drop_filter(row=row)
    fields = {"page": row.page, "about": row.about, "name": row.name, "query": row.query}
    undo.offer(request, f"“{row.name}” is dropped.", reverse("keep_filter", args=[slug]), **fields)
    return redirect(_back(request, slug))


def _address(slug: str, row: SavedFilter) -> str:
    return f"{_page(slug, row.page, row.about)}?{row.query}"


def _page(slug: str, page: str, about: str) -> str:
    return reverse(PAGES[page].url_name, args=[slug, about] if about else [slug])


def _back(request: InTenant, slug: str) -> str:
    """The list that the button stood on, or all filters."""
    sent_from = urlsplit(request.headers.get("Referer", ""))
    mine = sent_from.netloc == request.get_host() and sent_from.path.startswith(f"/t/{slug}/")
    return sent_from._replace(scheme="", netloc="").geturl() if mine else reverse("filters", args=[slug])
