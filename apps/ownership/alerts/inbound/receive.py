"""What becomes of an event that came in: one alert a key, and a line in the log of what it did (CALL-4, 2.6)."""

from datetime import datetime
from uuid import uuid4

from django.db import IntegrityError, transaction

from apps.ownership.alerts import actions
from apps.ownership.alerts.actions import Signal
from apps.ownership.alerts.inbound.parse import Event, Group
from apps.ownership.models import Alert, AlertMember, InboundEvent, Integration
from apps.ownership.models.alerts import AlertState, Severity, Source
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict


def event(*, integration: Integration, found: Event, now: datetime, event_id: str = "") -> tuple[str, str]:
    """Carry one event out. Returns what it did and the key; a trigger without a key gets one of its own.

    Raises:
        Conflict: this very event came in before.
    """
    key = found.key or uuid4().hex
    with _logged(integration, event_id, key, now) as line:
        line.outcome = _carry_out(integration, found, key, now)
    return line.outcome, key


def group(*, integration: Integration, found: Group, now: datetime) -> str:
    """Carry one message of Alertmanager out: the group is the alert, its members end one by one."""
    signal = _signal(integration, found.key, found)
    with _logged(integration, "", found.key, now) as line:
        if found.is_resolved:
            line.outcome = _end_group(integration, signal, found, now)
        else:
            alert, is_new = actions.trigger(
                tenant_id=integration.tenant_id, signal=signal, now=now, actor=sender(integration)
            )
            _keep_members(alert, found, now)
            if not found.truncated and _is_over(alert):
                actions.resolve(alert=alert, actor=sender(integration), now=now)
            line.outcome = "opened" if is_new else "repeated"
    return line.outcome


def sender(integration: Integration) -> Actor:
    return Actor(kind="service", id=integration.id, label=f"integration:{integration.name}", scopes=frozenset())


class _logged:
    """The line of the log about an event, written with what the event did."""

    def __init__(self, integration: Integration, event_id: str, key: str, now: datetime) -> None:
        self.is_named = bool(event_id)
        self.line = InboundEvent(
            tenant_id=integration.tenant_id,
            integration=integration,
            event_id=event_id or uuid4().hex,
            key=key,
            created_at=now,
        )

    def __enter__(self) -> InboundEvent:
        return self.line

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            return
        if not self.is_named:
            self.line.save(force_insert=True)
            return
        try:
            with transaction.atomic():
                self.line.save(force_insert=True)
        except IntegrityError as replay:
            raise Conflict("replayed", "This event came in before; nothing was done again.") from replay


def _carry_out(integration: Integration, found: Event, key: str, now: datetime) -> str:
    signal = _signal(integration, key, found)
    if found.action == "trigger":
        _, is_new = actions.trigger(tenant_id=integration.tenant_id, signal=signal, now=now, actor=sender(integration))
        return "opened" if is_new else "repeated"
    alert = actions.open_with_key(integration.tenant_id, signal)
    if alert is None:
        return "dropped"
    if found.action == "resolve":
        actions.resolve(alert=alert, actor=sender(integration), now=now)
        return "resolved"
    if alert.state == AlertState.ACKNOWLEDGED:
        return "dropped"
    actions.acknowledge(alert=alert, by=None, actor=sender(integration), now=now)
    return "acknowledged"


def _end_group(integration: Integration, signal: Signal, found: Group, now: datetime) -> str:
    alert = actions.open_with_key(integration.tenant_id, signal)
    if alert is None:
        return "dropped"
    _keep_members(alert, found, now)
    if found.truncated:
        # Its status speaks of the members that were sent; of the others nothing is known, so it may go on.
        return "repeated"
    AlertMember.objects.filter(tenant=alert.tenant_id, alert=alert.id, ended_at=None).update(ended_at=now)
    actions.resolve(alert=alert, actor=sender(integration), now=now)
    return "resolved"


def _keep_members(alert: Alert, found: Group, now: datetime) -> None:
    """Write what was said of each. Of those that were left out for length nothing is known; others are over."""
    AlertMember.objects.bulk_create(
        [
            AlertMember(
                tenant_id=alert.tenant_id,
                alert=alert,
                fingerprint=member.fingerprint,
                labels=member.labels,
                started_at=member.started,
                ended_at=member.ended,
            )
            for member in {member.fingerprint: member for member in found.members}.values()
        ],
        update_conflicts=True,
        unique_fields=["tenant", "alert", "fingerprint"],
        update_fields=["labels", "started_at", "ended_at"],
    )
    if not found.truncated:
        rows = AlertMember.objects.filter(tenant=alert.tenant_id, alert=alert.id, ended_at=None)
        rows.exclude(fingerprint__in=[member.fingerprint for member in found.members]).update(ended_at=now)


def _is_over(alert: Alert) -> bool:
    return not AlertMember.objects.filter(tenant=alert.tenant_id, alert=alert.id, ended_at=None).exists()


def _signal(integration: Integration, key: str, said: Event | Group) -> Signal:
    """A workload that isn't there takes nothing away: the alert goes to the integration's team, and says so."""
    named, details, link = integration.workload, said.details, said.link
    if said.workload and (named is None or named.key != said.workload):
        rows = Workload.objects.filter(tenant=integration.tenant_id, key=said.workload, retired_at=None)
        found = rows.select_related("team", "owner").first()
        details = details if found else {**details, "unknown workload": said.workload}
        named = found or named
    return Signal(
        source=Source(integration.kind),
        key=key,
        summary=said.summary,
        severity=Severity(said.severity),
        workload=named,
        team=None if named is not None and named.team_id else integration.team,
        integration=integration,
        link=link if link.startswith(("https://", "http://")) else "",
        details=details,
    )
