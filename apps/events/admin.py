from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.events.actions import pause
from apps.events.models import Delivery, Replay, State, Subscription
from portal.admin.base import TenantAdmin


@admin.register(Subscription)
class SubscriptionAdmin(TenantAdmin):
    """Addresses stay sealed: nobody reads them here."""

    list_display = ["name", "shown", "state", "patterns", "cursor", "failures", "failing_since", "why", "removed_at"]
    list_filter = ["state"]
    exclude = ["sealed"]
    ordering = ["name"]
    actions = ["stop"]

    @admin.action(description="Stop: nothing goes out until somebody resumes it", permissions=["view"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        for row in queryset.filter(state=State.ACTIVE, removed_at=None):
            pause(subscription=row, actor=request.actor, reason=self.reason(request))  # type: ignore[attr-defined]


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
