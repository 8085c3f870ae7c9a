from django.contrib import admin

from apps.audit.models import AuditEntry
from portal.admin.base import TenantAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(TenantAdmin):
    """The trail, newest first; searched by its generated columns."""

    list_display = ["seq", "at", "actor", "action", "object_type", "object_id"]
    search_fields = ["action", "actor", "object_id"]
    fields = ["seq", "at", "actor", "action", "object_type", "object_id", "body"]
    ordering = ["-seq"]
