"""The pseudonym under which a user of an application is known: in action records, in budgets, in reports."""

import hashlib
import hmac
from functools import lru_cache
from uuid import UUID

from django.conf import settings


@lru_cache(maxsize=10_000)
def user_key(tenant_id: UUID, user: str) -> str:
    """A pseudonym: the same user of the same tenant always has the same one, and only the pepper links them."""
    if not user:
        return ""
    return hmac.new(settings.TOKEN_PEPPER.encode(), f"{tenant_id}:{user}".encode(), hashlib.sha256).hexdigest()[:32]
