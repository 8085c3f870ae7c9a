"""What was signed holds only as long as it is there: another ceiling, another pattern or a higher spend cap ends an
opt-in (COST-2, APPR-1). A lower cap is within what was signed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.approvals import actions as approvals
from apps.audit.actions import record
from apps.budgets.models import MeteredOptIn, TierGate, UserTier
from apps.budgets.rules import Pattern
from apps.workloads.models import Workload
from portal.actor import Actor

KIND = "opt_in"


def open_ones(workload: Workload, now: datetime, tier: UserTier | None = None) -> QuerySet[MeteredOptIn]:
    """Asked for or in force."""
    rows = MeteredOptIn.objects.filter(Q(granted_at=None) | Q(until__gt=now), tenant=workload.tenant_id, ended_at=None)
    return rows.filter(workload=workload.id, **({"tier": tier.id} if tier else {})).order_by("created_at", "id")


@contextmanager
def held_to(workload: Workload, actor: Actor, now: datetime, tier: UserTier | None = None) -> Iterator[None]:
    """Wrap every change of a gate or a ceiling: an opt-in whose terms it touches ends, or is signed anew."""
    rows = list(open_ones(workload, now, tier))
    with ExitStack() as stack:
        for row in rows:
            stack.enter_context(
                approvals.changing(tenant_id=row.tenant_id, kind=KIND, subject_id=row.id, actor=actor, now=now)
            )
        yield
    if rows:
        _withdraw_pointless(workload, actor, now)


def end(opt_in: MeteredOptIn, actor: Actor, reason: str, now: datetime) -> None:
    """The tier is a hard cap from the next call on. Once; what it had cost until then stays in the ledger."""
    rows = MeteredOptIn.objects.filter(tenant=opt_in.tenant_id, id=opt_in.id, ended_at=None)
    if not rows.update(ended_at=now, ended_by=actor.label[:200], end_reason=reason[:500]):
        return
    TierGate.objects.filter(tenant=opt_in.tenant_id, opt_in=opt_in.id).update(opt_in=None, opted_in_until=None)
    record(actor=actor, action="budget.opt_in_ended", obj=opt_in, reason=reason[:500])


def _withdraw_pointless(workload: Workload, actor: Actor, now: datetime) -> None:
    """What nobody needs to sign any more."""
    metered = TierGate.objects.filter(tenant=workload.tenant_id, workload=workload.id, pattern=Pattern.METERED)
    asked = open_ones(workload, now).filter(granted_at=None).exclude(tier__in=metered.values("tier"))
    for row in asked:
        request = approvals.open_request(tenant_id=row.tenant_id, kind=KIND, subject_id=row.id)
        if request is not None:
            approvals.withdraw_request(request=request, actor=actor, now=now, reason="the tier isn't metered any more")
