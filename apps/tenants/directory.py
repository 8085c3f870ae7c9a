"""The kernel's questions about people and tenants (:class:`portal.directory.Directory`)."""

from typing import Any

from apps.accounts import queries as tokens
from apps.accounts.models import User
from apps.audit.actions import record
from apps.tenants import queries
from apps.tenants.models import Membership, Tenant
from apps.tenants.roles import Role
from portal.actor import Actor
from portal.errors import Unauthorised
from portal.tenancy.context import tenant_transaction


def find_tenant(slug: str) -> Tenant | None:
    return queries.tenant_by_slug(slug)


def actor_for_user(user: User, tenant: Tenant) -> Actor | None:
    found = queries.membership(tenant.id, user.id)
    return person(found, user) if found else None


def actor_for_token(raw: str) -> tuple[Tenant, Actor]:
    """A token acts with its scopes; one that belongs to a person loses its power with their membership."""
    token = tokens.live_token(raw)
    tenant = Tenant.objects.get(id=token.tenant_id)
    if token.user_id is None:
        return tenant, service(token)
    with tenant_transaction(tenant.id):
        membership = queries.membership(tenant.id, token.user_id)
    if membership is None:
        raise Unauthorised("token_owner_gone", "The person this token belongs to is no longer a member.")
    owner = person(membership, membership.user)
    return tenant, service(token, roles=owner.roles, user_id=owner.user_id, teams=owner.teams)


def administers(user: User) -> bool:
    return any(Role.ADMIN in membership.roles for membership in queries.memberships_of(user.id))


def may_administer(user: User, tenant: Tenant) -> bool:
    """A platform operator any tenant, a tenant's own admin theirs."""
    if user.is_staff:
        return True
    found = queries.membership(tenant.id, user.id)
    return found is not None and Role.ADMIN in found.roles


def note_admin_session(tenant: Tenant, actor: Actor, what: str, reason: str) -> None:
    record(actor=actor, action=f"operator.session_{what}", obj=tenant, reason=reason)


def person(membership: Membership, user: Any) -> Actor:
    return Actor(
        kind="person",
        id=user.id,
        user_id=user.id,
        label=user.email,
        roles=frozenset(membership.roles),
        teams=frozenset(row.team_id for row in membership.teams.all()),
    )


def service(token: tokens.LiveToken, **owner: Any) -> Actor:
    return Actor(kind="service", id=token.id, label=token.name, scopes=token.scopes, workloads=token.workloads, **owner)
