from django.contrib import admin

from apps.training.models import Cohort, CohortMember, Completion, Module
from portal.admin.base import TenantAdmin


@admin.register(Module)
class ModuleAdmin(TenantAdmin):
    list_display = ["title", "workload", "topic", "revision", "counts_from", "valid_days", "retired_at"]
    list_select_related = ["workload"]
    ordering = ["title"]


@admin.register(Cohort)
class CohortAdmin(TenantAdmin):
    list_display = ["name", "workload", "is_first", "threshold", "attribute", "value"]
    list_select_related = ["workload"]
    ordering = ["name"]


@admin.register(CohortMember)
class CohortMemberAdmin(TenantAdmin):
    list_display = ["cohort", "person", "created_at"]
    list_select_related = ["cohort", "person"]
    ordering = ["-created_at"]


@admin.register(Completion)
class CompletionAdmin(TenantAdmin):
    list_display = ["person", "module", "revision", "how", "recorded_by", "completed_at", "until"]
    list_select_related = ["person", "module", "recorded_by"]
    ordering = ["-completed_at"]
