"""The notification centre: what I was told in the product, what of it I haven't read, and reading it."""

from datetime import datetime
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.ownership.channels import actions, queries
from apps.ownership.models.channels import NoticeKind
from portal import undo
from portal.access import member
from portal.errors import Invalid, NotFound
from portal.requests import InTenant

PAGE = 25


@member
def centre(request: InTenant, slug: str) -> HttpResponse:
    kind = request.GET.get("kind", "")
    chosen = kind if kind in NoticeKind.values else ""
    rows = queries.told(request.tenant.id, request.user.id, chosen)
    context = {
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "unread": queries.unread(request.tenant.id, request.user.id),
        "most": queries.MOST_COUNTED,
        "kind": chosen,
        "kinds": NoticeKind.choices,
        "now": timezone.now(),
    }
    return render(request, "ownership/notices.html", context)


@require_POST
@member
def read(request: InTenant, slug: str, notice_id: UUID) -> HttpResponse:
    """One of mine. Reading it twice changes nothing."""
    if not queries.told(request.tenant.id, request.user.id).filter(id=notice_id).exists():
        raise NotFound()
    actions.mark_read(tenant_id=request.tenant.id, person=request.user.id, notice=notice_id, now=timezone.now())
    return redirect("notices", slug)


@require_POST
@member
def read_all(request: InTenant, slug: str) -> HttpResponse:
    now = timezone.now()
    count = actions.mark_read(tenant_id=request.tenant.id, person=request.user.id, now=now)
    back = reverse("unread_notices", args=[slug])
    undo.offer(request, f"{count} marked as read.", back, at=now.isoformat())
    return redirect("notices", slug)


@require_POST
@member
def unread_all(request: InTenant, slug: str) -> HttpResponse:
    """Take back marking them all, which is known by its instant."""
    try:
        at = datetime.fromisoformat(request.POST.get("at", ""))
    except ValueError as error:
        raise Invalid("at", "Use the button that offers it.") from error
    if at.tzinfo is None:
        raise Invalid("at", "Use the button that offers it.")
    actions.mark_unread(tenant_id=request.tenant.id, person=request.user.id, read_at=at)
    return redirect("notices", slug)
