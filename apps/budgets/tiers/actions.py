"""Tiers are renamed and made the default; users are put into one, many at once by a file, and taken out again (COST-1).

What somebody has used this month stays used: it counts against the ceiling of the tier that they are in now.
"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from apps.accounts.models import User
from apps.audit.actions import record
from apps.budgets.actions import Ceiling, create_tier, put_subject, set_ceiling
from apps.budgets.completeness import AtCeiling, pattern_gap
from apps.budgets.gates import policy_of
from apps.budgets.models import Subject, TierGate, UserTier
from apps.budgets.rules import Pattern
from apps.budgets.tiers.reading import LONGEST_USER, Line, refusal
from apps.tenants.models import Tenant
from apps.tenants.queries import members
from portal.actor import Actor
from portal.errors import Invalid
from portal.pseudonyms import user_key
from portal.tenancy.locks import one_at_a_time


def change_tier(*, tier: UserTier, actor: Actor, name: str | None = None, is_default: bool | None = None) -> UserTier:
    """Another name, or the tier that everybody has from now on whom nobody put elsewhere. Its slug stays.

    Raises:
        Invalid: no name, or none would be the default any more.
    """
    rows = UserTier.objects.filter(tenant=tier.tenant_id)
    held = next(row for row in rows.select_for_update().order_by("id") if row.id == tier.id)
    before = {"name": held.name, "default": held.is_default}
    if is_default is False and held.is_default:
        raise Invalid("is_default", "Make another tier the default; there is always one.")
    held.name = held.name if name is None else name.strip()[:60]
    if not held.name:
        raise Invalid("name", "Give it a name.")
    held.is_default = bool(held.is_default or is_default)
    after = {"name": held.name, "default": held.is_default}
    if after == before:
        return held
    if held.is_default:
        rows.filter(is_default=True).exclude(id=held.id).update(is_default=False)
    held.save(update_fields=["name", "is_default"])
    record(actor=actor, action="budget.tier_changed", obj=held, before=before, after=after)
    return held


def add_tier(
    *, tenant_id: UUID, slug: str, name: str, like: UserTier | None, actor: Actor, is_free: bool = False
) -> UserTier:
    """Add a tier with the ceilings that another one has, so that every gate that is complete stays so (COST-9).

    Where it may not have the other one's pattern it gets a hard cap; an opt-in to metered billing isn't taken over.

    Raises:
        Refused: there is one of that name, or there are a dozen.
    """
    tier = create_tier(tenant_id=tenant_id, slug=slug, name=name, is_free=is_free, actor=actor)
    rows = TierGate.objects.filter(tenant=tenant_id, tier=like).select_related("gate__workload") if like else []
    for row in rows:
        there = AtCeiling(row.ceiling, Pattern(row.pattern), row.disclosure)
        may = pattern_gap(policy_of(row.gate.workload), name, is_free, there) is None
        wanted = Ceiling(row.ceiling, there.pattern if may else Pattern.HARD, row.disclosure, row.thresholds)
        # Taken over, not sized: how old the gate's sizes are stays as it is (COST-8).
        set_ceiling(gate=row.gate, tier=tier, ceiling=wanted, actor=actor, now=row.gate.sized_at)
    return tier


def put_user(*, tier: UserTier, user: str, label: str, member: User | None, actor: Actor) -> Subject:
    """Put a user into a tier, by their id as the application names them; only its pseudonym is kept.

    Raises:
        Invalid: nobody, or too long an id.
    """
    if not user.strip() or len(user) > LONGEST_USER:
        raise Invalid("user", f"Say which user, in at most {LONGEST_USER} characters.")
    key = user_key(tier.tenant_id, user.strip())
    return put_subject(tier=tier, user_key=key, label=label.strip(), member=member, actor=actor)


def remove_user(*, subject: Subject, actor: Actor) -> None:
    """They have what everybody has from the next call on; their name and their member go with it."""
    record(
        actor=actor,
        action="budget.user_removed",
        obj=subject,
        before={"user": subject.user_key, "tier": subject.tier.slug, "label": subject.label},
    )
    Subject.objects.filter(tenant=subject.tenant_id, id=subject.id).delete()


def import_users(*, tenant_id: UUID, lines: Sequence[Line], actor: Actor) -> int:
    """Put everybody into their tier whom the file names; who stands there is put anew. Returns how many.

    Raises:
        Invalid: a tier or a member that isn't there; ``problems`` names each line, and nothing is changed.
    """
    one_at_a_time(tenant_id, "budgets.users")
    tiers = {tier.slug: tier for tier in UserTier.objects.filter(tenant=tenant_id)}
    people = {row.user.email.lower(): row.user for row in members(tenant_id)}
    problems = [f"Line {line.number}: {said}" for line in lines for said in _problems(line, tiers, people)]
    if problems:
        raise refusal(problems)
    rows = [
        Subject(
            tenant_id=tenant_id,
            user_key=user_key(tenant_id, line.user),
            label=line.label,
            tier=tiers[line.tier],
            member=people.get(line.member),
        )
        for line in lines
    ]
    Subject.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["tenant", "user_key"], update_fields=["label", "tier", "member"]
    )
    after = {"by_tier": dict(Counter(line.tier for line in lines)), "users": {r.user_key: r.tier.slug for r in rows}}
    record(actor=actor, action="budget.users_imported", obj=Tenant.objects.get(id=tenant_id), after=after)
    return len(rows)


def _problems(line: Line, tiers: dict[str, UserTier], people: dict[str, User]) -> list[str]:
    wrong = [] if line.tier in tiers else [f"there is no tier {line.tier[:40]!r}."]
    if line.member and line.member not in people:
        wrong.append(f"{line.member[:80]!r} is no member of this tenant.")
    return wrong
