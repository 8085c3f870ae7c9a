"""Opt-ins of a workload, and what stands on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.budgets.metered.terms import open_ones
from apps.budgets.models import MeteredOptIn, TierGate, UserTier
from apps.budgets.rules import Pattern
from apps.tenants.roles import Role
from apps.workloads.models import Workload
from apps.workloads.queries import permitted
from portal.actor import Actor
from portal.errors import NotFound


@dataclass(frozen=True, slots=True)
class Line:
    """A metered tier: its opt-in that is in force, and the one that waits."""

    row: TierGate
    granted: MeteredOptIn | None
    asked: MeteredOptIn | None


def opt_ins(workload: Workload) -> QuerySet[MeteredOptIn]:
    """All there ever were, the newest first."""
    rows = MeteredOptIn.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("tier", "requester", "workload").order_by("-created_at", "-id")


def opt_in_for(workload: Workload, opt_in_id: UUID) -> MeteredOptIn:
    """
    Raises:
        NotFound: none of this workload.
    """
    found = opt_ins(workload).filter(id=opt_in_id).first()
    if found is None:
        raise NotFound()
    return found


def metered_tier(workload: Workload, tier: str) -> TierGate:
    """The ceiling of a tier, with its gate.

    Raises:
        NotFound: the tier has none.
    """
    rows = TierGate.objects.filter(tenant=workload.tenant_id, workload=workload.id, tier__slug=tier)
    found = rows.select_related("tier", "gate", "workload").first()
    if found is None:
        raise NotFound(f"{workload.key} has no ceiling for a tier {tier!r}.")
    return found


def lines(ceilings: Sequence[TierGate], opt_ins: Sequence[MeteredOptIn], now: datetime) -> list[Line]:
    """The metered tiers among the ceilings, each with what is signed and what waits."""
    found = {(row.tier_id, row.standing(now)): row for row in reversed(opt_ins)}
    metered = [row for row in ceilings if row.pattern == Pattern.METERED]
    return [Line(row, found.get((row.tier_id, "granted")), found.get((row.tier_id, "asked"))) for row in metered]


def unended(workload: Workload) -> list[MeteredOptIn]:
    """At most two a tier."""
    return list(opt_ins(workload).filter(ended_at=None))


def what_ends(workload: Workload, now: datetime, tier: UserTier | None = None) -> str:
    """What a change of the gate, or of the tier's ceiling, does to opt-ins, before it is made; empty if nothing."""
    rows = list(open_ones(workload, now, tier).select_related("tier"))
    if not rows:
        return ""
    names = ", ".join(dict.fromkeys(row.tier.name for row in rows))
    change = "Another ceiling or pattern" if tier else f"A spend cap above {min(row.cap for row in rows):,.2f}"
    return f"{change} ends the signed opt-in of {names} to metered billing: it has to be asked for anew."


def may_end(workload: Workload, actor: Actor) -> bool:
    """A tenant admin, and whoever manages the workload."""
    return is_admin(actor) or may_ask(workload, actor)


def is_admin(actor: Actor) -> bool:
    by_role = Role.ADMIN in actor.roles and actor.allows("write") and actor.workloads is None
    return by_role or actor.kind == "operator"


def may_ask(workload: Workload, actor: Actor) -> bool:
    return permitted(workload.tenant_id, actor, "manage_workload").filter(id=workload.id).exists()
