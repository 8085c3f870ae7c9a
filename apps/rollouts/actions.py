"""What people do with a rollout: draft, change, submit, start, hold, resume, roll back, cancel.

Approving is done in :mod:`apps.approvals`; what it does here stands in :mod:`apps.rollouts.approval`.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.approvals import actions as approvals
from apps.audit.actions import record
from apps.rollouts import approval, codec, conditions, moves, starting
from apps.rollouts.assignment import Mode
from apps.rollouts.machine import Hold, State
from apps.rollouts.models import Rollout
from apps.rollouts.plan import DEFAULT_GUARDRAILS, DEFAULT_PHASES, GuardrailPlan, PhasePlan, check_plan
from apps.rollouts.verdict import BLIND_HIGH, BLIND_LOW
from apps.tenants.models import Team
from apps.workloads.models import AgentVersion, Workload
from portal.actor import Actor
from portal.errors import Conflict, Invalid, Refused
from portal.reasons import given


def draft_rollout(
    *,
    workload: Workload,
    version: AgentVersion,
    why: str,
    author: User,
    actor: Actor,
    phases: Sequence[PhasePlan] = DEFAULT_PHASES,
    guardrails: Sequence[GuardrailPlan] = DEFAULT_GUARDRAILS,
    check_seconds: int = codec.CHECK_SECONDS,
    blind_high: timedelta = BLIND_HIGH,
    blind_low: timedelta = BLIND_LOW,
    mode: Mode = Mode.BUCKETS_10000,
) -> Rollout:
    """Plan a rollout. The version that serves now, or the fallback, is its control arm and what it rolls back to.

    Raises:
        Invalid: the plan breaks a rule; ``problems`` lists each with what to change.
        Refused: the version is another workload's, or serves already.
    """
    if version.workload_id != workload.id:
        raise Refused("foreign_version", f"Version {version.label!r} belongs to another workload.")
    if version.id == workload.serving_version_id:
        raise Refused("serves_already", f"Version {version.label!r} serves already.")
    sends = workload.serving_version_id is not None or workload.fallback_sends_records
    _check(phases, guardrails, sends, check_seconds, blind_high, blind_low)
    plan = codec.dump(phases, guardrails, check_seconds=check_seconds, blind_high=blind_high, blind_low=blind_low)
    rollout = Rollout.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        version=version,
        control_version=workload.serving_version,
        plan=plan,
        seed=secrets.token_hex(16),
        mode=mode,
        why=why,
        author=author,
    )
    record(
        actor=actor, action="rollout.drafted", obj=rollout, after={"version": version.label, "plan": plan}, reason=why
    )
    return rollout


def change_plan(
    *,
    rollout: Rollout,
    expected_revision: int,
    actor: Actor,
    now: datetime,
    phases: Sequence[PhasePlan] | None = None,
    guardrails: Sequence[GuardrailPlan] | None = None,
) -> Rollout:
    """Change the plan before the start. Signatures that judged what changed fall (APPR-1).

    Raises:
        Conflict: it isn't the revision that the caller saw, e.g. since it has been approved meanwhile.
        Refused: it has started, or was approved: what was approved doesn't change.
    """
    with approvals.changing(
        tenant_id=rollout.tenant_id, kind=approval.KIND, subject_id=rollout.id, actor=actor, now=now
    ):
        if rollout.state not in {State.DRAFT, State.AWAITING_APPROVAL} or rollout.approval_id:
            raise Refused("plan_frozen", "An approved plan doesn't change; cancel it and plan anew.")
        before = rollout.plan
        plan = _changed(rollout, phases, guardrails)
        same = Rollout.objects.filter(tenant=rollout.tenant_id, id=rollout.id, revision=expected_revision)
        if not same.update(plan=plan, revision=expected_revision + 1):
            raise Conflict("moved_since", "This rollout moved since you looked; look again.")
        rollout.plan, rollout.revision = plan, expected_revision + 1
        record(actor=actor, action="rollout.plan_changed", obj=rollout, before={"plan": before}, after={"plan": plan})
    return rollout


def submit_rollout(*, rollout: Rollout, actor: Actor, now: datetime) -> Rollout:
    """Ask for approval. One active rollout a workload: a second one is refused.

    Raises:
        Refused: another one is active, or the version hasn't shown itself on the eval set (WORK-5).
    """
    approval.refuse_unproven(rollout, now)
    try:
        with transaction.atomic():
            moves.move(rollout, State.AWAITING_APPROVAL, actor=actor, now=now, reason="submitted for approval")
    except IntegrityError as error:
        if "one_active" not in str(error):
            raise
        raise Refused(
            "second_rollout", f"{rollout.workload.key} has an active rollout already; finish or cancel that one first."
        ) from error
    approvals.request_approval(
        tenant_id=rollout.tenant_id,
        kind=approval.KIND,
        policy=approval.POLICY.name,
        subject_id=rollout.id,
        title=f"Roll out {rollout.version.label} of {rollout.workload.key} {rollout.workload.name}"[:200],
        workload=rollout.workload,
        requester=User.objects.filter(id=actor.user_id).first() if actor.user_id else None,
        actor=actor,
        now=now,
    )
    return rollout


def start_rollout(*, rollout: Rollout, actor: Actor, now: datetime) -> Rollout:
    """Pin the snapshot and enter the first phase, if every condition holds (ROLL-2).

    Raises:
        Refused: with each condition that doesn't hold.
    """
    if rollout.state != State.AWAITING_APPROVAL:
        raise Refused("not_waiting", "Only a rollout that was submitted and approved can start.")
    # One start of a team at a time, so that two of them can't both see its last hand free (ROLL-9).
    if rollout.workload.team_id is not None:
        list(Team.objects.select_for_update(of=("self",)).filter(id=rollout.workload.team_id))
    rollout.snapshot = _snapshot(rollout)
    missing = conditions.unmet(rollout, now)
    over = conditions.over_cap(rollout, rollout.phases[0].share)
    reasons = {m.name: m.why for m in missing} | ({"cap": over} if over else {})
    if reasons:
        raise Refused("conditions_unmet", " ".join(reasons.values()), conditions=reasons)
    moved = moves.move(
        rollout,
        State.RUNNING,
        actor=actor,
        now=now,
        reason="started",
        snapshot=rollout.snapshot,
        started_at=now,
        **entry(0, rollout.step, now),
    )
    starting.started(moved, actor, now)
    return moved


def hold_rollout(*, rollout: Rollout, actor: Actor, now: datetime, reason: str) -> Rollout:
    """Keep the share where it is until a person resumes. The brakes stay on."""
    given(reason)
    if rollout.state != State.RUNNING:
        raise Refused("not_running", "Only a running rollout can be held.")
    return moves.move(rollout, State.HELD, actor=actor, now=now, reason=reason, hold_reason=Hold.MANUAL, note=reason)


def resume_rollout(*, rollout: Rollout, actor: Actor, now: datetime, reason: str) -> Rollout:
    """Go on from where it was held, if the conditions still hold. Bake time counts on from here."""
    given(reason)
    if rollout.state != State.HELD:
        raise Refused("not_held", "Only a held rollout can be resumed.")
    missing = conditions.unmet(rollout, now)
    if missing:
        reasons = {m.name: m.why for m in missing}
        raise Refused("conditions_unmet", " ".join(reasons.values()), conditions=reasons)
    # A step back took it out of every phase: begin again with the first one.
    place = entry(0, rollout.step, now) if rollout.phase < 0 else {"looked_at": None, "next_check_at": now}
    return moves.move(
        rollout, State.RUNNING, actor=actor, now=now, reason=reason, hold_reason="", note="", extended=False, **place
    )


def roll_back(*, rollout: Rollout, actor: Actor, now: datetime, reason: str) -> Rollout:
    """A person takes the agent out of service, at once."""
    given(reason)
    return moves.begin_rollback(rollout, actor=actor, now=now, reason=reason)


def cancel_rollout(*, rollout: Rollout, actor: Actor, now: datetime, reason: str) -> Rollout:
    """Give up a rollout that never started."""
    given(reason)
    # The request's lock comes first, as it does in every signature.
    request = approvals.open_request(tenant_id=rollout.tenant_id, kind=approval.KIND, subject_id=rollout.id)
    moves.move(rollout, State.CANCELLED, actor=actor, now=now, reason=reason, next_check_at=None)
    if request is not None:
        approvals.withdraw_request(request=request, actor=actor, now=now, reason=reason)
    return rollout


def entry(phase: int, step: int, now: datetime) -> dict[str, Any]:
    """What changes when a rollout enters a phase: a fresh step, a fresh bake clock."""
    return {
        "phase": phase,
        "step": step + 1,
        "phase_entered_at": now,
        "baked": timedelta(0),
        "extended": False,
        "looked_at": None,
        "next_check_at": now,
        "look": {},
    }


def _snapshot(rollout: Rollout) -> dict[str, object]:
    """What is served if all goes wrong: the version that serves now, or the fallback, as they are today."""
    workload, version = rollout.workload, rollout.control_version
    return {
        "version": version.label if version else None,
        "version_id": str(version.id) if version else None,
        "fallback": {
            "kind": workload.fallback_kind,
            "description": workload.fallback_description,
            "address": workload.fallback_address,
        },
    }


def _changed(
    rollout: Rollout, phases: Sequence[PhasePlan] | None, guardrails: Sequence[GuardrailPlan] | None
) -> dict[str, Any]:
    plan = rollout.plan
    limits = [timedelta(seconds=plan[f"blind_{end}_seconds"]) for end in ("high", "low")]
    phases = rollout.phases if phases is None else phases
    guardrails = rollout.guardrails if guardrails is None else guardrails
    sends = rollout.control_version_id is not None or rollout.workload.fallback_sends_records
    _check(phases, guardrails, sends, plan["check_seconds"], *limits)
    return codec.dump(
        phases, guardrails, check_seconds=plan["check_seconds"], blind_high=limits[0], blind_low=limits[1]
    )


def _check(
    phases: Sequence[PhasePlan],
    guardrails: Sequence[GuardrailPlan],
    sends: bool,
    check_seconds: int,
    blind_high: timedelta,
    blind_low: timedelta,
) -> None:
    problems = check_plan(phases, guardrails, control_sends_records=sends)
    if problems:
        listed = [{"code": p.code, "message": p.message, "phase": p.phase, "guardrail": p.guardrail} for p in problems]
        raise Invalid("plan_invalid", " ".join(p.message for p in problems), problems=listed)
    if not codec.LEAST_CHECK_SECONDS <= check_seconds <= codec.CHECK_SECONDS:
        raise Invalid("check_seconds", "Checks run at least each minute and at most every two seconds (ROLL-11).")
    if not timedelta(0) < blind_high <= BLIND_HIGH or not timedelta(0) < blind_low <= BLIND_LOW:
        raise Invalid("blind_limit", "Blindness may last 30 minutes at 25 % and above, and 4 hours below, at most.")
