from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.gates import actions
from apps.gates.models import (
    CriterionLimit,
    EvalSet,
    Evaluation,
    Evidence,
    GateAttempt,
    OwnCriterion,
    RedFlag,
    StageMove,
    Upload,
    Waiver,
)
from apps.gates.own.actions import retire_criterion
from portal.admin.base import ActionAdmin, TenantAdmin


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
class CriterionLimitAdmin(ActionAdmin):
    """A tenant's tighter thresholds; looser than the default is refused here as on their page."""

    list_display = ["criterion", "name", "value"]
    editable = ("criterion", "name", "value")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), *(["criterion", "name"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: CriterionLimit, form: Any, change: bool) -> None:
        actions.tighten(
            tenant_id=request.tenant.id,  # type: ignore[attr-defined]
            criterion_id=obj.criterion,
            name=obj.name,
            value=obj.value,
            actor=self.member(request),
            reason=self.reason(request),
        )


@admin.register(OwnCriterion)
class OwnCriterionAdmin(TenantAdmin):
    """Added on the criteria's own page, where those are shown who would drop."""

    list_display = ["code", "title", "stage", "counts_from", "valid_days", "by", "retired_at"]
    list_select_related = ["by"]
    ordering = ["code"]
    actions = ["retire"]

    @admin.action(description="Retire: no gate asks for it any more", permissions=["view"])
    def retire(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            retire_criterion(criterion=row, actor=self.member(request), now=timezone.now(), reason=self.reason(request))


@admin.register(EvalSet)
class EvalSetAdmin(TenantAdmin):
    list_display = ["workload", "name", "owner", "margin", "fresh_days"]
    list_select_related = ["workload", "owner"]


@admin.register(Upload)
class UploadAdmin(TenantAdmin):
    list_display = ["workload", "file_name", "size", "done", "state", "by", "attempt", "created_at"]
    list_select_related = ["workload", "by"]
    ordering = ["-created_at"]
