"""A tenant's own sign-in: set up, tested, taken away; and whom it lets in.

Whoever runs the provider can make it assert any address. So it vouches inside its tenant alone, for people who are
members or invited there already, and it is the provider's subject that is bound to a person at the first sign-in, not
the address (docs/decisions/0007-sign-in-through-a-tenants-provider.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_domain_name

from apps.accounts import secondfactor
from apps.accounts.models import User
from apps.audit.actions import record
from apps.tenants import invitations, queries
from apps.tenants.directory import account_holder
from apps.tenants.models import Invitation, ProviderIdentity, SignInProvider
from apps.tenants.roles import has_right
from portal import outbound, secrets
from portal.actor import Actor
from portal.errors import Forbidden, Invalid


@dataclass(frozen=True, slots=True)
class Admitted:
    user: User
    identity: ProviderIdentity
    is_strong: bool


def set_provider(
    *,
    tenant_id: UUID,
    issuer: str,
    client_id: str,
    client_secret: str,
    domains: list[str],
    enforces_mfa: bool,
    is_only_way: bool,
    actor: Actor,
) -> SignInProvider:
    """Set the tenant's provider. An empty secret keeps the one that is stored.

    With another issuer or client, who was bound to the former one is bound no more, and sessions through it end.

    Raises:
        Forbidden: only a tenant admin may.
        Invalid: no such address, no domain, or no secret.
    """
    _refuse_others(actor)
    outbound.check(issuer)
    known = queries.provider(tenant_id)
    if not client_secret and known is None:
        raise Invalid("client_secret", "Enter the client secret that the provider gave you.")
    if not client_id.strip():
        raise Invalid("client_id", "Enter the client id that the provider gave you.")
    found = known or SignInProvider(tenant_id=tenant_id)
    before = _facts(known) if known else None
    found.issuer, found.client_id, found.domains = issuer.strip(), client_id.strip(), _domains(domains)
    found.enforces_mfa, found.is_only_way = enforces_mfa, is_only_way
    if client_secret:
        found.sealed_secret = secrets.seal(client_secret)
    found.save()
    if before and (before["issuer"], before["client_id"]) != (found.issuer, found.client_id):
        ProviderIdentity.objects.filter(tenant=tenant_id).delete()
    record(actor=actor, action="provider.set", obj=found, before=before, after=_facts(found))
    return found


def remove_provider(*, found: SignInProvider, actor: Actor) -> None:
    """Nobody comes in through it any more, and whoever did is out at once."""
    _refuse_others(actor)
    ProviderIdentity.objects.filter(tenant=found.tenant_id).delete()
    record(actor=actor, action="provider.removed", obj=found, before=_facts(found))
    found.delete()


def unbind(*, identity: ProviderIdentity, actor: Actor, reason: str = "") -> None:
    """The person's next sign-in binds anew; sessions through this identity end."""
    _refuse_others(actor)
    before = {"user": identity.user.email}
    record(actor=actor, action="provider.unbound", obj=identity, before=before, reason=reason)
    identity.delete()


def admit(
    *, found: SignInProvider, claims: Mapping[str, Any], now: datetime, invitation: Invitation | None = None
) -> Admitted:
    """The person whom the provider vouched for, if this tenant knows them.

    ``invitation`` is the one whose link they came by. The provider's word alone doesn't take one up: a tenant that
    invited somebody and vouched for them too would make them a member, and see the name on their account.

    Raises:
        Forbidden: neither member nor invited, an address that isn't verified or of another domain, or one that
            another identity is bound to: all the same to the stranger.
    """
    same = SignInProvider.objects.filter(tenant=found.tenant_id, issuer=found.issuer, client_id=found.client_id)
    if not same.select_for_update().exists():
        # It was changed while they were away: nothing is bound to what is no longer asked.
        raise _stranger()
    rows = ProviderIdentity.objects.filter(tenant=found.tenant_id, issuer=found.issuer, subject=claims["sub"])
    identity = rows.select_related("user").first()
    if identity is None:
        identity = _bind(found, claims, invitation, now)
    elif queries.membership(found.tenant_id, identity.user_id) is None:
        raise _stranger()
    else:
        ProviderIdentity.objects.filter(tenant=found.tenant_id, id=identity.id).update(last_used_at=now)
    return Admitted(identity.user, identity, found.enforces_mfa or secondfactor.is_asserted(claims))


def _bind(
    found: SignInProvider, claims: Mapping[str, Any], invitation: Invitation | None, now: datetime
) -> ProviderIdentity:
    """Bind the subject to the member, or the invited person, whose verified address it is."""
    address = _address(found, claims)
    member = queries.members(found.tenant_id).filter(user__email=address, user__is_active=True).first()
    user = member.user if member else _invited(invitation, address, claims, now)
    taken = queries.identities(found.tenant_id).filter(issuer=found.issuer, user=user).exists()
    if taken:
        raise _stranger()
    made = ProviderIdentity.objects.create(
        tenant_id=found.tenant_id, user=user, issuer=found.issuer, subject=claims["sub"], last_used_at=now
    )
    after = {"user": user.email, "issuer": found.issuer, "subject": claims["sub"]}
    record(actor=account_holder(user), action="provider.bound", obj=made, after=after)
    return made


def _invited(invitation: Invitation | None, address: str, claims: Mapping[str, Any], now: datetime) -> User:
    """Take up the invitation. Somebody new gets an account without a password."""
    if invitation is None or invitation.email != address:
        raise _stranger()
    user = User.objects.filter(email=address).first()
    if user is None:
        name = str(claims.get("name") or address.partition("@")[0])[:150]
        user = User.objects.create_user(address, name=name)
    invitations.take_up(invitation=invitation, user=user, now=now)
    return user


def _address(found: SignInProvider, claims: Mapping[str, Any]) -> str:
    address = str(claims.get("email") or "").strip().lower()
    is_allowed = address.rpartition("@")[2] in found.domains
    said = claims.get("email_verified")
    if not (said is True or said == "true") or not is_allowed:
        raise _stranger()
    return address


def _stranger() -> Forbidden:
    return Forbidden(
        "not_known_here",
        "The provider knows you, and this tenant doesn't: it lets in members and people it invited, by an address that "
        "the provider has verified, and one identity each. Ask a tenant admin.",
    )


def _domains(domains: list[str]) -> list[str]:
    wanted = sorted({domain.strip().lower().lstrip("@") for domain in domains if domain.strip()})
    try:
        for domain in wanted:
            validate_domain_name(domain)
    except ValidationError as error:
        raise Invalid("domains", f"{domain[:60]!r} is no domain; write it like example.com.") from error
    if not wanted:
        raise Invalid("domains", "Name the domains of your people's addresses, like example.com.")
    return wanted


def _facts(found: SignInProvider) -> dict[str, Any]:
    names = ("issuer", "client_id", "domains", "enforces_mfa", "is_only_way")
    return {name: getattr(found, name) for name in names}


def _refuse_others(actor: Actor) -> None:
    if not has_right(actor, "signin.manage"):
        raise Forbidden("right_missing", "The tenant's sign-in is set by a tenant admin.")
