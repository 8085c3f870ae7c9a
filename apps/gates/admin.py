from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from apps.gates import actions, queries
from apps.gates.attachments import MOST as MOST_ATTACHMENTS
from apps.gates.criteria import CRITERIA
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
from apps.gates.own import queries as own
from apps.gates.own.actions import retire_criterion
from apps.gates.sweep import running_out
from apps.workloads.queries import count_by_stage
from portal.admin import limits
from portal.admin.base import ActionAdmin, TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.admin.limits import Limit, Threshold
from portal.directory import TenantLike
from portal.requests import InTenant
from portal.tenancy.together import together


@admin.register(Evidence)
class EvidenceAdmin(TenantAdmin):
    lenses = (
        Lens(
            "running_out",
            "Run out within 14 days",
            lambda tenant_id, now: Q(id__in=running_out(tenant_id, now, timedelta(days=14))),
            says="Pieces of evidence that run out within 14 days",
        ),
    )
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

    @confirmed("Retire: no gate asks for it any more", happens="Gates that it alone keeps closed open for asking.")
    def retire(self, request: InTenant, row: OwnCriterion, reason: str) -> None:
        retire_criterion(criterion=row, actor=self.member(request), now=timezone.now(), reason=reason)


@admin.register(EvalSet)
class EvalSetAdmin(TenantAdmin):
    list_display = ["workload", "name", "owner", "margin", "fresh_days"]
    list_select_related = ["workload", "owner"]


@admin.register(Upload)
class UploadAdmin(TenantAdmin):
    list_display = ["workload", "file_name", "size", "done", "state", "by", "attempt", "created_at"]
    list_select_related = ["workload", "by"]
    ordering = ["-created_at"]


@limits.thresholds
def criterion_thresholds(tenant: TenantLike, now: datetime) -> list[Threshold]:
    """Each threshold of each criterion, and how many workloads meet it next."""
    own_values = JSONObject(id="id", criterion="criterion", name="name", value="value")
    told = together(
        {
            "own": (queries.own_limits(tenant.id), own_values),
            "standing": (count_by_stage(tenant.id), JSONObject(stage="stage", n="n")),
        }
    )
    rows = {(row["criterion"], row["name"]): row for row in told["own"]}
    standing = {row["stage"]: row["n"] for row in told["standing"]}
    url = reverse("gate_thresholds", args=[tenant.slug])
    found = []
    for criterion in CRITERIA:
        n = standing.get(criterion.stage, 0)
        effect = f"Holds for every workload; {n} stand{'s' if n == 1 else ''} at stage {criterion.stage.label} now."
        for limit in criterion.limits:
            row = rows.get((criterion.id, limit.name))
            value = f"{row['value'] if row else limit.value:g}"
            what = f"{criterion.id} {limit.label} ({'more' if limit.more else 'less'} is stricter)"
            row_id = UUID(row["id"]) if row else None
            found.append(Threshold(what, f"{limit.value:g}", value, effect, url, row_id, "gate.threshold_set"))
    return found


@limits.limits
def gate_limits(tenant: TenantLike, now: datetime) -> list[Limit]:
    waits, whole = settings.EVALUATION_REQUEST_LIMIT, settings.EVALUATION_UPLOAD_LIMIT
    return [
        Limit("Evaluation read while somebody waits", filesizeformat(waits), "EVALUATION_REQUEST_LIMIT"),
        Limit("Evaluation sent over the page or the API", filesizeformat(whole), "EVALUATION_UPLOAD_LIMIT"),
        Limit("Criteria of a tenant's own", f"{own.MOST}", used=own.rows(tenant.id).count()),
        Limit("Attachments of a piece of evidence", f"{MOST_ATTACHMENTS}"),
    ]
