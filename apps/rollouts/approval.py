"""What an approver of a rollout signs, and what their answer does (APPR-1, APPR-4, ROLL-2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from apps.approvals import subjects
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Slot
from apps.audit.actions import record
from apps.gates.evaluations import evalsets
from apps.rollouts import codec, moves
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout
from apps.tenants.roles import Role
from portal.actor import Actor
from portal.errors import Refused
from portal.tenancy.context import required_tenant

KIND = "rollout"
PARTS = ("version", "control", "phases", "guardrails", "checks", "assignment")
POLICY = subjects.Default(
    name="rollout.start",
    title="Start a rollout",
    slots=(Slot("engineering or operations", frozenset({Role.ENGINEERING, Role.OPS_LEAD})),),
    parts=PARTS,
)


def content(rollout_id: UUID) -> dict[str, Any]:
    """The plan by parts, its row locked until the transaction ends."""
    rollout = _rollout(rollout_id, lock=True)
    version, control, plan = rollout.version, rollout.control_version, rollout.plan
    return {
        "version": {"id": str(version.id), "label": version.label, "model": version.model, "tools": version.tools},
        "control": {"id": str(control.id), "label": control.label} if control else None,
        "phases": plan["phases"],
        "guardrails": plan["guardrails"],
        "checks": {name: value for name, value in plan.items() if name not in {"phases", "guardrails"}},
        "assignment": {"seed": rollout.seed, "mode": rollout.mode},
    }


def excluded(rollout_id: UUID) -> Mapping[UUID, str]:
    rollout = _rollout(rollout_id)
    return {rollout.workload.owner_id: "owns the workload", rollout.author_id: "wrote the plan"}


def refuse_unproven(rollout: Rollout, now: datetime) -> None:
    """From Deploy on a new version has a fresh run on the eval set, and isn't worse on it (WORK-5).

    Raises:
        Refused: with what is missing, or the figures.
    """
    why = evalsets.verdict(rollout.workload, rollout.version, now).why
    if why:
        raise Refused("eval_set", f"{why} Nothing is approved before.")


def granted(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    rollout = _rollout(request.subject_id, lock=True)
    refuse_unproven(rollout, now)
    approved_hash = codec.content_hash(rollout.content())
    Rollout.objects.filter(tenant=rollout.tenant_id, id=rollout.id).update(
        approval=request, approved_at=now, approved_hash=approved_hash, revision=rollout.revision + 1
    )
    record(actor=actor, action="rollout.approved", obj=rollout, after={"hash": approved_hash})


def ended(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    """Back to a draft, which can be changed and submitted again; whatever moved on meanwhile stays where it is."""
    rollout = _rollout(request.subject_id, lock=True)
    if rollout.state == State.AWAITING_APPROVAL:
        reason = f"the approval was {request.get_state_display().lower()}"
        moves.move(
            rollout, State.DRAFT, actor=actor, now=now, reason=reason, approval=None, approved_at=None, approved_hash=""
        )


def url(slug: str, rollout_id: UUID) -> str:
    return reverse("rollout", args=[slug, rollout_id])


def _rollout(rollout_id: UUID, *, lock: bool = False) -> Rollout:
    rows = Rollout.objects.filter(tenant=required_tenant())
    if lock:
        rows = rows.select_for_update(of=("self",))
    return rows.select_related("workload__serving_version", "version", "control_version").get(id=rollout_id)


def register() -> None:
    subject = subjects.Subject(kind=KIND, content=content, excluded=excluded, granted=granted, ended=ended, url=url)
    subjects.register(subject, POLICY)
