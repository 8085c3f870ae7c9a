"""The trail, read-only: looked through by the page and never counted, however long it is; taken out with its proof."""

import json
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import UUIDField
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone

from apps.audit import chain, queries
from apps.audit.forms import WantedForm
from apps.audit.models import AuditEntry
from portal.admin import exporting, pages, session
from portal.admin.base import TenantAdmin
from portal.directory import directory
from portal.errors import NotFound

PAGE = 50


@admin.register(AuditEntry)
class AuditEntryAdmin(TenantAdmin):
    list_display = ["seq", "at", "actor", "action", "object_type", "object_id"]
    ordering = ["-seq"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        form, rows = WantedForm(request.GET or None), []
        tenant: Any = request.tenant  # type: ignore[attr-defined]
        if form.is_valid() or not form.is_bound:
            wanted = form.wanted() if form.is_bound else queries.Wanted()
            rows = queries.found(tenant.id, wanted, ZoneInfo(tenant.time_zone), PAGE + 1)
        context = {"title": "Audit trail", "form": form, "rows": rows[:PAGE], "older": _older(request, rows)}
        context["head"] = queries.head(tenant.id)[0]
        return pages.shown(request, "admin/audit_trail.html", context, status=400 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One entry: who did what, what it changed, and whether it stands where the chain says."""
        entry = queries.entry(request.tenant.id, _uuid(object_id))  # type: ignore[attr-defined]
        body = json.loads(entry.body)
        context = {
            "title": f"Entry {entry.seq}",
            "entry": entry,
            "body": body,
            "changes": chain.changes(body.get("before"), body.get("after")),
            "problem": queries.problem(entry),
        }
        return pages.shown(request, "admin/audit_entry.html", context)

    def export_view(self, request: HttpRequest, kind: str) -> StreamingHttpResponse:
        """The whole chain, each link with what it takes to recompute it (AUD-2)."""
        if kind != "proof" or request.method != "POST":
            raise NotFound()
        tenant, opened = request.tenant, request.admin_session  # type: ignore[attr-defined]
        reason = f"audit trail: {opened.reason}"
        directory().note_admin_session(tenant, session.operator(request.user), "exported", reason)
        lines = (f"{line}\n" for line in chain.proof(tenant.id, queries.links(tenant.id)))
        response = StreamingHttpResponse(
            exporting.inside(tenant.id, lines, across=False), content_type=exporting.TYPES["jsonl"]
        )
        file = f"{tenant.slug}-audit-{timezone.now():%Y%m%d-%H%M}.jsonl"
        response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        response.headers["Cache-Control"] = "private, no-store"
        return response


def _older(request: HttpRequest, rows: list[AuditEntry]) -> str:
    """The address of the next page down, if there is one."""
    if len(rows) <= PAGE:
        return ""
    query = request.GET.copy()
    query["below"] = str(rows[PAGE - 1].seq)
    return f"?{query.urlencode()}"


def _uuid(text: str) -> UUID:
    try:
        found: UUID = UUIDField().to_python(text)
    except ValidationError as error:
        raise NotFound() from error
    return found
