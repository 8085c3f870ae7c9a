"""A tenant's own policies: tighter than the default, never looser (APPR-3)."""

from collections.abc import Sequence
from uuid import UUID

from apps.approvals import codec, queries, rules, subjects
from apps.approvals.models import ApprovalPolicy
from apps.approvals.rules import Slot
from apps.audit.actions import record
from apps.tenants.roles import APPROVERS, Role
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid
from portal.reasons import given

MOST_SEATS = 9


def set_policy(
    *,
    tenant_id: UUID,
    name: str,
    slots: Sequence[Slot],
    pending_days: int,
    granted_days: int,
    target_hours: int,
    expected_revision: int,
    reason: str,
    actor: Actor,
) -> ApprovalPolicy:
    """Replace a policy. Open requests keep the one they were asked under.

    Raises:
        Forbidden: only a tenant admin may.
        Invalid: looser than the default, or a slot that can't be; ``problems`` lists each.
        Conflict: somebody changed it since.
    """
    if Role.ADMIN not in actor.roles or not actor.is_person:
        raise Forbidden("right_missing", "Policies are set by a tenant admin.")
    given(reason)
    _check(tenant_id, subjects.default(name), slots, pending_days, granted_days, target_hours)
    before = queries.policy(tenant_id, name)
    if before.revision != expected_revision:
        raise Conflict("moved_since", "Somebody changed this policy since you looked; look again.")
    values = {
        "slots": codec.dump(slots),
        "pending_days": pending_days,
        "granted_days": granted_days,
        "target_hours": target_hours,
        "revision": expected_revision + 1,
    }
    stored = _write(tenant_id, name, values, expected_revision)
    record(
        actor=actor,
        action="approval.policy_set",
        obj=stored,
        before={"slots": codec.dump(before.slots), "revision": before.revision},
        after=values,
        reason=reason,
    )
    return stored


def _write(tenant_id: UUID, name: str, values: dict[str, object], expected: int) -> ApprovalPolicy:
    rows = ApprovalPolicy.objects.filter(tenant=tenant_id, name=name)
    if expected == 0:
        stored, created = ApprovalPolicy.objects.get_or_create(tenant_id=tenant_id, name=name, defaults=values)
        if not created:
            raise Conflict("moved_since", "Somebody set this policy since you looked; look again.")
        return stored
    if not rows.filter(revision=expected).update(**values):
        raise Conflict("moved_since", "Somebody changed this policy since you looked; look again.")
    return rows.get()


def _check(
    tenant_id: UUID,
    default: subjects.Default,
    slots: Sequence[Slot],
    pending_days: int,
    granted_days: int,
    target_hours: int,
) -> None:
    problems = [*rules.looser(slots, default.slots), *_slot_problems(tenant_id, slots, default)]
    for label, value, most in (
        ("Days that a request stays open", pending_days, default.pending_days),
        ("Days that an approval holds", granted_days, default.granted_days),
        ("Hours until a request counts as late", target_hours, default.target_hours),
    ):
        if not 1 <= value <= most:
            problems.append(f"{label}: 1 to {most}.")
    if problems:
        raise Invalid("policy_invalid", " ".join(problems), problems=problems)


def _slot_problems(tenant_id: UUID, slots: Sequence[Slot], default: subjects.Default) -> list[str]:
    teams = {team for team, _ in queries.teams(tenant_id)}
    # What an admin signs by default, an admin goes on to sign; nothing else becomes theirs.
    may_sign = APPROVERS.union(*(slot.roles for slot in default.slots))
    found = []
    names = [slot.name for slot in slots]
    if not slots or len(set(names)) < len(names):
        found.append("Name at least one slot, and each only once.")
    for slot in slots:
        if not slot.name.strip() or not 1 <= slot.count <= MOST_SEATS:
            found.append(f"{slot.name or 'A slot'}: give it a name and 1 to {MOST_SEATS} seats.")
        if not slot.roles or not slot.roles <= may_sign:
            found.append(f"{slot.name}: choose approvers' roles.")
        if slot.team and slot.team not in teams:
            found.append(f"{slot.name}: there is no such team.")
        if not slot.depends <= set(default.parts):
            found.append(f"{slot.name}: it can judge {', '.join(default.parts)}.")
    return found
