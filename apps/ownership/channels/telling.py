"""Notices for whoever handles a message of the outbox: what arrives may arrive twice, and is told once."""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from apps.ownership.channels.actions import tell
from portal.outbox.registry import Envelope


def tell_of(envelope: Envelope, *, people: Sequence[UUID], title: str, body: str, link: str) -> None:
    """:func:`tell`, for whoever handles a message: however often it comes, it is told once."""
    tell(
        tenant_id=envelope.tenant_id,
        people=people,
        title=title,
        body=body,
        link=link,
        cause=envelope.message_id,
        now=timezone.now(),
    )
