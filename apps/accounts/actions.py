"""Tokens are made and revoked (TEN-4); passwords change, sessions end."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.accounts import queries, tokens
from apps.accounts.models import ApiToken, Session, User
from apps.accounts.scopes import SCOPES
from apps.audit.actions import record
from portal.actor import Actor
from portal.directory import directory
from portal.errors import Forbidden, Invalid

LONGEST_LIFE = timedelta(days=366)


def create_token(
    *,
    tenant_id: UUID,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime,
    created_by: User,
    actor: Actor,
    now: datetime,
    user: User | None = None,
    workload_ids: Sequence[UUID] = (),
) -> tuple[ApiToken, str]:
    """A new token and its text, which nobody can ever read again.

    Raises:
        Invalid: no or unknown scopes, or a life that is over or longer than a year.
        Forbidden: asked for by a token; only a person makes tokens.
    """
    if actor.kind == "service":
        raise Forbidden("person_needed", "Only a person who signed in can make tokens.")
    wanted = _check(scopes, expires_at, now)
    raw, parts = tokens.mint()
    token = ApiToken.objects.create(
        tenant_id=tenant_id,
        name=name,
        key=parts.key,
        digest=tokens.digest(parts, settings.TOKEN_PEPPER),
        user=user,
        scopes=wanted,
        workload_ids=list(workload_ids),
        expires_at=expires_at,
        created_by=created_by,
    )
    after = {"name": name, "scopes": wanted, "expires_at": expires_at, "workloads": list(workload_ids)}
    record(actor=actor, action="token.created", obj=token, after=after)
    return token, raw


def revoke_token(*, token: ApiToken, actor: Actor, now: datetime, reason: str = "") -> None:
    """The token counts no more: at once, and within a second on the decision path. Revoking twice changes nothing."""
    if token.revoked_at is not None:
        return
    token.revoked_at = now
    token.save(update_fields=["revoked_at"])
    before = {"scopes": sorted(token.scopes)}
    record(actor=actor, action="token.revoked", obj=token, before=before, reason=reason)


def change_password(*, user: User, password: str, keep: str | None, now: datetime) -> None:
    """A new password, which has passed the validators. All sessions end but the one with the key ``keep``."""
    user.set_password(password)
    user.save(update_fields=["password"])
    ended = end_sessions(user=user, keep=keep)
    directory().note_account(user, "person.password_changed", {"sessions_ended": ended})


def end_sessions(*, user: User, keep: str | None = None) -> int:
    """End the person's sessions at once, ``keep`` excepted. Returns how many."""
    return Session.objects.filter(user=user).exclude(session_key=keep or "").delete()[0]


def end_session(*, user: User, name: str) -> None:
    """End one of one's own sessions.

    Raises:
        NotFound: none of theirs has this name.
    """
    found = queries.session(user.id, name)
    found.delete()
    directory().note_account(user, "person.session_ended", {"address": found.address, "agent": found.agent})


def _check(scopes: Iterable[str], expires_at: datetime, now: datetime) -> list[str]:
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise Invalid("scopes_invalid", f"Choose at least one of the scopes {', '.join(SCOPES)}.", unknown=unknown)
    if not now < expires_at <= now + LONGEST_LIFE:
        raise Invalid("expiry_invalid", "A token has to end in the future, within a year.")
    return wanted
