"""What every admin class here inherits: read in one tenant, change through actions alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import transaction
from django.db.models import CharField, ForeignKey, QuerySet, TextField
from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path
from django.utils import timezone
from unfold.admin import ModelAdmin

from portal.actor import Actor
from portal.admin import exporting, session
from portal.admin.lenses import Lens, filter_for
from portal.directory import directory
from portal.errors import Invalid, NotFound, PortalError

# What a row of another table is known by, where it stands in a list.
_NAMES = ("name", "email", "title", "key", "slug", "label")


class GuardedAdmin(ModelAdmin):  # type: ignore[misc]
    """Read-only, paginated, without Django's own log, which would keep tenants' names outside their wall.

    ``lenses`` are the questions that its list answers (:mod:`portal.admin.lenses`). Each list is searched by the texts
    that it shows, filtered by when its rows came, and exported.
    """

    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True
    list_after_template = "admin/export_list.html"
    lenses: Sequence[Lens] = ()

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        own = [*super().get_list_filter(request)]
        fields = {field.name for field in self.opts.fields}
        return [
            *([filter_for(self.lenses)] if self.lenses else []),
            *own,
            *(["created_at"] if "created_at" in fields and "created_at" not in own else []),
        ]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        shown = [name for column in self.list_display for name in self._texts(column)]
        return [*super().get_search_fields(request)] or shown

    def _texts(self, column: Any) -> Iterator[str]:
        """The fields of text behind one column of the list."""
        try:
            field = self.opts.get_field(column)
        except FieldDoesNotExist:
            return
        if isinstance(field, CharField | TextField) and not field.choices:
            yield field.name
        elif isinstance(field, ForeignKey):
            held = {each.name for each in field.related_model._meta.fields}
            yield from (f"{field.name}__{name}" for name in _NAMES if name in held)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        export = path("export/<str:kind>/", self.admin_site.admin_view(self.export_view), name=name)
        return [export, *super().get_urls()]

    def export_view(self, request: HttpRequest, kind: str) -> StreamingHttpResponse:
        """The list as it is filtered, without its pages. That it was taken out stands in the tenant's trail."""
        if kind not in exporting.TYPES or request.method != "POST" or not self.has_view_permission(request):
            raise NotFound()
        columns = [str(name) for name in self.list_display]
        rows = exporting.values(self._filtered(request), columns, self)
        tenant, open_session = request.tenant, request.admin_session  # type: ignore[attr-defined]
        reason = f"{self.opts.verbose_name_plural}: {open_session.reason}"
        directory().note_admin_session(tenant, session.operator(request.user), "exported", reason)
        text = exporting.inside(tenant.id, exporting.lines(kind, columns, rows), across=bool(request.operates))  # type: ignore[attr-defined]
        response = StreamingHttpResponse(text, content_type=exporting.TYPES[kind])
        file = f"{tenant.slug}-{self.opts.model_name}-{timezone.now():%Y%m%d-%H%M}.{kind}"
        response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def _filtered(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows that the list shows by the same address. The list itself drops a filter that makes no sense; a file
        that held more than was asked for would be worse than none.
        """
        try:
            found: QuerySet[Any] = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise Invalid("filter", "The list has no such filter, or not with this value. Choose it again.") from error
        return found

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """
        Raises:
            Invalid: one of the chosen ids is none.
        """
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(chosen)
        except ValidationError as error:
            raise Invalid("rows", "What was chosen is no row of this list. Choose again.") from error
        return super().response_action(request, queryset)

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
        return session.member(request)


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
