"""Asking for a gate, opening it, going back, waiving, raising a flag, tightening a threshold (STAGE-1 to STAGE-5)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.approvals import actions as approvals
from apps.audit.actions import record
from apps.gates import evidence, queries, snapshot
from apps.gates.attachments import File
from apps.gates.criteria import BY_ID, ORDER, after, limits_of, of_stage
from apps.gates.documents import DOCUMENTS
from apps.gates.evidence import content_hash, record_document, write
from apps.gates.freshness import Standing
from apps.gates.models import CriterionLimit, Evidence, GateAttempt, RedFlag, Source, StageMove, Waiver
from apps.gates.own import queries as own
from apps.tenants.roles import APPROVERS, Role
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from apps.workloads.policy import Stage
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, Refused
from portal.reasons import given

GATE, EVIDENCE, WAIVER = "gate", "evidence", "waiver"
MOST_DAYS = 30


def ask_for_gate(*, workload: Workload, stage: str, requester: User, actor: Actor, now: datetime) -> GateAttempt:
    """Freeze what the gate would be decided upon, and ask for its signatures.

    Raises:
        Refused: it isn't the workload's stage, or something doesn't hold; ``criteria`` and ``red_flags`` name it.
    """
    if stage not in Stage.values:
        raise Invalid("unknown_stage", f"There is no stage {stage[:40]!r}.")
    if stage != workload.stage:
        current = workload.get_stage_display()
        raise Refused(
            "not_its_stage", f"{workload.key} is in {current}: no stage is skipped, and none is opened twice."
        )
    if stage in queries.open_gates(workload):
        raise Refused("open_already", "This gate stands open.")
    view = _refuse_unless_ready(queries.gate(workload, stage, now))
    entries = [_freeze(workload, standing, actor) for standing in view.standings]
    traits = asdict(own.traits_of(workload)) if any(s.criterion.is_own for s in view.standings) else {}
    sealed = snapshot.seal(workload.key, stage, now, entries, traits)
    attempt = GateAttempt.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        stage=stage,
        requester=requester,
        snapshot=sealed,
        digest=content_hash(sealed),
        created_at=now,
    )
    record(actor=actor, action="gate.asked", obj=attempt, after={"stage": stage, "digest": attempt.digest})
    approvals.request_approval(
        tenant_id=workload.tenant_id,
        kind=GATE,
        policy=f"gate.{stage}",
        subject_id=attempt.id,
        title=f"Open the {Stage(stage).label[2:]} gate of {workload.key} {workload.name}"[:200],
        workload=workload,
        requester=requester,
        actor=actor,
        now=now,
    )
    return attempt


def record_evidence(
    *,
    workload: Workload,
    kind: str,
    data: Mapping[str, Any],
    author: User,
    actor: Actor,
    now: datetime,
    files: Sequence[File] = (),
) -> Evidence:
    """Write a document down, and have it signed where it has to be. A gate that is being signed on what was there
    before is asked for anew: nobody signed this.
    """
    made = record_document(workload=workload, kind=kind, data=data, author=author, actor=actor, now=now, files=files)
    document = own.document(workload.tenant_id, kind)
    assert document is not None, "it was just recorded"
    kinds = {criterion.kind for criterion in of_stage(workload.stage)} | {"content_record"}
    if kind in kinds or kind in {each.kind for each in own.criteria(workload.tenant_id, workload.stage)}:
        _withdraw_attempt(workload, f"new evidence: {document.title}", actor, now)
    if document.signed_as:
        _ask_for_signature(made, document.signed_as, author, actor, now)
    return made


def open_gate(attempt: GateAttempt, actor: Actor, now: datetime) -> None:
    """What the last signature does: look once more, then open, and move on by exactly one stage.

    Raises:
        Refused: something that held when it was asked for doesn't hold now. Signatures don't replace it (STAGE-4).
    """
    workload = attempt.workload
    if workload.stage != attempt.stage:
        raise Refused("not_its_stage", f"{workload.key} has left that stage since.")
    _refuse_unless_ready(queries.gate(workload, attempt.stage, now))
    GateAttempt.objects.filter(tenant=attempt.tenant_id, id=attempt.id, opened_at=None).update(opened_at=now)
    record(actor=actor, action="gate.opened", obj=attempt, after={"stage": attempt.stage, "digest": attempt.digest})
    following = after(attempt.stage)
    if following is not None:
        workloads.set_stage(workload=workload, stage=following, actor=actor, reason=f"{attempt.stage} gate opened")


def end_attempt(attempt: GateAttempt, reason: str, now: datetime) -> None:
    GateAttempt.objects.filter(tenant=attempt.tenant_id, id=attempt.id, ended_at=None).update(
        ended_at=now, end_reason=reason[:300]
    )


def go_back(*, workload: Workload, stage: str, by: User, actor: Actor, now: datetime, reason: str) -> StageMove:
    """Back to an earlier stage, at any time, with a reason. The gates from there on are closed again."""
    if stage not in Stage.values or ORDER.index(Stage(stage)) >= ORDER.index(Stage(workload.stage)):
        raise Refused("not_back", f"{workload.key} is in {workload.get_stage_display()}; choose an earlier stage.")
    closed = [each.value for each in ORDER[ORDER.index(Stage(stage)) :]]
    move = StageMove.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        before=workload.stage,
        after=stage,
        reason=given(reason),
        by=by,
        created_at=now,
    )
    _withdraw_attempt(workload, reason, actor, now)
    for attempt in queries.attempts(workload).filter(stage__in=closed, ended_at=None):
        end_attempt(attempt, f"went back to {stage}: {reason}", now)
    workloads.set_stage(workload=workload, stage=stage, actor=actor, reason=reason)
    return move


def ask_for_waiver(
    *, workload: Workload, criterion_id: str, days: int, reason: str, requester: User, actor: Actor, now: datetime
) -> Waiver:
    """Ask two approvers to let a criterion stand open for a while.

    Raises:
        Refused: it is one of Harden's, which nothing waives, or it isn't of the workload's stage.
        Invalid: over 30 days, or no reason.
    """
    of_this = [*of_stage(workload.stage), *own.criteria(workload.tenant_id, workload.stage)]
    criterion = next((each for each in of_this if each.id == criterion_id), None)
    if criterion is None:
        raise Refused("not_of_stage", f"{criterion_id[:10]} is no criterion of {workload.get_stage_display()}.")
    if not criterion.is_waivable:
        raise Refused("never_waived", f"{criterion_id}: what Harden asks for is never waived.")
    if not 1 <= days <= MOST_DAYS:
        raise Invalid("days", f"A waiver lasts 1 to {MOST_DAYS} days.")
    waiver = Waiver.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        criterion=criterion_id,
        reason=given(reason),
        days=days,
        requester=requester,
        created_at=now,
    )
    approvals.request_approval(
        tenant_id=workload.tenant_id,
        kind=WAIVER,
        policy="gate.waiver",
        subject_id=waiver.id,
        title=f"Waive {criterion_id} of {workload.key} for {days} days"[:200],
        workload=workload,
        requester=requester,
        actor=actor,
        now=now,
    )
    return waiver


def raise_flag(*, workload: Workload, stage: str, what: str, by: User, actor: Actor, now: datetime) -> RedFlag:
    """Say out loud what keeps a gate closed. Nothing but going back clears it."""
    if stage not in Stage.values:
        raise Invalid("unknown_stage", f"There is no stage {stage[:40]!r}.")
    if not actor.roles & APPROVERS and by.id != workload.owner_id:
        raise Forbidden("right_missing", "Red flags are raised by approvers and by the workload's owner.")
    flag = RedFlag.objects.create(
        tenant_id=workload.tenant_id, workload=workload, stage=stage, what=given(what), by=by, created_at=now
    )
    record(actor=actor, action="gate.flag_raised", obj=flag, after={"stage": stage, "what": flag.what})
    return flag


def tighten(
    *, tenant_id: UUID, criterion_id: str, name: str, value: float, actor: Actor, reason: str
) -> CriterionLimit:
    """Set a tenant's own threshold: stricter than the default, never looser."""
    criterion = BY_ID.get(criterion_id)
    limit = next((each for each in criterion.limits if each.name == name), None) if criterion else None
    if Role.ADMIN not in actor.roles:
        raise Forbidden("right_missing", "Thresholds are set by a tenant admin.")
    if limit is None:
        raise Invalid("unknown_limit", f"{criterion_id[:10]} has no threshold {name[:40]!r}.")
    if value != value or limit.is_looser(value) or value < 0:
        raise Invalid("looser", f"{limit.label}: the default is {limit.value:g}; set a stricter one.")
    before = CriterionLimit.objects.filter(tenant=tenant_id, criterion=criterion_id, name=name).first()
    stored, _ = CriterionLimit.objects.update_or_create(
        tenant_id=tenant_id, criterion=criterion_id, name=name, defaults={"value": value}
    )
    record(
        actor=actor,
        action="gate.threshold_set",
        obj=stored,
        before={"value": before.value if before else limit.value},
        after={"criterion": criterion_id, "name": name, "value": value},
        reason=given(reason),
    )
    return stored


def _ask_for_signature(made: Evidence, policy: str, requester: User, actor: Actor, now: datetime) -> None:
    """Somebody other than its author signs; a request for the document before it is over."""
    former = evidence.history(made.workload, made.kind).filter(source=Source.ATTESTATION).exclude(id=made.id).first()
    asked = former and approvals.open_request(tenant_id=made.tenant_id, kind=EVIDENCE, subject_id=former.id)
    if asked:
        approvals.withdraw_request(request=asked, actor=actor, now=now, reason="a newer one takes its place")
    approvals.request_approval(
        tenant_id=made.tenant_id,
        kind=EVIDENCE,
        policy=policy,
        subject_id=made.id,
        title=f"{DOCUMENTS[made.kind].title} of {made.workload.key} {made.workload.name}"[:200],
        workload=made.workload,
        requester=requester,
        actor=actor,
        now=now,
    )


def _withdraw_attempt(workload: Workload, reason: str, actor: Actor, now: datetime) -> None:
    for attempt in queries.attempts(workload).filter(opened_at=None, ended_at=None):
        asked = approvals.open_request(tenant_id=workload.tenant_id, kind=GATE, subject_id=attempt.id)
        end_attempt(attempt, reason, now)
        if asked is not None:
            approvals.withdraw_request(request=asked, actor=actor, now=now, reason=reason)


def _refuse_unless_ready(view: queries.GateView) -> queries.GateView:
    if view.is_ready:
        return view
    missing = {standing.criterion.id: standing.why for standing in view.missing}
    words = [f"{i}: {why}" for i, why in missing.items()] + [f"Red flag: {what}" for what in view.red_flags]
    raise Refused("gate_closed", " ".join(words), criteria=missing, red_flags=view.red_flags)


def _freeze(workload: Workload, standing: Standing, actor: Actor) -> dict[str, Any]:
    """Keep the facts as they are, in a record of their own, so that the decision can be judged again."""
    limits = limits_of(standing.criterion, queries.tightened(workload.tenant_id).get(standing.criterion.id, {}))
    reported = standing.reported
    if reported is None:
        return snapshot.entry(standing, limits, None, "")
    kept = write(
        workload,
        standing.criterion.kind,
        Source.FROZEN,
        dict(reported.facts),
        reported.observed_at,
        actor,
        origin=reported.evidence_id,
    )
    return snapshot.entry(standing, limits, kept.id, kept.content_hash)
