"""Who has to have shown a second factor, and whether this session has: the one place that knows.

The admin, signatures and break-glass ask :func:`refuse_without` or its question. A session is strong when a second
factor was used in it; one that a tenant's provider vouched for is when the provider says so, or when the tenant says
that its provider asks everybody (:mod:`apps.tenants.provider`).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from portal.actor import Actor
from portal.errors import SecondFactorNeeded

LASTS = timedelta(hours=12)
# RFC 8176: "mfa" is the one value that means several factors; the others name single ones.
AMR = "mfa"
# Authentication contexts that stand for several factors: OpenID's, REFEDS' and the levels of NIST 800-63.
ACR = frozenset(
    {
        "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
        "https://refeds.org/profile/mfa",
        "phr",
        "phrh",
        "urn:mace:incommon:iap:silver",
        "aal2",
        "aal3",
    }
)


def is_shown(records: Sequence[Mapping[str, Any]], now: float) -> bool:
    """Whether one of a session's authentication records is a second factor's, and not too old."""
    return any(row.get("method") == "mfa" and row.get("at", 0) > now - LASTS.total_seconds() for row in records)


def is_asserted(claims: Mapping[str, Any]) -> bool:
    """Whether an id token says that several factors were used."""
    methods, context = claims.get("amr"), claims.get("acr")
    return (isinstance(methods, list) and AMR in methods) or (isinstance(context, str) and context in ACR)


def is_missing(mode: str, is_strong: bool) -> bool:
    return mode == "required" and not is_strong


def refuse_without(actor: Actor) -> None:
    """
    Raises:
        SecondFactorNeeded: a person's session without one, where the installation requires it.
    """
    if actor.is_person and is_missing(settings.SECOND_FACTOR, actor.is_strong):
        raise SecondFactorNeeded("Signing takes a second factor: a code from your phone, or a security key.")
