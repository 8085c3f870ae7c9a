"""Sending one message through one channel. Raises what tells the outbox whether to try again (CALL-5)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage

from apps.ownership.channels import render, signing
from apps.ownership.channels.render import Message
from apps.ownership.models.channels import ChannelKind
from portal import outbound, secrets
from portal.errors import Invalid
from portal.outbox.registry import TryLater

# What a receiver answers that may pass by itself: overloaded, too early, too many, broken for now.
_PASSING = {408, 409, 421, 423, 425, 429}


class Undeliverable(Exception):
    """The receiver will not take it however often it is sent."""


@dataclass(frozen=True, slots=True)
class Line:
    """A channel, opened: ``address`` in clear. ``id`` is the channel's, to which its signing secret belongs."""

    id: UUID
    kind: str
    address: str


def send(line: Line, message: Message, *, key: str, tenant: str, now: datetime) -> None:
    """Send it; ``key`` is the idempotency key that a receiver tells a repeat by.

    Raises:
        TryLater: no answer, or one that may pass.
        Undeliverable: an answer that won't, or an address that isn't allowed.
    """
    if line.kind == ChannelKind.EMAIL:
        _mail(line.address, message, key)
        return
    headers, body = _request(line, message, key, tenant, now)
    try:
        answer = outbound.post(line.address, body, headers)
    except outbound.Unreachable as error:
        raise TryLater(str(error)) from error
    except Invalid as error:
        raise Undeliverable(error.message) from error
    said = f"{answer.status} {answer.text[:200]}".strip()
    if answer.status >= 500 or answer.status in _PASSING:
        raise TryLater(said, timedelta(seconds=min(answer.retry_after, 900)))
    if not 200 <= answer.status < 300:
        raise Undeliverable(said)


def _request(line: Line, message: Message, key: str, tenant: str, now: datetime) -> tuple[dict[str, str], bytes]:
    if line.kind == ChannelKind.SLACK:
        body = json.dumps(render.slack(message, key)).encode()
        return {"Content-Type": "application/json", "Idempotency-Key": key}, body
    event = render.cloud_event(message, key=key, source=f"/t/{tenant}", time=now.isoformat())
    body = json.dumps(event).encode()
    signed = signing.headers(secret_of(line.id), key=key, timestamp=int(now.timestamp()), body=body)
    return {"Content-Type": "application/cloudevents+json", "Idempotency-Key": key, **signed}, body


def secret_of(channel_id: UUID) -> bytes:
    return secrets.derived("channel", channel_id)


def _mail(address: str, message: Message, key: str) -> None:
    host = settings.PUBLIC_URL.partition("://")[2].partition(":")[0].partition("/")[0]
    subject = message.title.replace("\r", " ").replace("\n", " ")[:200]
    mail = EmailMessage(
        subject=subject,
        body=f"{message.text}\n\nref {key}\n",
        to=[address],
        headers={"Message-ID": f"<{key}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except SMTPRecipientsRefused as error:
        raise Undeliverable("The mail server refuses this address.") from error
    except (SMTPException, OSError) as error:
        raise TryLater(f"The mail server: {type(error).__name__}.") from error
