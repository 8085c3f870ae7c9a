"""Break-glass (APPR-2): two people, a reason, 24 hours, a review afterwards. It replaces signatures and nothing else:
what a subject checks when it is granted, it checks all the same (STAGE-4).
"""

from datetime import datetime, timedelta

from apps.accounts import secondfactor
from apps.accounts.models import User
from apps.approvals import actions, queries, subjects
from apps.approvals.models import ApprovalRequest, BreakGlass, State
from apps.audit.actions import record
from apps.tenants.roles import APPROVERS, Role
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.outbox.actions import enqueue

LASTS = timedelta(hours=24)
REVIEW_WITHIN = timedelta(days=5)


def break_glass(
    *, request: ApprovalRequest, person: User, seen: str, reason: str, actor: Actor, now: datetime
) -> ApprovalRequest:
    """The first of two calls for it, with the reason; the second, by somebody else, grants it for a day.

    Raises:
        Forbidden: requester, owner and authors can't, nor anybody who may approve nothing.
        SecondFactorNeeded: they may, but not with this session.
        Conflict: the content isn't what this person, or the first one, has seen.
        Refused: it isn't open, or is something that nothing but a signature grants.
    """
    secondfactor.refuse_without(actor)
    if not subjects.subject(request.kind).takes_break_glass:
        raise Refused("hard_cap", "Without its signature this is a hard cap, and nothing else lifts that (STAGE-4).")
    request = actions.locked(request)
    if request.state != State.PENDING or now >= request.expires_at:
        raise Refused("not_open", "Only an open request can be granted by break-glass.")
    actions.refresh(request, actor, now)
    _refuse_unless_allowed(request, person, actor)
    if seen != request.digest:
        raise Conflict("content_changed", "This changed since you looked. Look again first.", digest=request.digest)
    glass = queries.emergency(request)
    if glass is None or glass.first_digest != request.digest:
        _call_for_it(request, glass, person, reason, actor, now)
        return request
    if glass.first_id == person.id:
        raise Refused("one_person", "You called for it already; somebody else has to be the second.")
    glass.second, glass.opened_at, glass.review_due_at = person, now, now + REVIEW_WITHIN
    glass.save(update_fields=["second", "opened_at", "review_due_at"])
    request.by_break_glass = True
    record(actor=actor, action="approval.break_glass", obj=request, after={"first": str(glass.first)}, reason=reason)
    actions.grant(request, actor, now, now + LASTS, seats={"break_glass": [str(glass.first_id), str(person.id)]})
    _tell(request, glass, now)
    return request


def review(*, glass: BreakGlass, reviewer: User, note: str, actor: Actor, now: datetime) -> None:
    """Somebody of governance who was not one of the two looks at it afterwards."""
    if Role.GOVERNANCE not in actor.roles or not actor.is_person or actor.user_id != reviewer.id:
        raise Forbidden("right_missing", "Reviewing a break-glass needs somebody of governance.")
    if reviewer.id in {glass.first_id, glass.second_id}:
        raise Forbidden("own_request", "You were one of the two; somebody else has to review it.")
    if not note.strip():
        raise Invalid("note_missing", "Say what you found; it stands in the audit trail.")
    same = BreakGlass.objects.filter(tenant=glass.tenant_id, id=glass.id, reviewed_at=None, opened_at__isnull=False)
    if not same.update(reviewed_by=reviewer, reviewed_at=now, review_note=note.strip()):
        raise Refused("reviewed", "It was never opened, or has been reviewed already.")
    record(actor=actor, action="approval.break_glass_reviewed", obj=glass, reason=note)


def _refuse_unless_allowed(request: ApprovalRequest, person: User, actor: Actor) -> None:
    if not actor.is_person or actor.user_id != person.id or not actor.roles & APPROVERS:
        raise Forbidden("right_missing", "Break-glass takes two people who hold an approver's role.")
    why = request.excluded.get(str(person.id))
    if why:
        raise Forbidden("excluded", f"You can't break the glass for this: {why}.")


def _call_for_it(
    request: ApprovalRequest, glass: BreakGlass | None, person: User, reason: str, actor: Actor, now: datetime
) -> None:
    if not reason.strip():
        raise Invalid("reason_missing", "Say why this can't wait; it stands in the audit trail.")
    glass = glass or BreakGlass(tenant_id=request.tenant_id, request=request, created_at=now)
    glass.first, glass.first_digest, glass.reason = person, request.digest, reason.strip()
    glass.save()
    record(actor=actor, action="approval.break_glass_called", obj=request, reason=reason)


def _tell(request: ApprovalRequest, glass: BreakGlass, now: datetime) -> None:
    payload = {
        "request": str(request.id),
        "title": request.title,
        "people": [str(glass.first), str(glass.second)],
        "reason": glass.reason,
        "review_due_at": (now + REVIEW_WITHIN).isoformat(),
    }
    enqueue(topic="approval.break_glass", key=str(request.id), payload=payload, now=now)
