from django.contrib import admin

from apps.runbooks.models import Drill, Runbook, RunbookVersion
from portal.admin.base import TenantAdmin


@admin.register(Runbook)
class RunbookAdmin(TenantAdmin):
    list_display = ["title", "workload", "owner", "published", "reviewed_at"]
    list_select_related = ["workload", "owner", "published"]
    ordering = ["title"]


@admin.register(RunbookVersion)
class RunbookVersionAdmin(TenantAdmin):
    list_display = ["runbook", "number", "author", "reviewed_by", "published_by", "published_at", "is_editorial"]
    list_select_related = ["runbook", "author", "reviewed_by", "published_by"]
    ordering = ["-created_at"]


@admin.register(Drill)
class DrillAdmin(TenantAdmin):
    list_display = ["workload", "kind", "version", "started_by", "started_at", "finished_at", "outcome"]
    list_select_related = ["workload", "version", "started_by"]
    ordering = ["-started_at"]
