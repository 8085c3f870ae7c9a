"""A person's address changes: confirmed at the new one, told to the old one, and for a week to be undone there.

The address is what one signs in with and where a forgotten password is mended, so whoever holds a session for a
moment must not be able to move an account to a mailbox of theirs.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.accounts.actions import end_sessions
from apps.accounts.models import LONGEST_ADDRESS, EmailChange, User
from portal import secrets
from portal.directory import directory
from portal.errors import Invalid, NotFound, Refused

CONFIRM, UNDO = "email.confirm", "email.undo"
CONFIRM_WITHIN, UNDO_WITHIN = timedelta(days=1), timedelta(days=7)


def ask(*, user: User, address: str, now: datetime) -> None:
    """Send a link to the new address. Says the same, and looks the same, if somebody has that address already.

    Raises:
        Invalid: an address that is too long.
        Refused: it is theirs already.
    """
    new = address.strip().lower()
    if len(new) > LONGEST_ADDRESS:
        raise Invalid("address", f"An address has at most {LONGEST_ADDRESS} characters here.")
    if new == user.email:
        raise Refused("same_address", "This is your address already.")
    if User.objects.filter(email=new).exists():
        _mail(new, "Your Causeway account", f"{user.email} asked to use this address, which has an account already.")
        return
    change = EmailChange.objects.create(user=user, old=user.email, new=new, key=secrets.new_key(), asked_at=now)
    link = _link("confirm_email", change, CONFIRM)
    _mail(new, "Confirm your new address", f"Sign in to Causeway as {user.email} and open this within a day:\n{link}")


def confirm(*, token: str, user: User, keep: str | None, now: datetime) -> EmailChange:
    """The link arrived, and the person it was asked by opens it: the address is theirs.

    Raises:
        NotFound: no such link, somebody else's, used, or older than a day.
        Refused: somebody has taken the address meanwhile.
    """
    with transaction.atomic():
        change = found(token, CONFIRM)
        is_over = change.confirmed_at or change.undone_at or now >= change.asked_at + CONFIRM_WITHIN
        if is_over or change.user_id != user.id:
            raise NotFound("This link was used, is too old, or isn't yours. Ask for a new one.")
        # Asked for under an address that has changed since: its undoing would name the wrong one.
        if change.old != change.user.email:
            raise NotFound("Your address has changed since this was asked. Ask for a new one.")
        _move(change.user, change.new)
        change.confirmed_at = now
        change.save(update_fields=["confirmed_at"])
        end_sessions(user=user, keep=keep)
        # Inside: an address whose owner can't be told isn't left.
        _tell_the_old(change)
    directory().note_account(change.user, "person.email_changed", {"from": change.old, "to": change.new})
    return change


def undo(*, token: str, now: datetime) -> EmailChange:
    """Back to the old address. Nobody stays signed in, and the password is void: whoever changed it may know it.

    Raises:
        NotFound: no such link, used, or older than a week.
        Refused: somebody has taken the old address meanwhile.
    """
    with transaction.atomic():
        change = found(token, UNDO)
        if change.confirmed_at is None or change.undone_at or now >= change.confirmed_at + UNDO_WITHIN:
            raise NotFound("This link was used, or is too old.")
        _move(change.user, change.old)
        # With it goes what was asked or confirmed since: its links would move the account away again.
        later = EmailChange.objects.filter(user=change.user, asked_at__gte=change.asked_at, undone_at=None)
        later.update(undone_at=now)
        change.user.set_unusable_password()
        change.user.save(update_fields=["password"])
        end_sessions(user=change.user)
    directory().note_account(change.user, "person.email_change_undone", {"from": change.new, "to": change.old})
    return change


def found(token: str, purpose: str) -> EmailChange:
    """The change that a link names, with its person, both locked."""
    rows = EmailChange.objects.select_for_update().select_related("user")
    change = rows.filter(key=secrets.key_of(token)).first()
    if change is None or not secrets.opens(token, change.key, purpose, change.id):
        raise NotFound("This link is not one of ours.")
    return change


def _move(user: User, address: str) -> None:
    user.email = address
    try:
        with transaction.atomic():
            user.save(update_fields=["email"])
    except IntegrityError as error:
        raise Refused("address_taken", "Another account has this address.") from error


def _tell_the_old(change: EmailChange) -> None:
    _mail(
        change.old,
        "Your Causeway address has changed",
        f"You now sign in with {change.new}. If that wasn't you, undo it within seven days; it ends all sessions and"
        f" voids the password:\n{_link('undo_email', change, UNDO)}",
    )


def _link(view: str, change: EmailChange, purpose: str) -> str:
    path = reverse(view, args=[secrets.keyed(change.key, purpose, change.id)])
    return f"{settings.PUBLIC_URL}{path}"


def _mail(address: str, subject: str, body: str) -> None:
    EmailMessage(subject=subject, body=f"{body}\n", to=[address], headers={"Auto-Submitted": "auto-generated"}).send()
