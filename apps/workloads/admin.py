from django.contrib import admin
from django.utils import timezone

from apps.workloads import actions, queries
from apps.workloads.models import AgentVersion, AuthorityGrant, Workload
from portal.admin import checklist
from portal.admin.base import TenantAdmin
from portal.admin.bulk import confirmed
from portal.requests import InTenant


@admin.register(Workload)
class WorkloadAdmin(TenantAdmin):
    list_display = ["key", "name", "owner", "stage", "posture", "commitment"]
    list_select_related = ["owner"]
    list_filter = ["stage", "posture"]
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

    @confirmed("Revoke: the agent may do this no more", happens="From now on a person has to do this in its place.")
    def revoke(self, request: InTenant, grant: AuthorityGrant, reason: str) -> None:
        actions.revoke_authority(grant=grant, actor=request.actor, now=timezone.now(), reason=reason)


checklist.register(
    checklist.Check(
        40,
        "A workload",
        lambda tenant_id, now: queries.workloads(tenant_id).exists(),
        "Somebody who owns one registers it.",
        "register_workload",
    )
)
