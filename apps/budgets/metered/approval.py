"""What a tenant admin signs to opt a tier in to metered billing, and what the signature does (APPR-1, APPR-4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from apps.approvals import subjects
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Slot
from apps.budgets.metered import actions
from apps.budgets.metered.terms import KIND, end
from apps.budgets.models import CostGate, MeteredOptIn, TierGate
from apps.tenants.roles import Role
from portal.actor import Actor
from portal.tenancy.context import required_tenant

_DEFAULT = subjects.Default(
    name=actions.POLICY,
    title="Bill a tier for what it uses beyond its ceiling",
    slots=(Slot("tenant admin", frozenset({Role.ADMIN.value})),),
    granted_days=actions.LONGEST.days,
    parts=("ceiling", "money", "terms"),
)


def register() -> None:
    subject = subjects.Subject(KIND, _content, _excluded, _granted, _ended, _url, takes_break_glass=False)
    subjects.register(subject, _DEFAULT)


def _opt_in(opt_in_id: UUID) -> MeteredOptIn:
    rows = MeteredOptIn.objects.filter(tenant=required_tenant())
    return rows.select_related("workload", "tier").get(id=opt_in_id)


def _locked(opt_in: MeteredOptIn) -> tuple[TierGate, CostGate]:
    """The ceiling and the gate that it is about: they stay as they are until the transaction ends."""
    rows = TierGate.objects.filter(tenant=opt_in.tenant_id, workload=opt_in.workload_id, tier=opt_in.tier_id)
    row = rows.select_for_update(of=("self",)).select_related("workload", "tier").get()
    gate = CostGate.objects.select_for_update(of=("self",)).get(tenant=opt_in.tenant_id, id=row.gate_id)
    return row, gate


def _content(opt_in_id: UUID) -> dict[str, Any]:
    """The spend cap is what it can cost at most: a lower one leaves what was signed as it is."""
    opt_in = _opt_in(opt_in_id)
    row, gate = _locked(opt_in)
    ceiling = {
        "workload": opt_in.workload.key,
        "tier": opt_in.tier.slug,
        "tokens a month and user": row.ceiling,
        "pattern": row.pattern,
    }
    return {
        "ceiling": ceiling,
        "money": {"at most a month": f"{max(opt_in.cap, gate.spend_cap):.2f} {gate.currency}, the spend cap"},
        "terms": {"until": opt_in.until.isoformat(), "reason": opt_in.reason},
    }


def _excluded(opt_in_id: UUID) -> Mapping[UUID, str]:
    opt_in = _opt_in(opt_in_id)
    return {opt_in.workload.owner_id: "owns the workload", opt_in.requester_id: "asked for it"}


def _granted(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    opt_in = _opt_in(request.subject_id)
    row, gate = _locked(opt_in)
    actions.grant(opt_in=opt_in, row=row, gate=gate, request=request, actor=actor, now=now)


def _ended(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    end(_opt_in(request.subject_id), actor, f"the approval was {request.get_state_display().lower()}", now)


def _url(slug: str, opt_in_id: UUID) -> str:
    return reverse("metered_billing", args=[slug, _opt_in(opt_in_id).workload.key])
