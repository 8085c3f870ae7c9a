from datetime import datetime

from django.contrib import admin
from django.urls import reverse

from apps.training.models import Cohort, CohortMember, Completion, Module
from apps.training.queries import cohorts_of_tenant
from apps.training.rules import LEAST_SHARE
from portal.admin import limits
from portal.admin.base import TenantAdmin
from portal.admin.limits import Threshold
from portal.directory import TenantLike


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


_PHASE = "A rollout's phase that names the cohort waits until so many are trained."


@limits.thresholds
def cohort_thresholds(tenant: TenantLike, now: datetime) -> list[Threshold]:
    """How many of a cohort have to be trained."""
    return [
        Threshold(
            f"{cohort.workload.key}, {cohort.name}: percent trained",
            f"{LEAST_SHARE}",
            f"{cohort.threshold}",
            "The Harden gate (H8) waits until so many are trained." if cohort.is_first else _PHASE,
            reverse("cohort", args=[tenant.slug, cohort.id]),
            cohort.id,
            "training.cohort_formed",
        )
        for cohort in cohorts_of_tenant(tenant.id)
    ]
