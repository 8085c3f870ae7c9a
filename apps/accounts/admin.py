from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.models import ApiToken, User
from portal.admin.base import PlatformAdmin, TenantAdmin


@admin.register(User)
class UserAdmin(PlatformAdmin):
    list_display = ["email", "name", "is_active", "is_staff", "last_login"]
    search_fields = ["email", "name"]
    fields = ["email", "name", "is_active", "is_staff", "last_login", "date_joined"]


@admin.register(ApiToken)
class ApiTokenAdmin(TenantAdmin):
    """Never the secret, not even its digest."""

    list_display = ["name", "key", "scopes", "expires_at", "revoked_at", "last_used_at"]
    fields = ["name", "key", "scopes", "workload_ids", "expires_at", "revoked_at", "last_used_at", "created_at"]
    actions = ["revoke"]

    @admin.action(description="Revoke: counts no more at once", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        for token in queryset:
            actions.revoke_token(token=token, actor=request.actor, now=timezone.now())  # type: ignore[attr-defined]
