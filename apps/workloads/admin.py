from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.workloads import actions
from apps.workloads.models import AgentVersion, AuthorityGrant, Workload
from portal.admin.base import TenantAdmin


@admin.register(Workload)
class WorkloadAdmin(TenantAdmin):
    list_display = ["key", "name", "owner", "stage", "posture", "commitment"]
    list_select_related = ["owner"]
    search_fields = ["key", "name"]


@admin.register(AgentVersion)
class AgentVersionAdmin(TenantAdmin):
    list_display = ["label", "workload", "model", "made_by", "created_at"]
    list_select_related = ["workload", "made_by"]


@admin.register(AuthorityGrant)
class AuthorityGrantAdmin(TenantAdmin):
    list_display = ["action_kind", "workload", "limit_amount", "currency", "authority", "revoked_at"]
    list_select_related = ["workload", "authority"]
    actions = ["revoke"]

    @admin.action(description="Revoke: the agent may do this no more", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        for grant in queryset:
            actions.revoke_authority(
                grant=grant,
                actor=request.actor,  # type: ignore[attr-defined]
                now=timezone.now(),
                reason=self.reason(request),
            )
