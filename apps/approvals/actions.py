"""Ask, sign, withdraw, expire; and keep signatures true to what they were given for (APPR-1, APPR-2, APPR-4).

Everything about one request happens under its row's lock, and the subject's row is locked before it is read, so of two
last signatures, or of a signature and an edit, exactly one comes first and the other sees what it did.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts import secondfactor
from apps.accounts.models import User
from apps.approvals import codec, queries, rules, subjects
from apps.approvals.models import ApprovalRequest, ContentRevision, Delegation, Signature, State
from apps.approvals.rules import Verdict
from apps.audit.actions import record
from apps.tenants import queries as tenants
from apps.tenants.roles import APPROVERS
from apps.workloads.models import Workload
from portal import actor as actors
from portal import faults
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.outbox.actions import enqueue
from portal.reasons import given
from portal.tenancy.context import keep_after_rollback

LONGEST_DELEGATION = timedelta(days=30)


def request_approval(
    *,
    tenant_id: UUID,
    kind: str,
    policy: str,
    subject_id: UUID,
    title: str,
    workload: Workload | None,
    requester: User | None,
    actor: Actor,
    now: datetime,
) -> ApprovalRequest:
    """Freeze what is there and ask for the signatures that the policy in force names.

    Raises:
        Refused: a request for this subject is open already.
    """
    subject, rule = subjects.subject(kind), queries.policy(tenant_id, policy)
    content = subject.content(subject_id)
    parts = rules.part_digests(content)
    zone = tenants.zone_of(tenant_id)
    excluded = _exclusions(subject, subject_id, requester)
    request = ApprovalRequest(
        tenant_id=tenant_id,
        kind=kind,
        policy=policy,
        subject_id=subject_id,
        workload=workload,
        title=title,
        requester=requester,
        content=content,
        parts=parts,
        digest=rules.digest(parts),
        slots_json=codec.dump(rule.slots),
        policy_revision=rule.revision,
        granted_days=rule.granted_days,
        target_hours=rule.target_hours,
        excluded=excluded,
        expires_at=rules.pending_until(now, rule.pending_days, zone),
        created_at=now,
    )
    _insert(request)
    _keep_content(request, [], actor, now)
    standing = queries.standing(request, [])
    request.waiting_roles = _roles(standing.waiting)
    request.save(update_fields=["waiting_roles"])
    after = {"policy": policy, "digest": request.digest, "expires_at": request.expires_at.isoformat()}
    record(actor=actor, action="approval.requested", obj=request, after=after)
    _say_what_nobody_can_fill(request, standing.unsatisfiable, now)
    _say_what_waits(request, request.waiting_roles, now)
    return request


def sign(
    *,
    request: ApprovalRequest,
    signer: User,
    verdict: Verdict,
    seen: str,
    actor: Actor,
    now: datetime,
    comment: str = "",
    acting_for: UUID | None = None,
) -> ApprovalRequest:
    """Sign exactly the content whose digest is ``seen``; the last signature that is needed applies the answer.

    Raises:
        Forbidden: this person may not sign this, whatever their roles; the refusal is audited.
        SecondFactorNeeded: they may, but not with this session.
        Conflict: the content isn't what the person has seen; ``changed`` names the parts, ``digest`` the new whole.
        Refused: the request is over, or this person (or whom they stand in for) has signed already.
    """
    secondfactor.refuse_without(actor)
    request = _locked(request)
    _refuse_unless_open(request, now)
    _refresh(request, actor, now)
    delegation = _delegation(request, signer, acting_for, now) if acting_for else None
    _refuse_unless_allowed(request, signer, delegation, verdict, actor)
    if seen != request.digest:
        raise _stale(request, seen)
    signature = _write(request, signer, delegation, verdict, comment, now)
    faults.point("approvals.signed")
    after = {"verdict": verdict.value, "digest": seen, "for": str(acting_for) if acting_for else None}
    record(actor=actor, action="approval.signed", obj=request, after=after, reason=comment)
    _conclude(request, actor, now, by=signature)
    return request


def withdraw_signature(*, request: ApprovalRequest, signer: User, actor: Actor, now: datetime, reason: str) -> None:
    """Take one's own signature back while the request is open."""
    request = _locked(request)
    _refuse_unless_open(request, now)
    mine = [row for row in queries.signatures(request) if row.person_id == signer.id and row.voided_at is None]
    if not mine:
        raise Refused("not_signed", "You have no signature here.")
    _void(mine[0], f"withdrawn: {given(reason)}", now)
    record(actor=actor, action="approval.signature_withdrawn", obj=request, reason=reason)
    _conclude(request, actor, now)


def withdraw_request(*, request: ApprovalRequest, actor: Actor, now: datetime, reason: str) -> None:
    """Whoever asked needs it no longer. The subject hears of it."""
    request = _locked(request)
    if request.state != State.PENDING:
        raise Refused("not_open", f"This request is {request.get_state_display().lower()}.")
    _end(request, State.WITHDRAWN, actor, now, given(reason))


def expire(*, tenant_id: UUID, ids: list[UUID], now: datetime) -> None:
    """Close those whose time is over."""
    rows = ApprovalRequest.objects.filter(tenant=tenant_id, id__in=ids, state=State.PENDING, expires_at__lte=now)
    for request in rows.select_for_update(skip_locked=True, of=("self",)).order_by("id"):
        _end(request, State.EXPIRED, actors.task("approvals.expire"), now, "nobody completed it in time")


@contextmanager
def changing(*, tenant_id: UUID, kind: str, subject_id: UUID, actor: Actor, now: datetime) -> Iterator[None]:
    """Wrap every edit of a subject: takes the lock that signatures take, and lets fall what the edit touches.

    A granted request whose content is changed falls with all that was granted.
    """
    found = queries.latest(tenant_id, kind, subject_id)
    request = _locked(found) if found else None
    yield
    if request is not None and request.state in {State.PENDING, State.GRANTED}:
        changed = _refresh(request, actor, now)
        if changed and request.state == State.GRANTED:
            _end(request, State.FALLEN, actor, now, f"changed after it was granted: {', '.join(changed)}")
        elif changed:
            _conclude(request, actor, now)


def take_policy_anew(*, request: ApprovalRequest, actor: Actor, now: datetime, reason: str) -> None:
    """An admin points an open request at the policy in force today, e.g. when a slot can't be filled any more."""
    request = _locked(request)
    _refuse_unless_open(request, now)
    rule = queries.policy(request.tenant_id, request.policy)
    before = request.slots_json
    request.slots_json, request.policy_revision = codec.dump(rule.slots), rule.revision
    request.save(update_fields=["slots_json", "policy_revision"])
    record(
        actor=actor,
        action="approval.policy_renewed",
        obj=request,
        before={"slots": before},
        after={"slots": request.slots_json},
        reason=given(reason),
    )
    _conclude(request, actor, now)


def delegate(
    *,
    tenant_id: UUID,
    principal: User,
    delegate: User,
    roles: set[str],
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Delegation:
    """Let a member stand in with some of one's own approver's roles, for 30 days at most; never onward (APPR-2)."""
    everybody = queries.people(tenant_id)
    own = everybody[principal.id].roles & APPROVERS if principal.id in everybody else frozenset()
    if actor.user_id != principal.id or not actor.is_person:
        raise Forbidden("own_authority", "Only your own authority can be delegated, by yourself.")
    if not roles or not roles <= own:
        raise Invalid("roles", f"Choose from the approver's roles that you hold: {', '.join(sorted(own)) or 'none'}.")
    if delegate.id not in everybody or delegate.id == principal.id:
        raise Invalid("delegate", "Choose another member of this tenant.")
    if not now - timedelta(minutes=1) <= starts_at < ends_at <= starts_at + LONGEST_DELEGATION:
        raise Invalid("span", f"A delegation begins now or later and lasts {LONGEST_DELEGATION.days} days at most.")
    made = Delegation.objects.create(
        tenant_id=tenant_id,
        principal=principal,
        delegate=delegate,
        roles=sorted(roles),
        starts_at=starts_at,
        ends_at=ends_at,
        reason=given(reason),
    )
    after = {"delegate": delegate.email, "roles": sorted(roles), "until": ends_at.isoformat()}
    record(actor=actor, action="approval.delegated", obj=made, after=after, reason=reason)
    return made


def revoke_delegation(*, delegation: Delegation, actor: Actor, now: datetime) -> None:
    """At once. What was signed under it stays signed."""
    if actor.user_id not in {delegation.principal_id, delegation.delegate_id} and "admin" not in actor.roles:
        raise Forbidden("own_authority", "Only the two people concerned, or an admin, can end a delegation.")
    if not Delegation.objects.filter(id=delegation.id, tenant=delegation.tenant_id, revoked_at=None).update(
        revoked_at=now
    ):
        raise Refused("revoked", "It has been revoked already.")
    record(actor=actor, action="approval.delegation_revoked", obj=delegation)


def grant(request: ApprovalRequest, actor: Actor, now: datetime, until: datetime, *, seats: dict[str, Any]) -> None:
    """Apply the answer, once, in this very transaction (APPR-4). For signatures and for break-glass."""
    request.state, request.decided_at, request.granted_until = State.GRANTED, now, until
    request.waiting_roles = []
    _save_state(request)
    subjects.subject(request.kind).granted(request, actor, now)
    faults.point("approvals.granted")
    record(actor=actor, action="approval.granted", obj=request, after={"digest": request.digest, **seats})
    _tell(request, "approval.granted", actor, now)


def open_request(*, tenant_id: UUID, kind: str, subject_id: UUID) -> ApprovalRequest | None:
    """The open request for a subject, locked, if there is one."""
    found = queries.latest(tenant_id, kind, subject_id)
    request = _locked(found) if found else None
    return request if request and request.state == State.PENDING else None


def locked(request: ApprovalRequest) -> ApprovalRequest:
    return _locked(request)


def refresh(request: ApprovalRequest, actor: Actor, now: datetime) -> list[str]:
    return _refresh(request, actor, now)


def _insert(request: ApprovalRequest) -> None:
    try:
        with transaction.atomic():
            request.save(force_insert=True)
    except IntegrityError as error:
        if "one_open" not in str(error):
            raise
        raise Refused("already_asked", "A request for this is open already; withdraw that one first.") from error


def _locked(request: ApprovalRequest) -> ApprovalRequest:
    rows = ApprovalRequest.objects.select_for_update(of=("self",)).select_related("workload")
    return rows.get(tenant=request.tenant_id, id=request.id)


def _refuse_unless_open(request: ApprovalRequest, now: datetime) -> None:
    if request.state != State.PENDING:
        raise Refused("not_open", f"This request is {request.get_state_display().lower()}; nothing is left to sign.")
    if now >= request.expires_at:
        raise Refused("expired", f"This request expired at {request.expires_at:%Y-%m-%d %H:%M} UTC; ask anew.")


def _refresh(request: ApprovalRequest, actor: Actor, now: datetime) -> list[str]:
    """Read the subject anew: signatures whose slots all judge what changed fall, and a no-op changes nothing."""
    subject = subjects.subject(request.kind)
    content = subject.content(request.subject_id)
    parts = rules.part_digests(content)
    excluded = {**_exclusions(subject, request.subject_id, None), **request.excluded}
    changed = rules.changed(request.parts, parts)
    if not changed and excluded == request.excluded:
        return []
    request.content, request.parts, request.digest, request.excluded = content, parts, rules.digest(parts), excluded
    request.save(update_fields=["content", "parts", "digest", "excluded"])
    if changed:
        _keep_content(request, changed, actor, now)
        _let_fall(request, changed, actor, now)
    return changed


def _let_fall(request: ApprovalRequest, changed: list[str], actor: Actor, now: datetime) -> None:
    members = queries.standing(request, []).members
    live = [row for row in queries.signatures(request) if row.voided_at is None]
    fallen = [row for row in live if rules.fallen(request.slots, queries.hand(row, members), request.parts)]
    for signature in fallen:
        _void(signature, f"changed since: {', '.join(changed)}", now)
    after = {"changed": changed, "digest": request.digest, "fallen": [str(row.person) for row in fallen]}
    record(actor=actor, action="approval.content_changed", obj=request, after=after)


def _exclusions(subject: subjects.Subject, subject_id: UUID, requester: User | None) -> dict[str, str]:
    found = {str(user_id): why for user_id, why in subject.excluded(subject_id).items()}
    return found | ({str(requester.id): "asked for it"} if requester else {})


def _delegation(request: ApprovalRequest, signer: User, principal_id: UUID, now: datetime) -> Delegation:
    for delegation in queries.live_delegations(request.tenant_id, signer.id, now):
        if delegation.principal_id == principal_id:
            return delegation
    raise Refused("no_delegation", "No delegation lets you sign in that person's place now.")


def _refuse_unless_allowed(
    request: ApprovalRequest, signer: User, delegation: Delegation | None, verdict: Verdict, actor: Actor
) -> None:
    if not actor.is_person or actor.user_id != signer.id:
        raise _refusal(request, actor, "not_a_person", "Only a person who is signed in can sign, under their own name.")
    for user_id in filter(None, (signer.id, delegation.principal_id if delegation else None)):
        why = request.excluded.get(str(user_id))
        if why:
            whom = "You" if user_id == signer.id else "Whom you stand in for"
            raise _refusal(request, actor, "excluded", f"{whom} can't sign this: {why}.")
    standing = queries.standing(request)
    mine = Signature(person=signer, acting_for=delegation.principal if delegation else None, seen=request.parts)
    mine.verdict, mine.as_roles = verdict, delegation.roles if delegation else []
    hand = queries.hand(mine, standing.members)
    fitting = [slot for slot in request.slots if hand.fills(slot, request.parts)]
    if not fitting:
        raise _refusal(request, actor, "role_missing", "None of the open slots is for a role that you hold.")
    if verdict is Verdict.RECUSE and not any(slot.committee for slot in fitting):
        raise Invalid("verdict", "Only a member of a committee can step aside; here you may abstain.")
    _refuse_second(request, signer, delegation)


def _refuse_second(request: ApprovalRequest, signer: User, delegation: Delegation | None) -> None:
    """One person, one slot; and one authority, one signature, whoever held the pen."""
    live = [row for row in queries.signatures(request) if row.voided_at is None]
    people = {signer.id, delegation.principal_id if delegation else signer.id}
    for row in live:
        if people & {row.person_id, row.acting_for_id}:
            raise Refused("signed_already", f"{row.person} has signed with that authority already.")


def _refusal(request: ApprovalRequest, actor: Actor, code: str, message: str) -> Forbidden:
    """A refusal that stands in the audit trail although its transaction is undone (A4)."""
    keep_after_rollback(
        lambda: record(actor=actor, action="approval.refused", obj=request, after={"code": code}, reason=message)
    )
    return Forbidden(code, message)


def _stale(request: ApprovalRequest, seen: str) -> Conflict:
    """What the signer has seen against what is there, part by part."""
    rows = ContentRevision.objects.filter(tenant=request.tenant_id, request=request.id, digest=seen)
    old = rows.order_by("-created_at").first()
    changed = rules.changed(rules.part_digests(old.content), request.parts) if old else sorted(request.parts)
    return Conflict(
        "content_changed",
        f"This changed since you looked: {', '.join(changed)}. Look again, then sign.",
        changed=changed,
        digest=request.digest,
        before={name: old.content.get(name) for name in changed} if old else None,
        after={name: request.content.get(name) for name in changed},
    )


def _write(
    request: ApprovalRequest,
    signer: User,
    delegation: Delegation | None,
    verdict: Verdict,
    comment: str,
    now: datetime,
) -> Signature:
    return Signature.objects.create(
        tenant_id=request.tenant_id,
        request=request,
        person=signer,
        acting_for=delegation.principal if delegation else None,
        as_roles=delegation.roles if delegation else [],
        verdict=verdict,
        comment=comment,
        seen=request.parts,
        digest=request.digest,
        created_at=now,
    )


def _conclude(request: ApprovalRequest, actor: Actor, now: datetime, by: Signature | None = None) -> None:
    """Grant, reject or go on waiting, from the standing as it is now."""
    standing = queries.standing(request)
    if standing.tally.lost:
        _end(request, State.REJECTED, actor, now, (by.comment if by else "") or "rejected")
    elif standing.tally.complete:
        seats = {str(person): request.slots[slot].name for person, slot in standing.tally.seats.items()}
        grant(request, actor, now, now + timedelta(days=request.granted_days), seats={"seats": seats})
    else:
        waited, request.waiting_roles = request.waiting_roles, _roles(standing.waiting)
        _save_state(request)
        _say_what_nobody_can_fill(request, standing.unsatisfiable, now)
        _say_what_waits(request, sorted(set(request.waiting_roles) - set(waited)), now)


def _end(request: ApprovalRequest, state: State, actor: Actor, now: datetime, reason: str) -> None:
    request.state, request.decided_at, request.waiting_roles = state, now, []
    request.granted_until = None
    _save_state(request)
    subjects.subject(request.kind).ended(request, actor, now)
    record(actor=actor, action=f"approval.{state.value}", obj=request, reason=reason)
    _tell(request, f"approval.{state.value}", actor, now, reason=reason)


def _save_state(request: ApprovalRequest) -> None:
    request.revision += 1
    request.save(update_fields=["state", "decided_at", "granted_until", "waiting_roles", "by_break_glass", "revision"])


def _void(signature: Signature, reason: str, now: datetime) -> None:
    signature.voided_at, signature.void_reason = now, reason[:300]
    signature.save(update_fields=["voided_at", "void_reason"])


def _keep_content(request: ApprovalRequest, changed: list[str], actor: Actor, now: datetime) -> None:
    ContentRevision.objects.create(
        tenant_id=request.tenant_id,
        request=request,
        digest=request.digest,
        content=request.content,
        changed=changed,
        by=actor.label,
        created_at=now,
    )


def _roles(slots: list[rules.Slot]) -> list[str]:
    return sorted({role for slot in slots for role in slot.roles})


def _say_what_nobody_can_fill(request: ApprovalRequest, slots: list[str], now: datetime) -> None:
    """Loudly: the admins hear that a request can't be completed as things stand (A9)."""
    if slots:
        key = f"{request.id}:{','.join(slots)}"[:200]
        payload = {"request": str(request.id), "title": request.title, "slots": slots}
        enqueue(topic="approval.unsatisfiable", key=key, payload=payload, now=now)


def _say_what_waits(request: ApprovalRequest, roles: list[str], now: datetime) -> None:
    """Those who hold one of these roles hear that a slot waits for them which didn't before."""
    if roles:
        payload = {"request": str(request.id), "title": request.title, "roles": roles}
        enqueue(topic="approval.waiting", key=f"{request.id}:{request.revision}", payload=payload, now=now)


def _tell(request: ApprovalRequest, topic: str, actor: Actor, now: datetime, **more: Any) -> None:
    """``by`` is whoever brought it about: they needn't be told."""
    by = str(actor.user_id) if actor.user_id else None
    payload = {"request": str(request.id), "title": request.title, "kind": request.kind, "by": by, **more}
    enqueue(topic=topic, key=str(request.id), payload=payload, now=now)
