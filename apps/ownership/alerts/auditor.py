"""The auditor: what should have happened by now, from first principles, against what did (CALL-3).

It trusts nothing that the climb keeps for itself. For each triggered alert it works out from the policy's delays how
many steps must have been taken since its round began, and it looks for intents, messages and due times that are
missing or overdue. A value that isn't there is a failure, never a pass. Everything runs over narrow columns, in a
fixed number of statements across all tenants.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from apps.ownership.alerts.climb import END, RAISE, TOPIC
from apps.ownership.alerts.escalation import fewest_entries
from apps.ownership.models import Alert, Notification
from apps.ownership.models.alerts import AlertState, Severity, Source
from apps.ownership.models.channels import SendState
from portal.models import OutboxMessage
from portal.outbox.actions import enqueue
from portal.tenancy.context import platform_work, tenant_transaction

GRACE = timedelta(seconds=60)


@dataclass
class Audit:
    """How many open alerts were looked at, and what was wrong: finding and alert or intent, by tenant."""

    looked_at: int = 0
    findings: dict[UUID, list[tuple[str, UUID]]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not self.findings

    def add(self, tenant_id: UUID, what: str, which: UUID) -> None:
        self.findings.setdefault(tenant_id, []).append((what, which))

    def counted(self) -> Counter[str]:
        return Counter(what for rows in self.findings.values() for what, _ in rows)


def audit(now: datetime) -> Audit:
    """Look at everything that is open."""
    found = Audit()
    with platform_work("ownership.find") as alias:
        for row in _triggered(alias):
            found.looked_at += 1
            for what in row.wrong(now):
                found.add(row.tenant_id, what, row.id)
        for tenant_id, alert_id in _unlooked(alias, now):
            found.add(tenant_id, "is due and nobody looked", alert_id)
        for tenant_id, message_id in _stuck(alias, now):
            found.add(tenant_id, "an alert waits to be opened or ended", message_id)
        for tenant_id, alert_id in _without_intents(alias):
            found.add(tenant_id, "entered a step and told nobody", alert_id)
        for tenant_id, intent_id in _overdue(alias, now):
            found.add(tenant_id, "a page is overdue", intent_id)
        for tenant_id, intent_id in _without_message(alias, now):
            found.add(tenant_id, "a page has no message that would deliver it", intent_id)
    return found


class Alarms:
    """Which tenants hear of findings now: one alert from the first finding on, ended by the first clean audit."""

    def __init__(self) -> None:
        self._raised: dict[UUID, str] = {}

    def follow(self, found: Audit, now: datetime) -> None:
        for tenant_id, rows in found.findings.items():
            key = self._raised.setdefault(tenant_id, f"auditor:{now:%Y%m%d%H%M%S}")
            counted = Counter(what for what, _ in rows)
            summary = f"Paging is late or lost: {', '.join(f'{n} × {what}' for what, n in counted.items())}."
            _enqueue(tenant_id, RAISE, key, summary, now)
        for tenant_id in set(self._raised) - set(found.findings):
            _enqueue(tenant_id, END, self._raised.pop(tenant_id), "", now)


def _enqueue(tenant_id: UUID, topic: str, key: str, summary: str, now: datetime) -> None:
    payload = {"source": Source.PAGING, "key": key, "summary": summary, "severity": Severity.CRITICAL}
    with tenant_transaction(tenant_id):
        enqueue(topic=topic, key=key, payload=payload, now=now)


@dataclass(frozen=True, slots=True)
class _Climb:
    """How far a triggered alert says it is, and what its policy asks. ``delays`` in seconds."""

    tenant_id: UUID
    id: UUID
    due_at: datetime | None
    since: datetime
    step: int
    loop: int
    is_paused: bool
    ended: datetime | None
    delays: list[int]
    repeats: int

    def wrong(self, now: datetime) -> Iterator[str]:
        if self.due_at is None and self.ended is None:
            yield "is triggered and never due"
        if self.is_paused or self.ended is not None:
            return
        delays = [timedelta(seconds=seconds) for seconds in self.delays]
        taken = self.loop * len(delays) + self.step + 1
        if taken < fewest_entries(delays, self.repeats, self.since, now - GRACE):
            yield "has climbed too little"


def _triggered(alias: str) -> Iterator[_Climb]:
    rows = Alert.objects.using(alias).filter(state=AlertState.TRIGGERED, is_quiet=False)
    columns = ("tenant_id", "id", "due_at", "since", "step", "loop", "is_paused", "exhausted_at")
    wanted = rows.values_list(*columns, "policy__delays", "policy__repeats")
    yield from (_Climb(*row) for row in wanted.iterator(chunk_size=5_000))


def _unlooked(alias: str, now: datetime) -> Iterator[tuple[UUID, UUID]]:
    """Alerts in any state that have been due for a minute: a step, or an acknowledgement that runs out."""
    rows = Alert.objects.using(alias).filter(due_at__lt=now - GRACE)
    yield from rows.values_list("tenant_id", "id")


def _stuck(alias: str, now: datetime) -> Iterator[tuple[UUID, UUID]]:
    """Messages that would open or end an alert and haven't, or were given up within the last day."""
    late = Q(delivered_at=None, dead_at=None, due_at__lt=now - GRACE) | Q(dead_at__gt=now - timedelta(days=1))
    rows = OutboxMessage.objects.using(alias).filter(late, topic__in=[RAISE, END])
    yield from rows.values_list("tenant_id", "id")


def _without_intents(alias: str) -> Iterator[tuple[UUID, UUID]]:
    """Triggered alerts whose last entry has not one intent."""
    written = Notification.objects.using(alias).filter(
        tenant_id=OuterRef("tenant_id"), alert_id=OuterRef("id"), entry=OuterRef("entry")
    )
    rows = Alert.objects.using(alias).filter(~Exists(written), state=AlertState.TRIGGERED, entry__gt=0)
    yield from rows.values_list("tenant_id", "id")


def _overdue(alias: str, now: datetime) -> Iterator[tuple[UUID, UUID]]:
    """Intents that nobody has tried to send in time; a receiver that refuses shows in its channel instead."""
    rows = Notification.objects.using(alias).filter(state=SendState.PENDING, due_at__lt=now - GRACE, attempts=0)
    yield from rows.values_list("tenant_id", "id")


def _without_message(alias: str, now: datetime) -> Iterator[tuple[UUID, UUID]]:
    """Intents that wait for a message which isn't there, or will never go out."""
    alive = OutboxMessage.objects.using(alias).filter(
        Q(delivered_at=None, dead_at=None), tenant_id=OuterRef("tenant_id"), id=OuterRef("id"), topic=TOPIC
    )
    rows = Notification.objects.using(alias).filter(~Exists(alive), state=SendState.PENDING, due_at__lt=now - GRACE)
    yield from rows.values_list("tenant_id", "id")
