"""Sessions; tokens: the list for people, and the one question of the decision path."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.models import ApiToken, Session
from apps.accounts.sessions import name_of
from portal.errors import NotFound, Unauthorised
from portal.tenancy.context import known_row_transaction, tenant_transaction

USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A token that counts now. ``workloads`` is None when it is bound to none in particular."""

    id: UUID
    tenant_id: UUID
    name: str
    scopes: frozenset[str]
    workloads: frozenset[UUID] | None
    user_id: UUID | None
    expires_at: datetime


def sessions(user_id: UUID) -> QuerySet[Session]:
    """Those in which the person is signed in, the latest used first."""
    rows = Session.objects.filter(user=user_id, expire_date__gt=timezone.now()).select_related("limited_to")
    return rows.order_by("-last_used_at", "session_key")


def session(user_id: UUID, name: str) -> Session:
    """The person's session of this name (:func:`apps.accounts.sessions.name_of`)."""
    for row in sessions(user_id):
        if name_of(row.session_key) == name:
            return row
    raise NotFound("This session is over, or was never yours.")


def token_list(tenant_id: UUID) -> QuerySet[ApiToken]:
    rows = ApiToken.objects.filter(tenant=tenant_id).select_related("user", "created_by")
    return rows.order_by("-created_at", "-id")


def token(tenant_id: UUID, token_id: UUID) -> ApiToken:
    found = token_list(tenant_id).filter(id=token_id).first()
    if found is None:
        raise NotFound("There is no such token here.")
    return found


def live_token(raw: str) -> LiveToken:
    """What a raw token stands for.

    Raises:
        Unauthorised: malformed, unknown, expired or revoked. Unknown and wrong look the same.
    """
    parts = tokens.parse(raw)
    row = _by_key(parts.key) if parts else None
    if parts is None or row is None or not tokens.matches(parts, settings.TOKEN_PEPPER, row.digest):
        raise Unauthorised("token_unknown", "This API token is not known; copy it again or make a new one.")
    now = timezone.now()
    if row.revoked_at is not None:
        raise Unauthorised("token_revoked", f"This API token was revoked on {row.revoked_at:%Y-%m-%d %H:%M} UTC.")
    if now >= row.expires_at:
        raise Unauthorised("token_expired", f"This API token expired on {row.expires_at:%Y-%m-%d %H:%M} UTC.")
    return _seen(row, now)


def _by_key(key: str) -> ApiToken | None:
    with known_row_transaction("portal.token_key", key):
        return ApiToken.objects.filter(key=key).first()


def _seen(row: ApiToken, now: datetime) -> LiveToken:
    """Note the use, at most once a minute."""
    if row.last_used_at is None or row.last_used_at < now - USED_EVERY:
        with tenant_transaction(row.tenant_id):
            stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
            ApiToken.objects.filter(stale, tenant=row.tenant_id, id=row.id).update(last_used_at=now)
    return LiveToken(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        scopes=frozenset(row.scopes),
        workloads=frozenset(row.workload_ids) or None,
        user_id=row.user_id,
        expires_at=row.expires_at,
    )
