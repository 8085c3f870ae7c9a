"""What is signed here: gates, waivers, and documents that count only when somebody else has signed them (APPR-1)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse

from apps.approvals import subjects
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Slot
from apps.audit.actions import record
from apps.gates import actions, queries
from apps.gates.documents import DOCUMENTS
from apps.gates.models import Evidence, GateAttempt, Waiver
from apps.tenants.roles import APPROVERS, Role
from apps.workloads.policy import Stage
from portal.actor import Actor
from portal.tenancy.context import required_tenant


def _one(role: Role) -> Slot:
    return Slot(role.value.replace("_", " "), frozenset({role.value}))


# Who signs which gate, unless the tenant asks for more (domain, section 3).
SIGNERS: dict[Stage, tuple[Role, ...]] = {
    Stage.PILOT: (Role.ENGINEERING,),
    Stage.VALIDATE: (Role.ENGINEERING, Role.GOVERNANCE),
    Stage.HARDEN: (Role.ENGINEERING, Role.SECURITY, Role.FINANCE, Role.OPS_LEAD),
    Stage.DEPLOY: (Role.OPS_LEAD, Role.GOVERNANCE),
    Stage.OPTIMIZE: (Role.FINANCE, Role.GOVERNANCE),
}


def register() -> None:
    gates = [
        subjects.Default(f"gate.{stage.value}", f"Open the {stage.label[2:]} gate", tuple(map(_one, signers)))
        for stage, signers in SIGNERS.items()
    ]
    subjects.register(
        subjects.Subject("gate", _gate_content, _gate_excluded, _gate_granted, _gate_ended, _gate_url), *gates
    )
    approvers = frozenset(role.value for role in APPROVERS)
    subjects.register(
        subjects.Subject("waiver", _waiver_content, _waiver_excluded, _waiver_granted, _nothing, _waiver_url),
        subjects.Default("gate.waiver", "Waive a criterion", (Slot("two approvers", approvers, count=2),)),
    )
    subjects.register(
        subjects.Subject("evidence", _evidence_content, _evidence_excluded, _nothing, _nothing, _evidence_url),
        subjects.Default(
            "evidence.exception_matrix",
            "Sign the exception matrix",
            (_one(Role.ENGINEERING), _one(Role.GOVERNANCE)),
            granted_days=180,
        ),
        subjects.Default(
            "evidence.permission_review", "Sign the zero-trust review", (_one(Role.SECURITY),), granted_days=90
        ),
    )


def _attempt(attempt_id: UUID) -> GateAttempt:
    rows = GateAttempt.objects.filter(tenant=required_tenant()).select_for_update(of=("self",))
    return rows.select_related("workload").get(id=attempt_id)


def _gate_content(attempt_id: UUID) -> dict[str, Any]:
    """Each criterion is a part: what its signer judged. What was frozen never changes; an earlier end does."""
    attempt = _attempt(attempt_id)
    parts: dict[str, Any] = {
        entry["id"]: {name: entry[name] for name in ("title", "state", "why", "hash", "waived_until")}
        for entry in attempt.snapshot["criteria"]
    }
    return {**parts, "gate": {"workload": attempt.workload.key, "stage": attempt.stage, "digest": attempt.digest}}


def _gate_excluded(attempt_id: UUID) -> Mapping[UUID, str]:
    """The owner, whoever asked, and the authors of all that it rests on (APPR-2)."""
    attempt = _attempt(attempt_id)
    authors = [UUID(each) for entry in attempt.snapshot["criteria"] for each in entry.get("authors", [])]
    return {**dict.fromkeys(authors, "wrote evidence for it"), attempt.workload.owner_id: "owns the workload"}


def _gate_granted(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    actions.open_gate(_attempt(request.subject_id), actor, now)


def _gate_ended(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    actions.end_attempt(_attempt(request.subject_id), f"the approval was {request.get_state_display().lower()}", now)


def _gate_url(slug: str, attempt_id: UUID) -> str:
    attempt = queries.attempt(required_tenant(), attempt_id)
    return reverse("gate", args=[slug, attempt.workload.key, attempt.stage]) if attempt else ""


def _waiver(waiver_id: UUID) -> Waiver:
    rows = Waiver.objects.filter(tenant=required_tenant()).select_for_update(of=("self",))
    return rows.select_related("workload").get(id=waiver_id)


def _waiver_content(waiver_id: UUID) -> dict[str, Any]:
    waiver = _waiver(waiver_id)
    return {
        "waiver": {
            "workload": waiver.workload.key,
            "criterion": waiver.criterion,
            "days": waiver.days,
            "reason": waiver.reason,
        }
    }


def _waiver_excluded(waiver_id: UUID) -> Mapping[UUID, str]:
    waiver = _waiver(waiver_id)
    return {waiver.workload.owner_id: "owns the workload", waiver.requester_id: "asked for it"}


def _waiver_granted(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    waiver = _waiver(request.subject_id)
    until = now + timedelta(days=waiver.days)
    Waiver.objects.filter(tenant=waiver.tenant_id, id=waiver.id, granted_at=None).update(granted_at=now, until=until)
    after = {"criterion": waiver.criterion, "until": until.isoformat()}
    record(actor=actor, action="gate.waived", obj=waiver, after=after, reason=waiver.reason)


def _waiver_url(slug: str, waiver_id: UUID) -> str:
    waiver = Waiver.objects.filter(tenant=required_tenant(), id=waiver_id).select_related("workload").get()
    return reverse("gate", args=[slug, waiver.workload.key, waiver.workload.stage])


def _evidence(evidence_id: UUID) -> Evidence:
    return Evidence.objects.select_related("workload").get(tenant=required_tenant(), id=evidence_id)


def _evidence_content(evidence_id: UUID) -> dict[str, Any]:
    found = _evidence(evidence_id)
    return {"document": {"kind": DOCUMENTS[found.kind].title, **found.content}}


def _evidence_excluded(evidence_id: UUID) -> Mapping[UUID, str]:
    found = _evidence(evidence_id)
    authors = {found.author_id: "wrote it"} if found.author_id else {}
    return {found.workload.owner_id: "owns the workload", **authors}


def _evidence_url(slug: str, evidence_id: UUID) -> str:
    found = _evidence(evidence_id)
    return reverse("evidence", args=[slug, found.workload.key, found.kind])


def _nothing(request: ApprovalRequest, actor: Actor, now: datetime) -> None:
    """The signatures themselves are the answer."""
