"""The kernel's questions about people and tenants (:class:`portal.directory.Directory`)."""

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from apps.accounts import queries as tokens
from apps.accounts import secondfactor, signin
from apps.accounts.models import User
from apps.audit import queries as trail
from apps.audit.actions import record
from apps.tenants import queries
from apps.tenants.models import Membership, Tenant
from apps.tenants.roles import Role
from portal.actor import Actor
from portal.directory import Change
from portal.errors import Forbidden, ProviderNeeded, Unauthorised
from portal.signin import SignIn
from portal.tenancy.context import active_tenant, tenant_transaction


def find_tenant(slug: str) -> Tenant | None:
    return queries.tenant_by_slug(slug)


def sign_in(request: HttpRequest) -> SignIn:
    return signin.read(request)


def actor_for_user(user: User, tenant: Tenant, sign_in: SignIn) -> Actor | None:
    """The wall between a person's tenants: whatever vouched for the session has to count in this one.

    Raises:
        ProviderNeeded: a member who came with a password, where the tenant's provider is the only way in.
        Forbidden: an admin of this tenant ended the session here.
    """
    if not sign_in.reaches(tenant.id):
        return None
    found: Any = queries.membership_of_session(tenant.id, user.id, sign_in)
    if found is None or (sign_in.is_limited and not found.is_bound):
        return None
    if found.is_ended_here:
        raise Forbidden("session_ended", "An admin ended this session for this tenant. Sign out, and in again.")
    # Admins keep their passwords: a provider that is set up wrongly, or is down, is mended by somebody who gets in.
    if found.has_only_way and not sign_in.is_limited and Role.ADMIN not in found.roles:
        raise ProviderNeeded("provider_needed", f"{tenant.name} is entered through its own sign-in.", slug=tenant.slug)
    return person(found, user, is_strong=sign_in.is_strong, is_limited=sign_in.is_limited)


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


def operates(user: User, sign_in: SignIn) -> bool:
    return user.is_staff and not sign_in.is_limited


def administers(user: User, sign_in: SignIn) -> bool:
    mine = (membership for membership in queries.memberships_of(user.id) if sign_in.reaches(membership.tenant_id))
    return any(Role.ADMIN in membership.roles for membership in mine)


def may_administer(user: User, tenant: Tenant, sign_in: SignIn) -> bool:
    """A platform operator any tenant, a tenant's own admin theirs."""
    if operates(user, sign_in):
        return True
    found = actor_for_user(user, tenant, sign_in)
    return found is not None and Role.ADMIN in found.roles


def lacks_second_factor(sign_in: SignIn) -> bool:
    return secondfactor.is_missing(settings.SECOND_FACTOR, sign_in.is_strong)


def note_account(user: User, action: str, after: dict[str, Any]) -> None:
    """A transaction each, since one belongs to one tenant; inside a tenant's own, to that one."""
    if active_tenant() is not None:
        record(actor=account_holder(user), action=action, obj=user, after=after)
        return
    for membership in queries.memberships_of(user.id):
        with tenant_transaction(membership.tenant_id):
            record(actor=account_holder(user), action=action, obj=user, after=after)


def names_around(user: User) -> list[str]:
    tenants = [membership.tenant for membership in queries.memberships_of(user.id)]
    return [name for tenant in tenants for name in (tenant.name, tenant.slug)]


def note_message(message: Any, actor: Actor, before: dict[str, Any], reason: str) -> None:
    after = {"topic": message.topic, "key": message.key}
    record(actor=actor, action="message.requeued", obj=message, before=before, after=after, reason=reason)


def last_changes(tenant_id: UUID, actions: set[str], rows: set[str]) -> dict[str, Change]:
    found = trail.latest(tenant_id, actions, rows)
    reasons = ((row, json.loads(row.body).get("reason", "")) for row in found)
    return {row.object_id: Change(row.actor, row.at, reason) for row, reason in reasons}


def note_admin_session(tenant: Tenant, actor: Actor, what: str, reason: str) -> None:
    record(actor=actor, action=f"operator.session_{what}", obj=tenant, reason=reason)


def account_holder(user: User) -> Actor:
    return Actor(kind="person", id=user.id, user_id=user.id, label=user.email)


def person(membership: Membership, user: Any, *, is_strong: bool = False, is_limited: bool = False) -> Actor:
    return Actor(
        kind="person",
        id=user.id,
        user_id=user.id,
        label=user.email,
        roles=frozenset(membership.roles),
        teams=frozenset(row.team_id for row in membership.teams.all()),
        is_strong=is_strong,
        is_limited=is_limited,
    )


def service(token: tokens.LiveToken, **owner: Any) -> Actor:
    return Actor(kind="service", id=token.id, label=token.name, scopes=token.scopes, workloads=token.workloads, **owner)
