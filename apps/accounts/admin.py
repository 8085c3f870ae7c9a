from datetime import datetime, timedelta

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.models import ApiToken, User
from portal.admin import limits
from portal.admin.base import PlatformAdmin, TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.admin.limits import Limit
from portal.directory import TenantLike
from portal.requests import InTenant

SOON = timedelta(days=14)
_UNREVOKED = Q(revoked_at=None)


@admin.register(User)
class UserAdmin(PlatformAdmin):
    list_display = ["email", "name", "is_active", "is_staff", "last_login"]
    search_fields = ["email", "name"]
    list_filter = ["is_active", "is_staff"]
    ordering = ["email"]
    fields = ["email", "name", "is_active", "is_staff", "last_login", "date_joined"]


@admin.register(ApiToken)
class ApiTokenAdmin(TenantAdmin):
    """Never the secret, not even its digest."""

    lenses = (
        Lens("live", "Count now", lambda tenant_id, now: _UNREVOKED & Q(expires_at__gt=now)),
        Lens(
            "expiring",
            "End within 14 days",
            lambda tenant_id, now: _UNREVOKED & Q(expires_at__gt=now, expires_at__lte=now + SOON),
            says="API tokens that end within 14 days",
            rank=70,
        ),
        Lens(
            "never_used",
            "Count, and were never used",
            lambda tenant_id, now: _UNREVOKED & Q(expires_at__gt=now, last_used_at=None),
            says="API tokens that were never used",
            rank=71,
        ),
        Lens("ended", "Ran out", lambda tenant_id, now: _UNREVOKED & Q(expires_at__lte=now)),
        Lens("revoked", "Revoked", lambda tenant_id, now: Q(revoked_at__isnull=False)),
    )

    list_display = ["name", "key", "scopes", "user", "expires_at", "revoked_at", "last_used_at"]
    list_select_related = ["user"]
    ordering = ["-created_at"]
    fields = ["name", "key", "scopes", "workload_ids", "expires_at", "revoked_at", "last_used_at", "created_at"]
    actions = ["revoke"]

    @confirmed("Revoke: counts no more at once", happens="The token is refused from now on, everywhere.")
    def revoke(self, request: InTenant, token: ApiToken, reason: str) -> None:
        actions.revoke_token(token=token, actor=request.actor, now=timezone.now(), reason=reason)


@limits.limits
def token_limits(tenant: TenantLike, now: datetime) -> list[Limit]:
    return [Limit("Days that an API token counts at most", f"{actions.LONGEST_LIFE.days}")]
