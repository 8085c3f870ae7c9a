"""What every admin class here inherits: read in one tenant, change through actions alone."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from unfold.admin import ModelAdmin

from portal.actor import Actor
from portal.directory import directory
from portal.errors import PortalError


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

    def member(self, request: HttpRequest) -> Actor:
        """The signed-in person as a member of the open tenant; an operator who isn't one has no rights in it."""
        actor: Actor = request.actor  # type: ignore[attr-defined]
        return directory().actor_for_user(request.user, request.tenant, directory().sign_in(request)) or actor  # type: ignore[attr-defined]


class ActionAdmin(TenantAdmin):
    """Rows that are changed here too, by the product's own actions: what one refuses is said, and changes nothing.

    ``editable`` are the fields of the form; the others are shown. A subclass's ``save_model`` calls the action, as the
    person who is signed in, with the rights that they have as a member and none besides.
    """

    editable: Sequence[str] = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [f.name for f in self.model._meta.fields if f.name not in self.editable]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            with transaction.atomic():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except PortalError as error:
            self.message_user(request, error.message, messages.ERROR)
            return redirect(request.path)


class PlatformAdmin(GuardedAdmin):
    """Global rows, for platform operators alone, through portal_ops."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and bool(request.operates)  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.model._default_manager.using("ops")  # type: ignore[no-any-return]
