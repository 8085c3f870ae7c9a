"""A tier's opt-in to metered billing: asked for by whoever manages the workload, signed by a tenant admin, ended by
either (COST-2). Without one the tier is a hard cap.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.approvals import actions as approvals
from apps.approvals import queries as signing
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Verdict
from apps.audit.actions import record
from apps.budgets.actions import Ceiling, refuse_pattern
from apps.budgets.metered.queries import may_end
from apps.budgets.metered.terms import KIND, end, held_to
from apps.budgets.models import CostGate, MeteredOptIn, TierGate
from apps.budgets.rules import Pattern
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, Refused
from portal.instants import sane
from portal.outbox.actions import enqueue_due
from portal.reasons import given

POLICY = "budget.opt_in"
LONGEST = timedelta(days=366)
WARNED = timedelta(days=7)
LONGEST_REASON = 500


def ask(*, row: TierGate, until: datetime, reason: str, requester: User, actor: Actor, now: datetime) -> MeteredOptIn:
    """Ask a tenant admin to be billed for what this tier uses beyond its ceiling, up to the workload's spend cap.

    Raises:
        Invalid: no reason, or an end that is over or more than twelve months away.
        Refused: the tier isn't metered, may not be, or was asked for already.
    """
    why = _reason(reason)
    refuse_unmetered(row)
    if not now < sane(until, "until") <= now + LONGEST:
        raise Invalid("until", "It ends in the future, and within twelve months.")
    # The locks of a change of the ceiling, in its order.
    with held_to(row.workload, actor, now, row.tier):
        opt_in = _made(row, until, why, requester, now)
        approvals.request_approval(
            tenant_id=row.tenant_id,
            kind=KIND,
            policy=POLICY,
            subject_id=opt_in.id,
            title=f"Bill what {row.tier.name} users of {row.workload.key} use beyond their ceiling"[:200],
            workload=row.workload,
            requester=requester,
            actor=actor,
            now=now,
        )
    after = {"workload": row.workload.key, "tier": row.tier.slug, "until": until.isoformat()}
    record(actor=actor, action="budget.opt_in_asked", obj=opt_in, after=after, reason=why)
    return opt_in


def grant(
    *, opt_in: MeteredOptIn, row: TierGate, gate: CostGate, request: ApprovalRequest, actor: Actor, now: datetime
) -> None:
    """What the last signature does. One that was in force before ends here.

    Raises:
        Refused: the tier can't be metered any more, or the time that was asked for is over.
    """
    refuse_unmetered(row)
    if request.granted_until is None or opt_in.until <= now:
        raise Refused("until", "The time that was asked for is over: ask anew.")
    former = MeteredOptIn.objects.filter(
        tenant=opt_in.tenant_id, workload=row.workload_id, tier=row.tier_id, granted_at__isnull=False, ended_at=None
    )
    for each in former:
        end(each, actor, "another one took its place" if now < each.until else "its time was over", now)
    opt_in.granted_at, opt_in.until = now, min(opt_in.until, request.granted_until)
    opt_in.signed_by, opt_in.ceiling, opt_in.cap = _signers(request), row.ceiling, max(opt_in.cap, gate.spend_cap)
    opt_in.save(update_fields=["granted_at", "until", "signed_by", "ceiling", "cap"])
    TierGate.objects.filter(tenant=row.tenant_id, id=row.id).update(opt_in=opt_in, opted_in_until=opt_in.until)
    after = {"workload": row.workload.key, "tier": row.tier.slug, "until": opt_in.until.isoformat()}
    record(actor=actor, action="budget.opt_in_granted", obj=opt_in, after=after)
    warned_at = max(now, opt_in.until - WARNED)
    message = ("budget.opt_in_ends", str(opt_in.id), {"opt_in": str(opt_in.id)}, warned_at)
    enqueue_due(messages=[message], now=now)


def revoke(*, opt_in: MeteredOptIn, actor: Actor, reason: str, now: datetime) -> None:
    """End it at once: nothing is admitted beyond the ceiling from the next call on. One that waits is withdrawn.

    Raises:
        Forbidden: for anybody but a tenant admin and those who manage the workload.
        Invalid: no reason.
        Refused: it has ended.
    """
    why = _reason(reason)
    if not may_end(opt_in.workload, actor):
        raise Forbidden("right_missing", "A tenant admin ends it, or whoever manages the workload.")
    request = approvals.open_request(tenant_id=opt_in.tenant_id, kind=KIND, subject_id=opt_in.id)
    row = _locked(opt_in)
    if row.standing(now) == "ended":
        raise Refused("ended", "It has ended already.")
    if request is not None:
        approvals.withdraw_request(request=request, actor=actor, now=now, reason=why)
    else:
        end(row, actor, why, now)


def refuse_unmetered(row: TierGate) -> None:
    """
    Raises:
        Refused: the tier has another pattern, or may not have this one.
    """
    if row.pattern != Pattern.METERED:
        raise Refused("not_metered", f"{row.tier.name} isn't metered: set that pattern first (COST-2).")
    refuse_pattern(row.workload, row.tier, Ceiling(row.ceiling, Pattern.METERED))


def _made(row: TierGate, until: datetime, reason: str, requester: User, now: datetime) -> MeteredOptIn:
    try:
        with transaction.atomic():
            return MeteredOptIn.objects.create(
                tenant_id=row.tenant_id,
                workload_id=row.workload_id,
                tier_id=row.tier_id,
                requester=requester,
                reason=reason,
                ceiling=row.ceiling,
                cap=row.gate.spend_cap,
                currency=row.gate.currency,
                until=until,
                created_at=now,
            )
    except IntegrityError as error:
        if "one_asked" not in str(error):
            raise
        raise Refused("already_asked", f"An opt-in of {row.tier.name} waits for its signature already.") from error


def _locked(opt_in: MeteredOptIn) -> MeteredOptIn:
    """Under the lock of its ceiling, which a signature takes too."""
    rows = TierGate.objects.select_for_update(of=("self",)).filter(tenant=opt_in.tenant_id, workload=opt_in.workload_id)
    list(rows.filter(tier=opt_in.tier_id))
    return MeteredOptIn.objects.select_related("workload").get(tenant=opt_in.tenant_id, id=opt_in.id)


def _signers(request: ApprovalRequest) -> str:
    rows = [row for row in signing.signatures(request) if row.voided_at is None and row.verdict == Verdict.APPROVE]
    return ", ".join(f"{row.person.name}" for row in rows)[:500]


def _reason(reason: str) -> str:
    why = given(reason)
    if len(why) > LONGEST_REASON:
        raise Invalid("reason", f"The reason has at most {LONGEST_REASON} characters.")
    return why
