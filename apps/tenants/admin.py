from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.tenants import actions
from apps.tenants.models import Membership, Team, Tenant
from portal.admin.base import PlatformAdmin, TenantAdmin


@admin.register(Tenant)
class TenantsAdmin(PlatformAdmin):
    """All tenants, for operators. One is made by ``manage.py create_tenant``."""

    list_display = ["slug", "name", "time_zone", "created_at"]
    search_fields = ["slug", "name"]
    fields = ["slug", "name", "time_zone"]


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    list_display = ["user", "roles", "ended_at", "created_at"]
    list_select_related = ["user"]
    actions = ["end_memberships"]

    @admin.action(description="End the membership: shut out at once", permissions=["view"])
    def end_memberships(self, request: HttpRequest, queryset: Any) -> None:
        for member in queryset:
            actions.end_membership(member=member, actor=request.actor, now=timezone.now())  # type: ignore[attr-defined]


@admin.register(Team)
class TeamAdmin(TenantAdmin):
    list_display = ["slug", "name", "created_at"]
    search_fields = ["slug", "name"]
