from datetime import datetime

from django.contrib import admin
from django.db.models import Q

from apps.events import queries
from apps.events.actions import MOST, pause
from apps.events.models import Delivery, Replay, State, Subscription
from apps.events.rules import KEPT
from portal.admin import limits
from portal.admin.base import TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.admin.limits import Limit
from portal.directory import TenantLike
from portal.requests import InTenant


@admin.register(Subscription)
class SubscriptionAdmin(TenantAdmin):
    """Addresses stay sealed: nobody reads them here."""

    lenses = (
        Lens(
            "failing",
            "Their receiver doesn't take events",
            lambda tenant_id, now: Q(removed_at=None) & (Q(failing_since__isnull=False) | Q(state=State.STOPPED)),
            says="Subscriptions whose receiver doesn't take events",
            rank=60,
        ),
    )
    list_display = ["name", "shown", "state", "patterns", "cursor", "failures", "failing_since", "why", "removed_at"]
    list_filter = ["state"]
    exclude = ["sealed"]
    ordering = ["name"]
    actions = ["stop"]

    @confirmed("Stop: nothing goes out until somebody resumes it", happens="What happens meanwhile waits.")
    def stop(self, request: InTenant, row: Subscription, reason: str) -> None:
        pause(subscription=row, actor=request.actor, reason=reason)


@admin.register(Replay)
class ReplayAdmin(TenantAdmin):
    list_display = ["number", "subscription", "first", "last", "total", "by", "created_at", "finished_at"]
    list_select_related = ["subscription", "by"]
    ordering = ["-created_at"]


@admin.register(Delivery)
class DeliveryAdmin(TenantAdmin):
    list_display = ["created_at", "action", "subscription", "seq", "run", "state", "attempts", "status", "due_at"]
    list_filter = ["state"]
    list_select_related = ["subscription"]
    ordering = ["-created_at"]


@limits.limits
def event_limits(tenant: TenantLike, now: datetime) -> list[Limit]:
    return [
        Limit("Subscriptions to events", f"{MOST}", used=queries.subscriptions(tenant.id).count()),
        Limit("Days that the log of deliveries is kept", f"{KEPT.days}"),
    ]
