from django.contrib import admin

from apps.gates.models import CriterionLimit, Evaluation, Evidence, GateAttempt, RedFlag, StageMove, Waiver
from portal.admin.base import TenantAdmin


@admin.register(Evidence)
class EvidenceAdmin(TenantAdmin):
    list_display = ["workload", "kind", "source", "observed_at", "author", "content_hash"]
    list_select_related = ["workload", "author"]
    ordering = ["-created_at"]


@admin.register(Evaluation)
class EvaluationAdmin(TenantAdmin):
    list_display = ["workload", "version", "purpose", "file_name", "author", "created_at"]
    list_select_related = ["workload", "version", "author"]
    ordering = ["-created_at"]


@admin.register(GateAttempt)
class GateAttemptAdmin(TenantAdmin):
    list_display = ["workload", "stage", "requester", "created_at", "opened_at", "ended_at", "end_reason"]
    list_select_related = ["workload", "requester"]
    ordering = ["-created_at"]


@admin.register(Waiver)
class WaiverAdmin(TenantAdmin):
    list_display = ["workload", "criterion", "days", "requester", "granted_at", "until", "reason"]
    list_select_related = ["workload", "requester"]
    ordering = ["-created_at"]


@admin.register(RedFlag)
class RedFlagAdmin(TenantAdmin):
    list_display = ["workload", "stage", "what", "by", "created_at"]
    list_select_related = ["workload", "by"]
    ordering = ["-created_at"]


@admin.register(StageMove)
class StageMoveAdmin(TenantAdmin):
    list_display = ["workload", "before", "after", "by", "reason", "created_at"]
    list_select_related = ["workload", "by"]
    ordering = ["-created_at"]


@admin.register(CriterionLimit)
class CriterionLimitAdmin(TenantAdmin):
    """Set on the criteria's own page, where looser than the default is refused."""

    list_display = ["criterion", "name", "value"]
