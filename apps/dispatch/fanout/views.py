"""The fan-out map: the dispatcher, the workloads that it sends to, and what holds each of them."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from apps.budgets.months import month_at
from apps.dispatch.fanout import presenter, queries
from apps.dispatch.fanout.facts import FanOut
from portal.access import member
from portal.requests import InTenant

PAGE = 20


@member
def fan_out(request: InTenant, slug: str) -> HttpResponse:
    """What one may see of it, by key."""
    now, tenant_id = timezone.now(), request.tenant.id
    month = month_at(now, request.tenant.time_zone)
    rows, found = queries.seen(tenant_id, request.actor, month.key), queries.monoliths(tenant_id)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    drawn = FanOut(
        dispatcher=queries.dispatcher(tenant_id, request.actor),
        specialists=queries.drawn(tenant_id, list(page), found, frozenset(row.id for row in rows), now),
        whole=queries.whole(rows, found),
        month=month.key,
    )

    def to(name: str, key: str) -> str:
        return reverse(name, args=[slug, key] if key else [slug])

    context = {
        "sentence": presenter.sentence(drawn.whole),
        "picture": presenter.picture(drawn, to),
        "page": page,
        "month": month,
        "now": now,
    }
    return render(request, "dispatch/fan_out.html", context)
