from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from apps.budgets import actions
from apps.budgets.metered.actions import revoke
from apps.budgets.models import (
    AlertMail,
    BudgetAlert,
    Closure,
    CostGate,
    Entry,
    LedgerCheck,
    MailState,
    MeteredOptIn,
    Reservation,
    ReservationState,
    Subject,
    TierGate,
    UsageReport,
    UserTier,
)
from apps.budgets.sizing.rules import QUARTER
from portal.admin.base import TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens


@admin.register(LedgerCheck)
class LedgerCheckAdmin(TenantAdmin):
    """Counters against their ledger."""

    lenses = (
        Lens(
            "differing",
            "Differ from the ledger",
            lambda tenant_id, now: Q(differing__gt=0),
            says="Budget ledgers whose counters differ",
            rank=1,
        ),
    )
    list_display = ["checked_at", "counters", "differing", "found"]
    ordering = ["-checked_at"]


@admin.register(Closure)
class ClosureAdmin(TenantAdmin):
    lenses = (
        Lens(
            "closed",
            "Still closed",
            lambda tenant_id, now: Q(opened_at=None),
            says="Tokens shut out since they spent more than they held",
            rank=2,
        ),
    )
    actions = ["open_admissions"]
    list_display = ["created_at", "credential", "over", "opened_at", "opened_by", "reason"]
    ordering = ["-created_at"]

    @confirmed("Let these tokens in again", happens="Calls of this token are admitted again.")
    def open_admissions(self, request: Any, row: Closure, reason: str) -> None:
        actions.open_admissions(closure=row, actor=self.member(request), reason=reason, now=timezone.now())


@admin.register(Reservation)
class ReservationAdmin(TenantAdmin):
    lenses = (
        Lens(
            "estimated",
            "Expired, estimated",
            lambda tenant_id, now: Q(state=ReservationState.ESTIMATED),
            says="Model calls whose usage nobody reported",
        ),
    )
    list_display = ["created_at", "workload", "decision", "model", "held", "state", "used_input", "used_output", "cost"]
    list_filter = ["state"]
    list_select_related = ["workload"]
    ordering = ["-created_at"]


@admin.register(UsageReport)
class UsageReportAdmin(TenantAdmin):
    """What records report and isn't settled yet, or doesn't fit."""

    lenses = (
        Lens(
            "tried",
            "Tried and failed",
            lambda tenant_id, now: Q(due_at__isnull=False, tries__gt=0),
            says="Records that couldn't settle their calls yet",
            rank=3,
        ),
        Lens("misfit", "Doesn't fit", lambda tenant_id, now: ~Q(misfit="")),
    )
    list_display = [
        "created_at",
        "workload",
        "request_id",
        "attempt",
        "input_tokens",
        "output_tokens",
        "misfit",
        "tries",
    ]
    list_filter = ["misfit"]
    list_select_related = ["workload"]
    ordering = ["-created_at"]


@admin.register(Entry)
class EntryAdmin(TenantAdmin):
    list_display = ["at", "workload", "month", "kind", "held", "settled", "spent", "by", "reason"]
    list_filter = ["kind"]
    list_select_related = ["workload"]
    ordering = ["-at"]


@admin.register(BudgetAlert)
class BudgetAlertAdmin(TenantAdmin):
    list_display = ["at", "workload", "month", "threshold", "used", "ceiling"]
    list_select_related = ["workload"]
    ordering = ["-at"]


@admin.register(CostGate)
class CostGateAdmin(TenantAdmin):
    lenses = (
        Lens(
            "old",
            "Sized more than a quarter ago",
            lambda tenant_id, now: Q(sized_at__lt=now - QUARTER),
            says="Cost gates that were sized more than a quarter ago",
            rank=45,
        ),
    )
    list_display = ["workload", "spend_cap", "currency", "billing_contact", "sized_at"]
    list_select_related = ["workload", "billing_contact"]
    ordering = ["workload__key"]


@admin.register(TierGate)
class TierGateAdmin(TenantAdmin):
    list_display = ["workload", "tier", "ceiling", "pattern", "thresholds", "opted_in_until"]
    list_select_related = ["workload", "tier"]
    ordering = ["workload__key", "tier__slug"]


@admin.register(UserTier)
class UserTierAdmin(TenantAdmin):
    list_display = ["slug", "name", "is_free", "is_default"]
    ordering = ["slug"]


@admin.register(Subject)
class SubjectAdmin(TenantAdmin):
    list_display = ["label", "user_key", "tier", "member"]
    list_select_related = ["tier", "member"]
    ordering = ["label"]


@admin.register(MeteredOptIn)
class MeteredOptInAdmin(TenantAdmin):
    lenses = (
        Lens(
            "in_force",
            "In force",
            lambda tenant_id, now: Q(granted_at__isnull=False, ended_at=None, until__gt=now),
        ),
    )
    actions = ["end"]
    list_display = ["workload", "tier", "ceiling", "cap", "requester", "granted_at", "signed_by", "until", "ended_at"]
    list_select_related = ["workload", "tier", "requester"]
    ordering = ["-created_at"]

    @confirmed("End these opt-ins", happens="The tier is a hard cap from the next call on.")
    def end(self, request: Any, row: MeteredOptIn, reason: str) -> None:
        revoke(opt_in=row, actor=self.member(request), reason=reason, now=timezone.now())


@admin.register(AlertMail)
class AlertMailAdmin(TenantAdmin):
    """Whom the one mail of an alert went to."""

    lenses = (
        Lens(
            "not_sent",
            "Not taken by the mail server",
            lambda tenant_id, now: Q(state=MailState.FAILED),
            says="Budget mails that the mail server didn't take",
        ),
    )
    list_display = ["at", "alert_id", "person", "state"]
    list_filter = ["state"]
    list_select_related = ["person"]
    ordering = ["-at"]
