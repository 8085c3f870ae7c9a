"""Signed links in messages: who got the page can acknowledge it without signing in, after confirming (CALL-3).

The link names the very intent that was sent, and so its alert, its person and its round. Opening it changes nothing,
since mail scanners open links too; the page behind it asks.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core import signing

from apps.ownership.models import Notification
from portal.errors import NotFound

_SALT = "causeway.alert-link"
LASTS = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Named:
    tenant_id: UUID
    intent_id: UUID


def make(intent: Notification) -> str:
    return signing.dumps([intent.tenant_id.hex, intent.id.hex], salt=_SALT)


def read(token: str) -> Named:
    """
    Raises:
        NotFound: it isn't one of ours, or is older than two days.
    """
    try:
        tenant, intent = signing.loads(token, salt=_SALT, max_age=LASTS)
        return Named(UUID(hex=tenant), UUID(hex=intent))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound("This link is too old, or not one of ours; sign in and look at the alert itself.") from error
