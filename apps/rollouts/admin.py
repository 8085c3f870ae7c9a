from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.rollouts import actions
from apps.rollouts.models import Rollout, RolloutTransition
from portal.admin.base import TenantAdmin
from portal.models import OutboxMessage


@admin.register(Rollout)
class RolloutAdmin(TenantAdmin):
    list_display = ["version", "workload", "state", "phase", "hold_reason", "started_at"]
    list_select_related = ["workload", "version"]
    ordering = ["-created_at"]
    actions = ["hold", "roll_back"]

    @admin.action(description="Hold: keep the share where it is", permissions=["view"])
    def hold(self, request: HttpRequest, queryset: Any) -> None:
        self._each(request, queryset, actions.hold_rollout)

    @admin.action(description="Roll back: nobody gets the agent, at once", permissions=["view"])
    def roll_back(self, request: HttpRequest, queryset: Any) -> None:
        self._each(request, queryset, actions.roll_back)

    def _each(self, request: HttpRequest, queryset: Any, act: Any) -> None:
        for rollout in queryset.select_related("workload", "version", "control_version"):
            act(rollout=rollout, actor=request.actor, now=timezone.now(), reason=self.reason(request))  # type: ignore[attr-defined]


@admin.register(RolloutTransition)
class RolloutTransitionAdmin(TenantAdmin):
    list_display = ["created_at", "rollout_id", "before", "after", "share", "actor", "reason"]
    ordering = ["-created_at"]


@admin.register(OutboxMessage)
class OutboxMessageAdmin(TenantAdmin):
    """What went out, what waits, and why."""

    list_display = ["topic", "key", "kind", "due_at", "attempts", "delivered_at", "dead_at", "last_error"]
    ordering = ["-created_at"]
