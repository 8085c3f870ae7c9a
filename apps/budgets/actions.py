"""Setting gates: tiers, ceilings, patterns, the spend cap, the brake, the opt-in (COST-1, COST-2, COST-7, COST-10).

The decision path knows whether a gate is complete (COST-9): what may change that moves the configuration version.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.accounts.models import User
from apps.audit.actions import record
from apps.budgets.completeness import AtCeiling, pattern_gap
from apps.budgets.gates import policy_of
from apps.budgets.metered import terms
from apps.budgets.models import (
    MOST_TOKENS,
    Closure,
    CostGate,
    Subject,
    TierGate,
    UserTier,
)
from apps.budgets.rules import THRESHOLDS, Pattern
from apps.tenants.actions import bump_config
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Invalid, Refused

MOST_MONEY = Decimal(1_000_000_000)
MOST_TIERS = 12
STANDARD_TIERS = (("free", "Free", True), ("standard", "Standard", False), ("premium", "Premium", False))


@dataclass(frozen=True, slots=True)
class Brake:
    """Limits on one request and on one session (COST-10); None doesn't brake."""

    request_calls: int | None = None
    request_tokens: int | None = None
    request_money: Decimal | None = None
    session_calls: int | None = None
    session_tokens: int | None = None
    session_money: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What one tier may use in a month, and what happens then."""

    tokens: int
    pattern: Pattern
    disclosure: str = ""
    thresholds: Sequence[int] = THRESHOLDS


def create_tier(
    *, tenant_id: UUID, slug: str, name: str, actor: Actor, is_free: bool = False, is_default: bool = False
) -> UserTier:
    """Add a tier. The first is what everybody has whom nobody puts elsewhere.

    Raises:
        Refused: there is one of that name, or there are a dozen.
    """
    rows = UserTier.objects.filter(tenant=tenant_id)
    known = list(rows.select_for_update())
    if len(known) >= MOST_TIERS:
        raise Refused("too_many", f"{MOST_TIERS} tiers are enough.")
    if any(tier.slug == slug for tier in known):
        raise Refused("tier_exists", f"There is a tier {slug!r} already.")
    is_default = is_default or not known
    if is_default:
        rows.filter(is_default=True).update(is_default=False)
    tier = UserTier.objects.create(tenant_id=tenant_id, slug=slug, name=name, is_free=is_free, is_default=is_default)
    bump_config(tenant_id)
    record(
        actor=actor, action="budget.tier_added", obj=tier, after={"slug": slug, "free": is_free, "default": is_default}
    )
    return tier


def put_subject(*, tier: UserTier, user_key: str, actor: Actor, label: str = "", member: User | None = None) -> Subject:
    """Put a user into a tier; what they have used this month stays used (COST-1).

    Raises:
        Invalid: nobody, or the person isn't a member here.
    """
    if not user_key:
        raise Invalid("user", "Say which user.")
    here = Membership.objects.filter(tenant=tier.tenant_id, user=member, ended_at=None)
    if member is not None and not here.exists():
        raise Invalid("member", "Only a member of this tenant can see a budget as their own.")
    subject, _ = Subject.objects.update_or_create(
        tenant_id=tier.tenant_id,
        user_key=user_key,
        defaults={"tier": tier, "label": label[:200], "member": member},
    )
    record(actor=actor, action="budget.user_put", obj=subject, after={"tier": tier.slug, "label": label[:200]})
    return subject


def set_gate(
    *, workload: Workload, spend_cap: Decimal, billing_contact: User, brake: Brake, actor: Actor, now: datetime
) -> CostGate:
    """Set the workload's spend cap and brake; said again it is sized anew (COST-8). A higher cap ends opt-ins to
    metered billing: nobody signed for that much.

    Raises:
        Invalid: a negative or absurd figure, a contact who is no member; nothing is changed.
    """
    _check_money("spend_cap", spend_cap)
    _check_brake(brake)
    if not Membership.objects.filter(tenant=workload.tenant_id, user=billing_contact, ended_at=None).exists():
        raise Invalid("billing_contact", "The billing contact has to be a member of this tenant.")
    with terms.held_to(workload, actor, now):
        return _write_gate(workload, spend_cap, billing_contact, brake, actor, now)


def _write_gate(
    workload: Workload, spend_cap: Decimal, billing_contact: User, brake: Brake, actor: Actor, now: datetime
) -> CostGate:
    fields = {"spend_cap": spend_cap, "billing_contact": billing_contact, "sized_at": now, **asdict(brake)}
    gate = CostGate.objects.select_for_update(of=("self",)).filter(tenant=workload.tenant_id, workload=workload).first()
    before = _said(gate) if gate else None
    if gate is None:
        gate = CostGate.objects.create(tenant_id=workload.tenant_id, workload=workload, **fields)
    else:
        for name, value in fields.items():
            setattr(gate, name, value)
        gate.revision += 1
        gate.save(update_fields=[*fields, "revision"])
    bump_config(workload.tenant_id)
    record(actor=actor, action="budget.gate_set", obj=gate, before=before, after=_said(gate))
    return gate


def set_ceiling(*, gate: CostGate, tier: UserTier, ceiling: Ceiling, actor: Actor, now: datetime) -> TierGate:
    """Set what a tier may use of the gate's workload; what was used this month stays used. Another ceiling or pattern
    ends the tier's opt-in to metered billing.

    Raises:
        Invalid: an absurd ceiling or thresholds out of order; nothing is changed.
        Refused: a pattern that this tier or workload can't have (COST-2, COST-7).
    """
    _check_ceiling(ceiling)
    refuse_pattern(gate.workload, tier, ceiling)
    with terms.held_to(gate.workload, actor, now, tier):
        return _write_ceiling(gate, tier, ceiling, actor, now)


def _write_ceiling(gate: CostGate, tier: UserTier, ceiling: Ceiling, actor: Actor, now: datetime) -> TierGate:
    fields = {
        "ceiling": ceiling.tokens,
        "pattern": ceiling.pattern,
        "disclosure": ceiling.disclosure.strip(),
        "thresholds": list(ceiling.thresholds),
    }
    rows = TierGate.objects.select_for_update(of=("self",)).filter(
        tenant=gate.tenant_id, workload=gate.workload_id, tier=tier
    )
    found = rows.first()
    before = {name: getattr(found, name) for name in fields} if found else None
    row, _ = TierGate.objects.update_or_create(
        tenant_id=gate.tenant_id, workload_id=gate.workload_id, tier=tier, defaults={**fields, "gate": gate}
    )
    CostGate.objects.filter(tenant=gate.tenant_id, id=gate.id).update(sized_at=now)
    bump_config(gate.tenant_id)
    after = {"workload": gate.workload.key, "tier": tier.slug, **fields}
    record(actor=actor, action="budget.ceiling_set", obj=row, before=before, after=after)
    return row


def refuse_pattern(workload: Workload, tier: UserTier, ceiling: Ceiling) -> None:
    """Why this pattern can't be had here, if it can't (:func:`apps.budgets.completeness.pattern_gap`).

    Raises:
        Refused: the reason, with what to do.
    """
    wanted = AtCeiling(ceiling.tokens, ceiling.pattern, ceiling.disclosure)
    gap = pattern_gap(policy_of(workload), tier.name, tier.is_free, wanted)
    if gap is not None:
        raise Refused(gap.kind.value, gap.what)


def open_admissions(*, closure: Closure, actor: Actor, reason: str, now: datetime) -> None:
    """Let a token in again that spent more than it held (COST-4).

    Raises:
        Invalid: no reason.
        Refused: it is open.
    """
    if not reason.strip():
        raise Invalid("reason", "Say why it may go on.")
    rows = Closure.objects.filter(tenant=closure.tenant_id, id=closure.id, opened_at=None)
    if not rows.update(opened_at=now, opened_by=actor.label[:200], reason=reason.strip()[:500]):
        raise Refused("is_open", "Somebody opened it already.")
    record(actor=actor, action="budget.admissions_opened", obj=closure, reason=reason.strip()[:500])


def _check_money(name: str, amount: Decimal) -> None:
    if not amount.is_finite() or not 0 <= amount <= MOST_MONEY:
        raise Invalid(name, f"{name} has to be from 0 to {MOST_MONEY:,}.")


def _check_brake(brake: Brake) -> None:
    for name, limit in asdict(brake).items():
        if limit is None:
            continue
        if isinstance(limit, Decimal):
            _check_money(name, limit)
        elif not 1 <= limit <= MOST_TOKENS:
            raise Invalid(name, f"{name} has to be from 1 to {MOST_TOKENS:,}; leave it empty to set no limit.")


def _check_ceiling(ceiling: Ceiling) -> None:
    if not 1 <= ceiling.tokens <= MOST_TOKENS:
        raise Invalid("ceiling", f"The ceiling has to be from 1 to {MOST_TOKENS:,} tokens a month.")
    if len(ceiling.disclosure) > 500:
        raise Invalid("disclosure", "The disclosure has at most 500 characters.")
    notice, banner, last = (*ceiling.thresholds, 0, 0, 0)[:3]
    if len(ceiling.thresholds) != 3 or not 50 <= notice < banner < last <= 100:
        raise Invalid("thresholds", "Three thresholds, rising, from 50 to 100: nothing is said below 50 % (COST-3).")


def _said(gate: CostGate) -> dict[str, object]:
    """The gate as the trail tells it."""
    names = ["spend_cap", *Brake.__dataclass_fields__]
    return {
        "workload": gate.workload.key,
        "billing_contact": gate.billing_contact.email,
        **{name: str(value) if isinstance(value := getattr(gate, name), Decimal) else value for name in names},
    }
