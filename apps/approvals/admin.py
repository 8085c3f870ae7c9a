from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from apps.approvals import actions, codec, policies, queries, subjects
from apps.approvals.models import ApprovalPolicy, ApprovalRequest, BreakGlass, Delegation, Signature, State
from apps.tenants.roles import SIGNERS, Role
from portal.admin import checklist, limits
from portal.admin.base import ActionAdmin, TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.admin.limits import Threshold
from portal.directory import TenantLike
from portal.requests import InTenant


def _late(now: datetime) -> Q:
    """Pending longer than the policy's target."""
    target = ExpressionWrapper(F("target_hours") * Value(timedelta(hours=1)), output_field=DurationField())
    since = ExpressionWrapper(Value(now) - target, output_field=DateTimeField())
    return Q(state=State.PENDING, expires_at__gt=now, created_at__lt=since)


def _late_at(role: str) -> Lens:
    def where(tenant_id: UUID, now: datetime) -> Q:
        return _late(now) & Q(waiting_roles__contains=[role])

    name = Role(role).label.removeprefix("Approver: ")
    says = f"Approvals that wait for {name} beyond their target"
    return Lens(f"late_{role}", f"Late at {name}", where, says=says, rank=30)


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(TenantAdmin):
    lenses = (
        Lens("pending", "Wait for signatures", lambda tenant_id, now: Q(state=State.PENDING, expires_at__gt=now)),
        Lens("late", "Wait beyond their target", lambda tenant_id, now: _late(now)),
        *(_late_at(role) for role in sorted(SIGNERS)),
    )
    list_display = ["title", "policy", "state", "waiting_roles", "created_at", "expires_at", "by_break_glass"]
    list_filter = ["state", "by_break_glass"]
    ordering = ["-created_at"]
    actions = ["renew_policy"]

    @confirmed("Take the policy in force today", happens="It asks for the signatures that today's policy wants.")
    def renew_policy(self, request: InTenant, found: ApprovalRequest, reason: str) -> None:
        actions.take_policy_anew(request=found, actor=request.actor, now=timezone.now(), reason=reason)


@admin.register(Signature)
class SignatureAdmin(TenantAdmin):
    list_display = ["request_id", "person", "acting_for", "verdict", "created_at", "voided_at", "void_reason"]
    list_select_related = ["person", "acting_for"]
    ordering = ["-created_at"]


@admin.register(ApprovalPolicy)
class ApprovalPolicyAdmin(ActionAdmin):
    """How long and how many; who signs is set on the policy's own page. Looser than the default is refused."""

    list_display = ["name", "pending_days", "granted_days", "target_hours", "revision"]
    editable = ("pending_days", "granted_days", "target_hours")

    def save_model(self, request: HttpRequest, obj: ApprovalPolicy, form: Any, change: bool) -> None:
        policies.set_policy(
            tenant_id=obj.tenant_id,
            name=obj.name,
            slots=codec.slots(obj.slots),
            pending_days=obj.pending_days,
            granted_days=obj.granted_days,
            target_hours=obj.target_hours,
            expected_revision=obj.revision,
            reason=self.reason(request),
            actor=self.member(request),
        )


@admin.register(Delegation)
class DelegationAdmin(TenantAdmin):
    list_display = ["principal", "delegate", "roles", "starts_at", "ends_at", "revoked_at"]
    list_select_related = ["principal", "delegate"]
    ordering = ["-ends_at"]


@admin.register(BreakGlass)
class BreakGlassAdmin(TenantAdmin):
    list_display = ["request_id", "first", "second", "opened_at", "review_due_at", "reviewed_at"]
    list_select_related = ["first", "second"]
    ordering = ["-created_at"]


checklist.register(
    checklist.Check(
        30,
        "Somebody for each role that signs",
        lambda tenant_id, now: not queries.roles_without_members(tenant_id),
        "Invite people in the approvers' roles, or give members those roles.",
        "people",
    )
)


@limits.thresholds
def policy_thresholds(tenant: TenantLike, now: datetime) -> list[Threshold]:
    """Days, hours and seats of each policy. Open requests keep the one that they were asked under."""
    rows, pending = queries.policies_with_pending(tenant.id, now)
    return [each for default in subjects.defaults() for each in _of_policy(tenant, default, rows, pending)]


def _of_policy(
    tenant: TenantLike, default: subjects.Default, rows: dict[str, ApprovalPolicy], pending: dict[str, int]
) -> list[Threshold]:
    row, n = rows.get(default.name), pending.get(default.name, 0)
    row_id, action = row.id if row else None, "approval.policy_set"
    here: Any = row or default
    seats = sum(slot.count for slot in (codec.slots(row.slots) if row else default.slots))
    effect = f"{n} open request{'' if n == 1 else 's'} keep{'s' if n == 1 else ''} the policy of when it was asked for."
    url = reverse("approval_policy", args=[tenant.slug, default.name])
    values = (
        ("signatures", sum(slot.count for slot in default.slots), seats),
        ("days until a request expires", default.pending_days, here.pending_days),
        ("days that an approval holds", default.granted_days, here.granted_days),
        ("hours until a request is late", default.target_hours, here.target_hours),
    )
    return [
        Threshold(f"{default.title}: {what}", f"{at_first}", f"{value}", effect, url, row_id, action)
        for what, at_first, value in values
    ]
