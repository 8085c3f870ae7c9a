from datetime import datetime

from django.contrib import admin
from django.urls import reverse

from apps.feedback.actions import MOST_AN_HOUR, MOST_REACTIONS_AN_HOUR
from apps.feedback.desks import all_desks, has_desk, late, late_by_workload
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
from portal.admin import checklist, limits
from portal.admin.base import TenantAdmin
from portal.admin.lenses import Lens
from portal.admin.limits import Limit, Threshold
from portal.directory import TenantLike


@admin.register(Report)
class ReportAdmin(TenantAdmin):
    lenses = (
        Lens(
            "late",
            "Unanswered beyond the desk's target",
            late,
            says="Reports unanswered beyond their desk's target",
            rank=40,
        ),
    )
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


checklist.register(
    checklist.Check(
        70,
        "A support desk",
        lambda tenant_id, now: has_desk(tenant_id),
        "The owner of a workload names who answers its users, on the workload's page.",
        "workloads",
    )
)


@limits.thresholds
def desk_thresholds(tenant: TenantLike, now: datetime) -> list[Threshold]:
    """How soon a desk answers. It has no default: whoever names the desk says it."""
    desks = all_desks(tenant.id)
    waiting = late_by_workload(tenant.id, desks, now)
    return [
        Threshold(
            f"{desk.workload.key}: minutes of opening time until a report is answered",
            "named with the desk",
            f"{desk.target_minutes}",
            _waiting(waiting.get(desk.workload_id, 0)),
            reverse("desk", args=[tenant.slug, desk.workload.key]),
            desk.id,
            "feedback.desk_named",
        )
        for desk in desks
    ]


def _waiting(reports: int) -> str:
    return f"{reports} report{' waits' if reports == 1 else 's wait'} longer than that now."


@limits.limits
def feedback_limits(tenant: TenantLike, now: datetime) -> list[Limit]:
    return [
        Limit("Reports of a person in an hour", f"{MOST_AN_HOUR}"),
        Limit("Reactions with a widget's ticket, of a user in an hour", f"{MOST_REACTIONS_AN_HOUR}"),
    ]
