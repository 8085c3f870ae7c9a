"""Handing intents to their channels: what the outbox calls for each (CALL-3, CALL-5).

Read, send, mark: three steps, each of which survives the death of the process after it. What a page says is worked
out from the alert as it is when it goes out; one that somebody has acknowledged meanwhile doesn't go out.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from apps.ownership.alerts import digests
from apps.ownership.alerts.climb import TOPIC
from apps.ownership.channels import words
from apps.ownership.channels.render import Message
from apps.ownership.channels.send import Line, Undeliverable, send
from apps.ownership.models import Alert, Channel, Notification, OnCallEvent
from apps.ownership.models.alerts import AlertState
from apps.ownership.models.channels import ChannelKind, SendState
from apps.tenants.models import Membership, Tenant
from portal import faults, secrets
from portal.outbox.actions import MAX_ATTEMPTS
from portal.outbox.registry import Envelope, TryLater, handles
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("oncall")
VERIFY = "channel.verify"
# Who can't be reached at all by a step is passed over, once nothing of it is on its way any more.
_ON_ITS_WAY = (SendState.PENDING, SendState.SENT)


@dataclass(frozen=True, slots=True)
class Ready:
    line: Line
    message: Message
    tenant: str


@handles(TOPIC)
def deliver(envelope: Envelope) -> None:
    """One intent, by its id."""
    now, intent = timezone.now(), UUID(envelope.key)
    with tenant_transaction(envelope.tenant_id):
        ready = _ready(envelope.tenant_id, intent, now)
    if ready is None:
        return
    faults.point("notify.read")
    try:
        send(ready.line, ready.message, key=str(intent), tenant=ready.tenant, now=now)
    except Undeliverable as error:
        _failed(envelope, intent, str(error))
        return
    except TryLater as error:
        if envelope.attempt >= MAX_ATTEMPTS:
            _failed(envelope, intent, str(error))
            return
        _note(envelope.tenant_id, intent, str(error))
        raise
    faults.point("notify.sent")
    _sent(envelope.tenant_id, intent, ready.line.id, timezone.now())
    faults.point("notify.marked")


@handles(digests.TOPIC)
def digest(envelope: Envelope) -> None:
    """What an hour's quiet alerts come to, by e-mail."""
    person, until = UUID(envelope.payload["person"]), datetime.fromisoformat(envelope.payload["until"])
    with tenant_transaction(envelope.tenant_id):
        rows = digests.collected(envelope.tenant_id, person, until)
        usable = Channel.objects.filter(
            tenant=envelope.tenant_id, person=person, removed_at=None, verified_at__isnull=False
        )
        channel = usable.filter(kind=ChannelKind.EMAIL).order_by("created_at").first()
        tenant = Tenant.objects.get(id=envelope.tenant_id)
        line = _line(channel) if channel else None
        message = words.digest(rows, tenant)
    if rows and line is not None:
        send(line, message, key=str(envelope.message_id), tenant=tenant.slug, now=timezone.now())


@handles(VERIFY)
def verify(envelope: Envelope) -> None:
    """The code that proves that somebody reads a channel."""
    with tenant_transaction(envelope.tenant_id):
        channel = Channel.objects.get(tenant=envelope.tenant_id, id=envelope.payload["channel"])
        tenant, line = Tenant.objects.get(id=envelope.tenant_id), _line(channel)
        code = secrets.unseal(envelope.payload["code"])
        if channel.removed_at is not None or channel.code_until is None or channel.code_until < timezone.now():
            return
        message = words.verification(channel, code, tenant)
    try:
        send(line, message, key=str(envelope.message_id), tenant=tenant.slug, now=timezone.now())
    except Undeliverable as error:
        _failing(envelope.tenant_id, channel.id, str(error))


def _ready(tenant_id: UUID, intent_id: UUID, now: datetime) -> Ready | None:
    """What is to be sent where, or nothing if it needn't be any more."""
    rows = Notification.objects.filter(tenant=tenant_id, id=intent_id, state=SendState.PENDING)
    intent = rows.select_related(
        "alert__workload", "alert__team", "alert__acknowledged_by", "person", "channel"
    ).first()
    if intent is None or intent.channel is None:
        return None
    reason = _needless(intent)
    if reason:
        rows.update(state=SendState.CANCELLED, error=reason)
        return None
    rows.update(attempts=F("attempts") + 1)
    tenant = Tenant.objects.get(id=tenant_id)
    return Ready(_line(intent.channel), words.of(intent, tenant, now), tenant.slug)


def _needless(intent: Notification) -> str:
    if intent.channel is None or intent.channel.removed_at is not None or intent.channel.verified_at is None:
        return "The channel was removed."
    if intent.alert is not None and intent.alert.state != AlertState.TRIGGERED:
        return f"The alert is {intent.alert.state}."
    if intent.alert is not None and intent.alert.round != intent.round:
        return "The alert was opened anew since."
    if intent.person_id is not None:
        rows = Membership.objects.filter(tenant=intent.tenant_id, user=intent.person_id, ended_at=None)
        if not rows.filter(user__is_active=True).exists():
            return "They left."
    return ""


def _line(channel: Channel) -> Line:
    return Line(channel.id, channel.kind, secrets.unseal(channel.sealed))


def _sent(tenant_id: UUID, intent_id: UUID, channel_id: UUID, now: datetime) -> None:
    with tenant_transaction(tenant_id):
        rows = Notification.objects.filter(tenant=tenant_id, id=intent_id)
        # It went out, even if somebody acknowledged in that very moment: the log says what happened.
        rows.exclude(state=SendState.SENT).update(state=SendState.SENT, sent_at=now, error="")
        failing = Channel.objects.filter(tenant=tenant_id, id=channel_id, failing_since__isnull=False)
        failing.update(failing_since=None, last_error="")


def _note(tenant_id: UUID, intent_id: UUID, error: str) -> None:
    with tenant_transaction(tenant_id):
        rows = Notification.objects.filter(tenant=tenant_id, id=intent_id)
        rows.update(error=error[:300])
        channel = rows.values_list("channel", flat=True).get()
    if channel is not None:
        _failing(tenant_id, channel, error)


def _failing(tenant_id: UUID, channel_id: UUID, error: str) -> None:
    with tenant_transaction(tenant_id):
        rows = Channel.objects.filter(tenant=tenant_id, id=channel_id)
        rows.filter(failing_since=None).update(failing_since=timezone.now())
        rows.update(last_error=error[:300])


def _failed(envelope: Envelope, intent_id: UUID, error: str) -> None:
    """It will never arrive. Where nothing else of that step will either, the next one is due at once."""
    log.error("a page could not be delivered", extra={"key": envelope.key, "error": error[:300]})
    _note(envelope.tenant_id, intent_id, error)
    now = timezone.now()
    with tenant_transaction(envelope.tenant_id):
        rows = Notification.objects.filter(tenant=envelope.tenant_id, id=intent_id)
        intent = rows.get()
        # The alert first, as everybody who changes one does; so of two that fail at once the second sees the first.
        if intent.alert_id is not None:
            held = Alert.objects.filter(tenant=envelope.tenant_id, id=intent.alert_id)
            list(held.select_for_update(of=("self",)))
        rows.update(state=SendState.FAILED)
        if intent.alert_id is None:
            return
        _event(intent, "undelivered", now, error=error[:300])
        others = Notification.objects.filter(
            tenant=envelope.tenant_id, alert=intent.alert_id, entry=intent.entry, channel__isnull=False
        )
        if others.filter(state__in=_ON_ITS_WAY).exists():
            return
        waiting = Alert.objects.filter(
            tenant=envelope.tenant_id, id=intent.alert_id, state=AlertState.TRIGGERED, entry=intent.entry
        )
        if waiting.filter(due_at__gt=now).update(due_at=now):
            _event(intent, "unreached", now)


def _event(intent: Notification, kind: str, now: datetime, **data: Any) -> None:
    who = {"person": str(intent.person_id or ""), "channel": str(intent.channel_id or ""), **data}
    OnCallEvent.objects.create(
        tenant_id=intent.tenant_id, alert_id=intent.alert_id, kind=kind, data=who, created_at=now
    )
