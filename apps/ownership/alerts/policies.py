"""Escalation policies: a team's own, or the one that each has until it writes its own (CALL-3)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.audit.actions import record
from apps.ownership import schedule as rules
from apps.ownership.access import refuse_strangers
from apps.ownership.alerts import codec, escalation
from apps.ownership.alerts.escalation import Aim, Policy, Step, Target
from apps.ownership.alerts.scene import Scene, scene, usable
from apps.ownership.models import Alert, EscalationPolicy, PolicyVersion
from apps.ownership.models.alerts import Severity
from apps.tenants.models import Membership, Team
from apps.tenants.roles import Role
from portal.actor import Actor
from portal.errors import Conflict, Invalid

_MINUTES = timedelta(minutes=1)
OF_A_TEAM = Policy(
    steps=(
        Step((Target(Aim.ROTA, "1"),), 5 * _MINUTES),
        Step((Target(Aim.ROTA, "2"),), 5 * _MINUTES),
        Step((Target(Aim.OWNER),), 10 * _MINUTES),
        Step((Target(Aim.ROLE, Role.OPS_LEAD),), 10 * _MINUTES),
    ),
    repeats=1,
)
# What nobody else answers for: unowned workloads, and policies that reach nobody.
CATCH_ALL = Policy(
    steps=(
        Step((Target(Aim.ROLE, Role.OPS_LEAD),), 10 * _MINUTES),
        Step((Target(Aim.ROLE, Role.ADMIN),), 10 * _MINUTES),
    ),
    repeats=2,
)
CATCHES = Step((Target(Aim.ROLE, Role.OPS_LEAD), Target(Aim.ROLE, Role.ADMIN)), 10 * _MINUTES)


def current(tenant_id: UUID, team_id: UUID | None) -> PolicyVersion:
    """What holds for a team's alerts now; made from the usual one at the first look."""
    found = _newest(tenant_id, team_id)
    if found is not None:
        return found
    try:
        with transaction.atomic():
            policy = EscalationPolicy.objects.create(tenant_id=tenant_id, team_id=team_id)
            return _write(policy, 1, OF_A_TEAM if team_id else CATCH_ALL, Severity.WARNING, None)
    except IntegrityError:
        # Somebody else made it in this instant, and has committed.
        made = _newest(tenant_id, team_id)
        assert made is not None, "the constraint says that there is one"
        return made


def as_policy(version: PolicyVersion) -> Policy:
    return codec.to_policy(version.steps, version.repeats, version.ack_timeout)


def set_policy(*, team: Team, policy: Policy, wakes: Severity, actor: Actor, now: datetime) -> PolicyVersion:
    """Give a team its policy; alerts that are open keep the one they opened under.

    Raises:
        Forbidden: not of the team, and without the right.
        Invalid: a length out of bounds, a target that isn't there, or a policy whose every step is empty.
        Conflict: somebody else changed it in this instant.
    """
    refuse_strangers(actor, team.id)
    check(team, policy, now)
    former = current(team.tenant_id, team.id)
    try:
        with transaction.atomic():
            made = _write(former.policy, former.number + 1, policy, wakes, actor.user_id)
    except IntegrityError as error:
        raise Conflict("changed_since", "Somebody changed this policy just now; look at theirs first.") from error
    before = {"steps": former.steps, "repeats": former.repeats, "ack_timeout": former.ack_timeout}
    after = {"steps": made.steps, "repeats": made.repeats, "ack_timeout": made.ack_timeout, "wakes": made.wakes}
    record(actor=actor, action="escalation.policy_set", obj=made, before=before, after=after)
    return made


def check(team: Team, policy: Policy, now: datetime) -> None:
    """
    Raises:
        Invalid: a length out of bounds, a target that isn't there, or a policy whose every step is empty.
    """
    _known_targets(team, policy)
    reaches = could_reach(team, scene(team.tenant_id, [Alert(tenant_id=team.tenant_id, team=team)], now), now)
    problems = escalation.shortcomings(policy, [reaches(step) for step in policy.steps])
    if problems:
        raise Invalid("policy", " ".join(problems), problems=problems)


def could_reach(team: Team, found: Scene, now: datetime) -> Callable[[Step], bool]:
    """Says of a step whether it could wake anybody in the month ahead, by a rota or right now."""
    end = now + timedelta(days=30)
    turns = {
        rank: any(duty.people for duty in rules.final(schedule, now, end))
        for (team_id, rank), schedule in found.rotas.items()
        if team_id == team.id
    }

    def one(target: Target) -> bool:
        if target.aim is Aim.ROTA:
            return turns.get(int(target.value), False)
        if target.aim is Aim.ROLE:
            return any(target.value in roles for _, roles in found.people.values())
        if target.aim is Aim.PERSON:
            return UUID(target.value) in found.people
        return target.aim is Aim.OWNER or UUID(target.value) in found.channels

    return lambda step: any(one(target) for target in step.targets)


def _known_targets(team: Team, policy: Policy) -> None:
    """Every target is one, once a step: a rank, a role, a member, a channel of this team."""
    if any(len(set(step.targets)) < len(step.targets) for step in policy.steps):
        raise Invalid("target", "A step names each of its targets once.")
    mine = {str(channel.id) for channel in usable(team.tenant_id) if channel.team_id == team.id}
    for target in (target for step in policy.steps for target in step.targets):
        if target.aim is Aim.ROTA and target.value not in {"1", "2", "3", "4", "5"}:
            raise Invalid("target", "A rota is named by its rank, 1 to 5.")
        if target.aim is Aim.ROLE and target.value not in Role.values:
            raise Invalid("target", f"There is no role {target.value!r}.")
        if target.aim is Aim.PERSON:
            rows = Membership.objects.filter(tenant=team.tenant_id, user=UUID(target.value), ended_at=None)
            if not rows.exists():
                raise Invalid("target", "A step can only wake a member of this tenant.")
        if target.aim is Aim.CHANNEL and target.value not in mine:
            raise Invalid("target", "A step can only use a verified channel of its own team.")


def _newest(tenant_id: UUID, team_id: UUID | None) -> PolicyVersion | None:
    rows = PolicyVersion.objects.filter(tenant=tenant_id)
    rows = rows.filter(policy__team=team_id) if team_id else rows.filter(policy__team__isnull=True)
    return rows.select_related("policy").order_by("-number").first()


def _write(policy: EscalationPolicy, number: int, what: Policy, wakes: Severity, by_id: UUID | None) -> PolicyVersion:
    return PolicyVersion.objects.create(
        tenant_id=policy.tenant_id,
        policy=policy,
        number=number,
        steps=codec.to_steps(what),
        delays=[int(step.delay.total_seconds()) for step in what.steps],
        repeats=what.repeats,
        ack_timeout=int(what.ack_timeout.total_seconds()) if what.ack_timeout else None,
        wakes=wakes,
        by_id=by_id,
    )
