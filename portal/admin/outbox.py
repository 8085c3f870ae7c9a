"""What has to go out and hasn't: by topic and by message, with a way to try again what was given up."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portal import health, jobs
from portal.admin import limits, pages
from portal.admin.base import TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.admin.limits import Limit
from portal.admin.pages import Page
from portal.directory import TenantLike
from portal.models import OutboxMessage
from portal.outbox import queries
from portal.outbox.actions import KEPT, MAX_ATTEMPTS, deliver_again
from portal.requests import InTenant

LATE = timedelta(minutes=5)
_WAITING = Q(delivered_at=None, dead_at=None)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(TenantAdmin):
    """What went out, what waits, and why."""

    lenses = (
        Lens("waiting", "Wait", lambda tenant_id, now: _WAITING),
        Lens("retried", "Wait, after a failure", lambda tenant_id, now: _WAITING & Q(attempts__gt=0)),
        Lens(
            "late",
            "Due for over five minutes",
            lambda tenant_id, now: _WAITING & Q(due_at__lt=now - LATE),
            says="Messages that have been due for over five minutes",
            rank=62,
        ),
        Lens(
            "dead",
            "Given up",
            lambda tenant_id, now: Q(dead_at__isnull=False),
            says="Messages that were given up",
            rank=61,
        ),
    )
    list_display = ["topic", "key", "kind", "due_at", "attempts", "delivered_at", "dead_at", "last_error"]
    list_filter = ["kind"]
    ordering = ["-created_at"]
    actions = ["send_again"]

    @confirmed(
        "Try again what was given up",
        happens="It is due at once and tried twenty times more, with the key it had: a receiver that got it can tell.",
    )
    def send_again(self, request: InTenant, message: OutboxMessage, reason: str) -> None:
        deliver_again(message=message, actor=request.actor, now=timezone.now(), reason=reason)


def outbox_page(request: HttpRequest) -> HttpResponse:
    """How the tenant's messages stand; to an operator all tenants', and the figures of ``/metrics``, too."""
    tenant_id = request.tenant.id  # type: ignore[attr-defined]
    context: dict[str, Any] = {"title": "Messages and jobs", "topics": queries.topics_of(tenant_id)}
    if request.operates:  # type: ignore[attr-defined]
        jobs_found = jobs.jobs(timezone.now())
        late = sum(job.is_late for job in jobs_found)
        context |= {"across": queries.topics_across(), "gauges": health.gauges(), "jobs": jobs_found, "late": late}
    return pages.shown(request, "admin/outbox.html", context)


pages.register(Page("messages/", "messages", outbox_page, "Messages and jobs", order=10))


@limits.limits
def outbox_limits(tenant: TenantLike, now: datetime) -> list[Limit]:
    return [
        Limit("Tries of a message until it is given up", f"{MAX_ATTEMPTS}"),
        Limit("Days that a delivered message is kept", f"{KEPT.days}"),
    ]
