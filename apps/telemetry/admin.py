from django.contrib import admin

from apps.telemetry.models import RejectedRecord
from portal.admin.base import TenantAdmin


@admin.register(RejectedRecord)
class RejectedRecordAdmin(TenantAdmin):
    list_display = ["created_at", "source", "reason", "trace_id", "span_id"]
    ordering = ["-created_at"]
