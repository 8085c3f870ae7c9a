"""Widgets are made for a workload and for named origins, and let in who holds a ticket (FEED-1)."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from apps.accounts.models import User
from apps.audit.actions import record
from apps.feedback.actions import Person, outsider
from apps.feedback.models import Widget
from apps.feedback.tickets import Ticket
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict, Invalid
from portal.secrets import new_key

MOST_ORIGINS = 20
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def add_widget(*, workload: Workload, name: str, origins: Sequence[str], actor: Actor, now: datetime) -> Widget:
    """A widget that is answered on pages of these origins alone.

    Raises:
        Invalid: no name, no origin, or one that isn't exactly a scheme, a host and perhaps a port.
    """
    wanted = list(dict.fromkeys(origin_of(each) for each in origins if each.strip()))
    if not 1 <= len(name.strip()) <= 100 or not 1 <= len(wanted) <= MOST_ORIGINS:
        raise Invalid("widget", f"Name it, and give 1 to {MOST_ORIGINS} origins like https://app.example.com.")
    made = Widget.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        name=name.strip(),
        key=new_key(),
        origins=wanted,
        created_at=now,
    )
    after = {"workload": workload.key, "name": made.name, "origins": wanted}
    record(actor=actor, action="feedback.widget_added", obj=made, after=after)
    return made


def revoke_widget(*, widget: Widget, actor: Actor, now: datetime) -> None:
    """It answers no page any more, from this instant on."""
    if not Widget.objects.filter(tenant=widget.tenant_id, id=widget.id, revoked_at=None).update(revoked_at=now):
        raise Conflict("revoked", "It was revoked already.")
    record(actor=actor, action="feedback.widget_revoked", obj=widget)


def origin_of(text: str) -> str:
    """An origin as browsers send it: nothing but scheme, host and a port that isn't the scheme's own.

    Raises:
        Invalid: anything else; plain http is for loopback alone.
    """
    problem = Invalid("origin", f"{text.strip()[:100]!r} is no origin: give one like https://app.example.com.")
    try:
        parts = urlsplit(text.strip())
        # Browsers send other alphabets in ASCII, and not all of them in the same way: it is asked for as they send it.
        host, port = (parts.hostname or "").encode("ascii").decode(), parts.port
    except (ValueError, UnicodeError) as error:
        raise problem from error
    is_bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not (host and is_bare and is_safe) or "*" in host or len(text) > 200:
        raise problem
    shown = f"[{host}]" if ":" in host else host
    is_default = port is None or port == {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" if is_default else f"{parts.scheme}://{shown}:{port}"


def person_of(widget: Widget, ticket: Ticket) -> Person:
    """The member whose address the ticket names, else the user under a pseudonym."""
    if ticket.email:
        rows = Membership.objects.filter(tenant=widget.tenant_id, user__email=ticket.email.lower(), ended_at=None)
        member: User | None = next((row.user for row in rows.select_related("user")), None)
        if member is not None:
            return Person(member=member)
    return outsider(widget.tenant_id, ticket.user)


def actor_of(widget: Widget) -> Actor:
    return Actor(kind="service", id=widget.id, label=f"widget:{widget.name}", scopes=frozenset({"feedback"}))
