"""Tickets: how an application vouches for the person in front of its page, so that the widget needs no cookie.

The application's server asks for one with its API token and writes it into the page. It names one widget and one
user, is signed with a key that belongs to that widget, and is over after an hour. Without one nothing is taken:
nobody reports anonymously.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core import signing

from portal.secrets import derived

LASTS = timedelta(hours=1)
_SALT = "causeway.feedback.ticket"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who is in front of the page: a key that the application chose, and their address if they are a member."""

    user: str
    email: str = ""


def issue(widget_id: UUID, ticket: Ticket) -> str:
    return signing.dumps({"u": ticket.user, "e": ticket.email}, key=_key(widget_id), salt=_SALT)


def read(widget_id: UUID, raw: str) -> Ticket | None:
    """What a ticket says, or None for one that is over, forged, or another widget's."""
    try:
        said = signing.loads(raw, key=_key(widget_id), salt=_SALT, max_age=LASTS)
    except signing.BadSignature:
        return None
    return Ticket(said["u"], said["e"])


def _key(widget_id: UUID) -> str:
    return derived("feedback.widget", widget_id).hex()
