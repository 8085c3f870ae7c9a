"""Tenants come to be, people join and leave, teams form. Tenants are made by the platform operator alone."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from apps.accounts.models import Session, User
from apps.accounts.sessions import name_of
from apps.audit.actions import record
from apps.tenants.leaving import take_back
from apps.tenants.models import ConfigVersion, EndedSession, Membership, Team, TeamMember, Tenant
from apps.tenants.roles import Role, has_right
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, Refused
from portal.ids import uuid7
from portal.reasons import given
from portal.tenancy.context import tenant_transaction


def create_tenant(*, slug: str, name: str, actor: Actor, time_zone: str = "UTC") -> Tenant:
    """A new, empty tenant, with its audit chain begun."""
    tenant = Tenant(id=uuid7(), slug=slug, name=name, time_zone=known_zone(time_zone))
    with tenant_transaction(tenant.id):
        _insert(tenant)
        ConfigVersion.objects.create(tenant=tenant)
        record(actor=actor, action="tenant.created", obj=tenant, after={"slug": slug, "name": name})
    return tenant


def add_member(*, tenant_id: UUID, user: User, roles: Iterable[str], actor: Actor) -> Membership:
    """Let ``user`` in, or let them back in, with exactly ``roles``."""
    wanted = known_roles(roles)
    member, created = Membership.objects.get_or_create(tenant_id=tenant_id, user=user, defaults={"roles": wanted})
    before = None if created or member.ended_at else {"roles": sorted(member.roles)}
    member.roles, member.ended_at = wanted, None
    member.save(update_fields=["roles", "ended_at"])
    record(
        actor=actor,
        action="member.added",
        obj=member,
        before=before,
        after={"user": user.email, "roles": wanted},
    )
    return member


def set_roles(*, member: Membership, roles: Iterable[str], actor: Actor) -> Membership:
    """Give a member exactly these roles, from the next request on; the tenant keeps an admin.

    Raises:
        Forbidden: only a tenant admin may.
        Refused: it would take the role from the last admin.
    """
    if Role.ADMIN not in actor.roles:
        raise Forbidden("right_missing", "Roles are given by a tenant admin.")
    wanted = known_roles(roles)
    _keep_an_admin(member, Role.ADMIN in wanted)
    before = sorted(Membership.objects.values_list("roles", flat=True).get(tenant=member.tenant_id, id=member.id))
    if before == wanted:
        return member
    Membership.objects.filter(tenant=member.tenant_id, id=member.id).update(roles=wanted)
    member.roles = wanted
    record(actor=actor, action="member.roles_set", obj=member, before={"roles": before}, after={"roles": wanted})
    return member


def end_membership(*, member: Membership, actor: Actor, now: datetime, reason: str = "") -> None:
    """Shut a member out at once, and take back what they were given; the tenant's last admin can't be."""
    _keep_an_admin(member, False)
    member.ended_at = now
    member.save(update_fields=["ended_at"])
    before = {"roles": sorted(member.roles), **take_back(member)}
    record(actor=actor, action="member.ended", obj=member, before=before, reason=reason)


def end_session_here(*, tenant_id: UUID, session: Session, actor: Actor, reason: str = "") -> None:
    """The session counts in this tenant no more. Elsewhere it is none of this tenant's business, and goes on.

    Raises:
        Forbidden: without the right ``member.manage``, unless a platform operator does it.
    """
    if actor.kind != "operator" and not has_right(actor, "member.manage"):
        raise Forbidden("right_missing", "Sessions of others are ended by a tenant admin.")
    assert session.user_id is not None, "somebody is signed in there"
    name = name_of(session.session_key)
    ended, created = EndedSession.objects.get_or_create(
        tenant_id=tenant_id, session=name, defaults={"user_id": session.user_id}
    )
    if created:
        after = {"user": str(session.user), "address": session.address, "agent": session.agent}
        record(actor=actor, action="member.session_ended", obj=ended, after=after, reason=reason)


def create_team(*, tenant_id: UUID, slug: str, name: str, actor: Actor) -> Team:
    """
    Raises:
        Refused: another team of the tenant has this address.
    """
    try:
        with transaction.atomic():
            team = Team.objects.create(tenant_id=tenant_id, slug=slug, name=name)
    except IntegrityError as error:
        raise Refused("team_taken", f"There is a team {slug!r} already; choose another name.") from error
    record(actor=actor, action="team.created", obj=team, after={"slug": slug, "name": name})
    return team


def limit_rollouts(*, team: Team, at_once: int, actor: Actor, reason: str) -> Team:
    """How many rollouts a team carries at once (ROLL-9).

    Raises:
        Invalid: not between 1 and 20, or no reason.
    """
    if not 1 <= at_once <= 20:
        raise Invalid("at_once", "A team carries 1 to 20 rollouts at once.")
    why, before = given(reason), Team.objects.values_list("rollouts_at_once", flat=True).get(id=team.id)
    Team.objects.filter(tenant=team.tenant_id, id=team.id).update(rollouts_at_once=at_once)
    team.rollouts_at_once = at_once
    values = {"before": {"rollouts_at_once": before}, "after": {"rollouts_at_once": at_once}}
    record(actor=actor, action="team.rollouts_limited", obj=team, reason=why, **values)
    return team


def join_team(*, team: Team, member: Membership, actor: Actor) -> TeamMember:
    joined, created = TeamMember.objects.get_or_create(tenant_id=team.tenant_id, team=team, membership=member)
    if created:
        record(actor=actor, action="team.joined", obj=team, after={"member": str(member.user_id)})
    return joined


def bump_config(tenant_id: UUID) -> None:
    """Tell the decision path, in the same transaction, that something it depends on has changed."""
    ConfigVersion.objects.filter(tenant=tenant_id).update(version=F("version") + 1)


def _insert(tenant: Tenant) -> None:
    try:
        with transaction.atomic():
            tenant.save(force_insert=True)
    except IntegrityError as error:
        raise Refused("slug_taken", f"The address {tenant.slug!r} is taken; choose another.") from error


def _keep_an_admin(member: Membership, stays_admin: bool) -> None:
    """Under the lock of all admins, so that two who shut each other out at once can't both succeed."""
    admins = list(_admins(member.tenant_id).select_for_update(of=("self",)).order_by("id"))
    if not stays_admin and [admin.id for admin in admins] == [member.id]:
        raise Refused("last_admin", "This is the tenant's last admin; make somebody else admin first.")


def _admins(tenant_id: UUID) -> QuerySet[Membership]:
    return Membership.objects.filter(tenant=tenant_id, ended_at=None, roles__contains=[Role.ADMIN])


def known_roles(roles: Iterable[str]) -> list[str]:
    """The roles, each once, in order.

    Raises:
        Invalid: one that doesn't exist.
    """
    wanted = sorted(set(roles))
    unknown = [role for role in wanted if role not in Role.values]
    if unknown:
        raise Invalid("role_unknown", f"Unknown role {unknown[0]!r}; one of {', '.join(Role.values)}.")
    return wanted


def set_time_zone(*, user: User, zone: str, actor: Actor) -> None:
    """Where somebody is; empty takes the tenant's zone.

    Raises:
        Forbidden: somebody else's, or in a session that counts in one tenant alone, since a person has one zone.
        Invalid: no such zone.
    """
    if actor.user_id != user.id or actor.is_limited:
        raise Forbidden("not_yours", "Everybody sets their own, signed in with their password.")
    user.time_zone = known_zone(zone) if zone else ""
    user.save(update_fields=["time_zone"])
    record(actor=actor, action="person.zone_set", obj=user, after={"time_zone": zone})


def known_zone(name: str) -> str:
    """The name of an IANA time zone, as it was given.

    Raises:
        Invalid: there is none of this name.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("zone_unknown", f"{name[:60]!r} is no IANA time zone; write it like Europe/Berlin.") from error
    return name
