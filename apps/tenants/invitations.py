"""People are asked in by mail, and come in by the link in it: nobody becomes a member who didn't hold their mailbox.

To whoever invites, an address with an account looks like one without: the same answer, the same row, the same mail.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from apps.accounts.models import LONGEST_ADDRESS, User
from apps.audit.actions import record
from apps.tenants import queries
from apps.tenants.actions import add_member, known_roles
from apps.tenants.directory import account_holder
from apps.tenants.models import Invitation
from apps.tenants.roles import Role, has_right
from portal import secrets
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, NotFound, Refused
from portal.models import OutboxMessage
from portal.outbox.actions import enqueue
from portal.tenancy.context import known_row_transaction, tenant_transaction

PURPOSE, TOPIC = "invitation", "invitation.sent"
LASTS = timedelta(days=7)
# Whoever invites all day would mail strangers with our name on it.
MOST_A_DAY = 100
# One who waits for a mail looks for it first; and nobody's mailbox is filled by a button.
RESENT_AFTER = timedelta(minutes=10)


def invite(
    *,
    tenant_id: UUID,
    email: str,
    roles: Iterable[str],
    by: User,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> Invitation:
    """Send an invitation that counts once, for a week.

    Raises:
        Forbidden: without the right ``member.manage``; a platform operator, once the tenant has an admin of its own.
        Invalid: no address, one that is too long, or an unknown role.
        Refused: they are a member, have an open invitation, or too many went out today.
    """
    _refuse_others(tenant_id, actor)
    address, wanted = _address(email), known_roles(roles)
    if queries.is_member(tenant_id, address):
        raise Refused("already_a_member", f"{address} is a member already; give them roles there.")
    _refuse_floods(tenant_id, now)
    _clear_expired(tenant_id, address, now)
    made = Invitation(
        tenant_id=tenant_id,
        email=address,
        roles=wanted,
        key=secrets.new_key(),
        invited_by=by,
        sent_at=now,
        expires_at=now + LASTS,
    )
    _insert(made)
    record(actor=actor, action="invitation.sent", obj=made, after={"email": address, "roles": wanted}, reason=reason)
    _send(made, now)
    return made


def resend(*, invitation: Invitation, actor: Actor, now: datetime, reason: str = "") -> Invitation:
    """Send it anew for another week; the former link counts no more.

    Raises:
        Forbidden: as for sending it.
        Refused: it was taken up or revoked, sent within the last ten minutes, or too many went out today.
    """
    _refuse_others(invitation.tenant_id, actor)
    invitation = _locked(invitation)
    _refuse_unless_open(invitation, invitation.sent_at)
    if now < invitation.sent_at + RESENT_AFTER:
        raise Refused("sent_just_now", "It was sent within the last ten minutes; wait a little, then send it anew.")
    _refuse_floods(invitation.tenant_id, now)
    invitation.key, invitation.sent_at, invitation.expires_at = secrets.new_key(), now, now + LASTS
    invitation.save(update_fields=["key", "sent_at", "expires_at"])
    record(actor=actor, action="invitation.resent", obj=invitation, after={"email": invitation.email}, reason=reason)
    _send(invitation, now)
    return invitation


def revoke(*, invitation: Invitation, actor: Actor, now: datetime, reason: str = "") -> None:
    """The link counts no more."""
    _refuse_others(invitation.tenant_id, actor)
    invitation = _locked(invitation)
    _refuse_unless_open(invitation, invitation.sent_at)
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    before = {"email": invitation.email}
    record(actor=actor, action="invitation.revoked", obj=invitation, before=before, reason=reason)


def by_link(token: str, now: datetime) -> Invitation:
    """The open invitation that a link names, before any tenant is known.

    Raises:
        NotFound: it isn't one of ours, or was sent anew since.
        Refused: used, revoked or expired.
    """
    key = secrets.key_of(token)
    with known_row_transaction("portal.invitation_key", key):
        found = Invitation.objects.filter(key=key).select_related("tenant").first() if key else None
    if found is None or not secrets.opens(token, found.key, PURPOSE, found.id):
        raise NotFound("This invitation is not known; the link in the latest mail is the one that counts.")
    _refuse_unless_open(found, now)
    return found


def link_token(invitation: Invitation) -> str:
    return secrets.keyed(invitation.key, PURPOSE, invitation.id)


def accept_as_new(*, token: str, name: str, password: str, now: datetime) -> User:
    """An account for the invited address, and the membership.

    Raises:
        Refused: the address has an account, whose person has to sign in first.
        Invalid: a password that isn't strong enough; ``errors`` says why.
    """
    found = by_link(token, now)
    with tenant_transaction(found.tenant_id):
        if User.objects.filter(email=found.email).exists():
            raise Refused("sign_in_first", "This address has an account: sign in, then open the link again.")
        user = User(email=found.email, name=name.strip())
        _refuse_weak(password, user, found)
        user = _account(found.email, name.strip(), password)
        take_up(invitation=found, user=user, now=now)
    return user


def accept_as(*, token: str, user: User, now: datetime) -> Invitation:
    """The membership, for the account of the very address that was invited."""
    found = by_link(token, now)
    if user.email != found.email:
        raise Forbidden("other_address", f"This invitation is for {found.email}, and you are {user.email}.")
    with tenant_transaction(found.tenant_id):
        take_up(invitation=found, user=user, now=now)
    return found


def take_up(*, invitation: Invitation, user: User, now: datetime) -> None:
    """Use the invitation, once, inside its tenant's transaction."""
    invitation = _locked(invitation)
    _refuse_unless_open(invitation, now)
    if queries.is_member(invitation.tenant_id, user.email):
        raise Refused("already_a_member", "You are a member of this tenant already.")
    invitation.accepted_at, invitation.accepted_by = now, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    actor = account_holder(user)
    record(actor=actor, action="invitation.accepted", obj=invitation, after={"email": invitation.email})
    add_member(tenant_id=invitation.tenant_id, user=user, roles=invitation.roles, actor=actor)


def refuse_without_admin(tenant_id: UUID, now: datetime) -> None:
    """
    Raises:
        Refused: the tenant has no admin, and nobody has been asked to be one.
    """
    asked = queries.invitations(tenant_id).filter(accepted_at=None, revoked_at=None, expires_at__gt=now)
    if not queries.has_admin(tenant_id) and not asked.filter(roles__contains=[Role.ADMIN]).exists():
        raise Refused("no_admin", "Invite the first admin before you leave: nobody could get in.")


def _refuse_unless_open(invitation: Invitation, now: datetime) -> None:
    if invitation.accepted_at is not None:
        raise Refused("invitation_used", "This invitation has been used.")
    if invitation.revoked_at is not None:
        raise Refused("invitation_revoked", "This invitation was revoked; ask whoever invited you.")
    if now >= invitation.expires_at:
        raise Refused("invitation_expired", "This invitation has expired; ask for a new one.")


def _locked(invitation: Invitation) -> Invitation:
    rows = Invitation.objects.select_for_update(of=("self",))
    return rows.get(tenant=invitation.tenant_id, id=invitation.id)


def _insert(invitation: Invitation) -> None:
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
    except IntegrityError as error:
        if "one_open" not in str(error):
            raise
        raise Refused("already_invited", f"{invitation.email} has an open invitation; send it anew.") from error


def _clear_expired(tenant_id: UUID, address: str, now: datetime) -> None:
    """One that ran out makes room for the next."""
    rows = Invitation.objects.filter(tenant=tenant_id, email=address, accepted_at=None, revoked_at=None)
    rows.filter(expires_at__lte=now).update(revoked_at=now)


def sent_today(tenant_id: UUID, now: datetime) -> int:
    """Mails, not invitations: one that was sent anew counts each time."""
    return OutboxMessage.objects.filter(tenant=tenant_id, topic=TOPIC, created_at__gt=now - timedelta(days=1)).count()


def _refuse_floods(tenant_id: UUID, now: datetime) -> None:
    if sent_today(tenant_id, now) >= MOST_A_DAY:
        raise Refused("too_many", f"{MOST_A_DAY} invitations a day are enough; try again tomorrow.")


def _account(email: str, name: str, password: str) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name)
    except IntegrityError as error:
        raise Refused("sign_in_first", "This address has an account: sign in, then open the link again.") from error


def _refuse_weak(password: str, user: User, found: Invitation) -> None:
    if not user.name:
        raise Invalid("name", "Say how others should call you.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid("password", " ".join(error.messages), errors=error.messages) from error


def _send(invitation: Invitation, now: datetime) -> None:
    payload = {"invitation": str(invitation.id), "key": invitation.key}
    enqueue(topic=TOPIC, key=f"{invitation.id}:{invitation.key}", payload=payload, now=now)


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid("email", "This is no e-mail address.") from error
    if len(address) > LONGEST_ADDRESS:
        raise Invalid("email", f"An address has at most {LONGEST_ADDRESS} characters here.")
    return address


def _refuse_others(tenant_id: UUID, actor: Actor) -> None:
    """Somebody has to ask the first admin in; from then on the tenant is its own."""
    if actor.kind == "operator" and not queries.has_admin(tenant_id):
        return
    if not has_right(actor, "member.manage"):
        raise Forbidden("right_missing", "People are invited by a tenant admin.")
