from datetime import datetime

from django.conf import settings
from django.contrib import admin
from django.template.defaultfilters import filesizeformat

from apps.telemetry.models import RejectedRecord
from portal.admin import limits
from portal.admin.base import TenantAdmin
from portal.admin.limits import Limit
from portal.directory import TenantLike


@admin.register(RejectedRecord)
class RejectedRecordAdmin(TenantAdmin):
    list_display = ["created_at", "source", "reason", "trace_id", "span_id"]
    ordering = ["-created_at"]


@limits.limits
def telemetry_limits(tenant: TenantLike, now: datetime) -> list[Limit]:
    body, days = settings.TELEMETRY_BODY_LIMIT, settings.TELEMETRY_RETENTION_DAYS
    return [
        Limit("Body of a telemetry request, unpacked", filesizeformat(body), "TELEMETRY_BODY_LIMIT"),
        Limit("Days that action records are kept", f"{days}", "TELEMETRY_RETENTION_DAYS"),
    ]
