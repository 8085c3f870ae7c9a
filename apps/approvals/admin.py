from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.approvals import actions, codec, policies
from apps.approvals.models import ApprovalPolicy, ApprovalRequest, BreakGlass, Delegation, Signature
from portal.admin.base import ActionAdmin, TenantAdmin


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(TenantAdmin):
    list_display = ["title", "policy", "state", "waiting_roles", "created_at", "expires_at", "by_break_glass"]
    ordering = ["-created_at"]
    actions = ["renew_policy"]

    @admin.action(description="Take the policy in force today", permissions=["view"])
    def renew_policy(self, request: HttpRequest, queryset: Any) -> None:
        for found in queryset:
            actions.take_policy_anew(
                request=found,
                actor=request.actor,  # type: ignore[attr-defined]
                now=timezone.now(),
                reason=self.reason(request),
            )


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
