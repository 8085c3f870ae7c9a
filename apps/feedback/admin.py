from django.contrib import admin

from apps.feedback.models import (
    Desk,
    DeskPerson,
    MeToo,
    ReactionRecord,
    Report,
    ReportEvent,
    Screenshot,
    Theme,
    TrustDay,
    Widget,
)
from portal.admin.base import TenantAdmin


@admin.register(Report)
class ReportAdmin(TenantAdmin):
    list_display = ["workload", "category", "severity", "state", "reporter", "source", "answered_at", "created_at"]
    list_filter = ["state", "category", "severity", "source"]
    list_select_related = ["workload", "reporter"]
    search_fields = ["what_happened", "would_help", "request_id"]
    ordering = ["-created_at", "-id"]


@admin.register(ReportEvent)
class ReportEventAdmin(TenantAdmin):
    list_display = ["report", "kind", "state", "by", "created_at"]
    list_filter = ["kind"]
    ordering = ["-created_at", "-id"]


@admin.register(Screenshot)
class ScreenshotAdmin(TenantAdmin):
    list_display = ["report", "width", "height", "created_at"]
    exclude = ["data"]
    ordering = ["-created_at"]


@admin.register(Theme)
class ThemeAdmin(TenantAdmin):
    list_display = ["title", "workload", "made_by", "created_at", "closed_at"]
    list_select_related = ["workload", "made_by"]
    search_fields = ["title"]
    ordering = ["-created_at"]


@admin.register(MeToo)
class MeTooAdmin(TenantAdmin):
    list_display = ["theme", "person", "created_at"]
    list_select_related = ["theme", "person"]
    ordering = ["-created_at"]


@admin.register(ReactionRecord)
class ReactionAdmin(TenantAdmin):
    list_display = ["workload", "request_id", "kind", "counted_at", "next_look_at", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["workload"]
    search_fields = ["request_id"]
    ordering = ["-created_at"]


@admin.register(TrustDay)
class TrustDayAdmin(TenantAdmin):
    list_display = ["workload", "day", "users", "doubting", "is_falling", "as_of"]
    list_filter = ["is_falling"]
    list_select_related = ["workload"]
    ordering = ["-day"]


@admin.register(Desk)
class DeskAdmin(TenantAdmin):
    list_display = ["workload", "zone", "target_minutes", "expected_reports", "revision"]
    list_select_related = ["workload"]
    ordering = ["created_at"]


@admin.register(DeskPerson)
class DeskPersonAdmin(TenantAdmin):
    list_display = ["desk", "person", "created_at"]
    list_select_related = ["desk", "person"]
    ordering = ["created_at"]


@admin.register(Widget)
class WidgetAdmin(TenantAdmin):
    list_display = ["name", "workload", "key", "origins", "created_at", "revoked_at"]
    list_select_related = ["workload"]
    ordering = ["-created_at"]
