"""What people do with a rollout: draft, submit, approve, start, hold, resume, roll back, cancel."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.rollouts import codec, conditions, moves
from apps.rollouts.assignment import Mode
from apps.rollouts.machine import Hold, State
from apps.rollouts.models import Rollout
from apps.rollouts.plan import DEFAULT_GUARDRAILS, DEFAULT_PHASES, GuardrailPlan, PhasePlan, check_plan
from apps.rollouts.verdict import BLIND_HIGH, BLIND_LOW
from apps.tenants.roles import has_right
from apps.workloads.models import AgentVersion, Workload
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused


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


def submit_rollout(*, rollout: Rollout, actor: Actor, now: datetime) -> Rollout:
    """Ask for approval. One active rollout a workload: a second one is refused."""
    try:
        with transaction.atomic():
            return moves.move(rollout, State.AWAITING_APPROVAL, actor=actor, now=now, reason="submitted for approval")
    except IntegrityError as error:
        if "one_active" not in str(error):
            raise
        raise Refused(
            "second_rollout", f"{rollout.workload.key} has an active rollout already; finish or cancel that one first."
        ) from error


def approve_rollout(*, rollout: Rollout, approver: User, actor: Actor, now: datetime) -> Rollout:
    """Approve exactly this plan. Never its author, never a token, only somebody with the right (APPR-2).

    Raises:
        Forbidden: who asks may not approve this.
        Refused: it isn't waiting for approval.
    """
    if not actor.is_person or not has_right(actor, "rollout.approve"):
        raise Forbidden("right_missing", "Approving needs a person with an approver's role.", right="rollout.approve")
    if approver.id in {rollout.author_id, rollout.workload.owner_id} or actor.user_id != approver.id:
        raise Forbidden("own_request", "The author of a plan and the owner of its workload can't approve it.")
    if rollout.state != State.AWAITING_APPROVAL:
        raise Refused("not_waiting", "This rollout isn't waiting for approval.")
    approved_hash = codec.content_hash(rollout.content())
    same = Rollout.objects.filter(tenant=rollout.tenant_id, id=rollout.id, revision=rollout.revision)
    if not same.update(
        approved_by=approver, approved_at=now, approved_hash=approved_hash, revision=rollout.revision + 1
    ):
        raise Conflict("moved_since", "This rollout moved since you looked; look again.")
    rollout.refresh_from_db()
    record(actor=actor, action="rollout.approved", obj=rollout, after={"hash": approved_hash})
    return rollout


def start_rollout(*, rollout: Rollout, actor: Actor, now: datetime) -> Rollout:
    """Pin the snapshot and enter the first phase, if every condition holds (ROLL-2).

    Raises:
        Refused: with each condition that doesn't hold.
    """
    if rollout.state != State.AWAITING_APPROVAL:
        raise Refused("not_waiting", "Only a rollout that was submitted and approved can start.")
    rollout.snapshot = _snapshot(rollout)
    missing = conditions.unmet(rollout)
    over = conditions.over_cap(rollout, rollout.phases[0].share)
    reasons = {m.name: m.why for m in missing} | ({"cap": over} if over else {})
    if reasons:
        raise Refused("conditions_unmet", " ".join(reasons.values()), conditions=reasons)
    return moves.move(
        rollout,
        State.RUNNING,
        actor=actor,
        now=now,
        reason="started",
        snapshot=rollout.snapshot,
        started_at=now,
        **entry(0, rollout.step, now),
    )


def hold_rollout(*, rollout: Rollout, actor: Actor, now: datetime, reason: str) -> Rollout:
    """Keep the share where it is until a person resumes. The brakes stay on."""
    _need_reason(reason)
    if rollout.state != State.RUNNING:
        raise Refused("not_running", "Only a running rollout can be held.")
    return moves.move(rollout, State.HELD, actor=actor, now=now, reason=reason, hold_reason=Hold.MANUAL, note=reason)


def resume_rollout(*, rollout: Rollout, actor: Actor, now: datetime, reason: str) -> Rollout:
    """Go on from where it was held, if the conditions still hold. Bake time counts on from here."""
    _need_reason(reason)
    if rollout.state != State.HELD:
        raise Refused("not_held", "Only a held rollout can be resumed.")
    missing = conditions.unmet(rollout)
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
    _need_reason(reason)
    return moves.begin_rollback(rollout, actor=actor, now=now, reason=reason)


def cancel_rollout(*, rollout: Rollout, actor: Actor, now: datetime, reason: str) -> Rollout:
    """Give up a rollout that never started."""
    _need_reason(reason)
    return moves.move(rollout, State.CANCELLED, actor=actor, now=now, reason=reason, next_check_at=None)


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


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("reason_missing", "Say why, in a few words; it stands in the audit trail.")
