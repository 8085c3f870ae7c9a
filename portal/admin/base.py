"""What every admin class here inherits: read in one tenant, change through actions alone."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin


class GuardedAdmin(ModelAdmin):  # type: ignore[misc]
    """Read-only, paginated, without Django's own log, which would keep tenants' names outside their wall."""

    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return getattr(request, "admin_session", None) is not None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The action has written the audit entry."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Nothing is deleted here."""


class TenantAdmin(GuardedAdmin):
    """Rows of the open tenant."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.model._default_manager.filter(tenant=request.tenant.id)  # type: ignore[attr-defined, no-any-return]

    def reason(self, request: HttpRequest) -> str:
        """Why the session was opened: it stands beside whatever is done in it."""
        return f"admin session: {request.admin_session.reason}"  # type: ignore[attr-defined]


class PlatformAdmin(GuardedAdmin):
    """Global rows, for platform operators alone, through portal_ops."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and bool(request.user.is_staff)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.model._default_manager.using("ops")  # type: ignore[no-any-return]
