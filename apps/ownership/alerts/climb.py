"""The climb of alerts through their policies: who is due, whom it wakes, and the intents to tell them (CALL-3).

Entering a step writes the alert's new place, the line of its story, one intent for each (alert, entry, person,
channel) and the outbox message that delivers it, in one transaction: whoever dies afterwards, the pages go out. No
message of a broker is needed; what is due is found by a query.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from apps.ownership.alerts import escalation, policies
from apps.ownership.alerts.escalation import Aim, Place, Policy, Step, Target
from apps.ownership.alerts.scene import Behind, Scene, scene
from apps.ownership.models import Alert, Notification, OnCallEvent
from apps.ownership.models.alerts import AlertState
from apps.ownership.models.channels import SendState, Urgency
from portal import faults
from portal.outbox.actions import enqueue_due
from portal.tenancy.due import by_tenant

TOPIC = "notify"
RAISE, END, HOLE = "alert.raise", "alert.end", "alert.hole"
# What a climb changes of an alert, with the types of the columns: written by one statement for a whole batch.
_MOVED = {
    "state": "text",
    "step": "smallint",
    "loop": "smallint",
    "entry": "integer",
    "round": "integer",
    "since": "timestamptz",
    "due_at": "timestamptz",
    "is_paused": "boolean",
    "exhausted_at": "timestamptz",
    "acknowledged_by_id": "uuid",
    "acknowledged_at": "timestamptz",
}
_MOVE = (
    f"update ownership_alert a set {', '.join(f'{name} = m.{name}' for name in _MOVED)} "
    f"from unnest(%s::uuid[], {', '.join(f'%s::{kind}[]' for kind in _MOVED.values())}) "
    f"as m(id, {', '.join(_MOVED)}) where a.tenant_id = %s and a.id = m.id"
)


def due(now: datetime, limit: int = 5_000) -> dict[UUID, list[UUID]]:
    """Alerts that have something coming: ids by tenant, in one statement whatever is open."""

    def rows(alias: str) -> QuerySet[Alert]:
        return Alert.objects.using(alias).filter(due_at__lte=now).order_by("due_at")

    return by_tenant("ownership.find", rows, limit)


def run(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """One look at alerts that are due; those that another worker holds are left to it. Returns how many moved."""
    rows = Alert.objects.filter(tenant=tenant_id, id__in=list(ids), due_at__lte=now)
    locked = rows.select_for_update(skip_locked=True, of=("self",)).select_related("policy", "workload")
    alerts = list(locked.order_by("due_at", "id"))
    if alerts:
        climb(tenant_id, alerts, now)
    faults.point("alerts.climbed")
    return len(alerts)


def climb(tenant_id: UUID, alerts: Sequence[Alert], now: datetime, *, forced: bool = False) -> None:
    """Move each of the alerts (locked, or new) on by one step. ``forced``: somebody asked for it."""
    found = scene(tenant_id, alerts, now)
    written = _Written()
    for alert in alerts:
        _one(alert, found, now, written, forced=forced)
    _move(tenant_id, alerts)
    faults.point("alerts.moved")
    written.save(now)
    faults.point("alerts.written")


def wake_directly(alert: Alert, person: UUID, now: datetime, *, patience: timedelta) -> None:
    """Wake one person for an alert, and go on with its policy if they don't acknowledge within ``patience``."""
    found, written = scene(alert.tenant_id, [alert], now), _Written()
    behind = found.behind(Step((Target(Aim.PERSON, str(person)),), patience), alert, now)
    alert.due_at = now + patience
    alert.since = _began(alert, alert.due_at)
    _wake(alert, behind, now, written, "entered", direct=True)
    _move(alert.tenant_id, [alert])
    written.save(now)


def _move(tenant_id: UUID, alerts: Sequence[Alert]) -> None:
    columns = [[getattr(alert, name) for alert in alerts] for name in _MOVED]
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [[alert.id for alert in alerts], *columns, tenant_id])


@dataclass
class _Written:
    """What a pass writes, gathered so that it is a fixed number of statements."""

    events: list[OnCallEvent] = field(default_factory=list)
    intents: list[Notification] = field(default_factory=list)
    holes: list[tuple[str, str, dict[str, Any], datetime]] = field(default_factory=list)
    read: dict[UUID, Policy] = field(default_factory=dict)

    def policy(self, alert: Alert) -> Policy:
        """The policy that it climbs, read once for all that climb the same."""
        if alert.policy_id not in self.read:
            self.read[alert.policy_id] = policies.as_policy(alert.policy)
        return self.read[alert.policy_id]

    def event(self, alert: Alert, kind: str, now: datetime, **data: Any) -> None:
        self.events.append(
            OnCallEvent(tenant_id=alert.tenant_id, alert=alert, kind=kind, actor="", data=data, created_at=now)
        )

    def hole(self, alert: Alert, step: int, now: datetime) -> None:
        """A step that reached nobody is told to the team that owns it, once a day."""
        payload = {"team": str(alert.team_id) if alert.team_id else "", "step": step}
        self.holes.append((HOLE, f"hole:{alert.policy_id}:{step}:{now:%Y%m%d}", payload, now))

    def save(self, now: datetime) -> None:
        OnCallEvent.objects.bulk_create(self.events)
        enqueue_due(messages=self.holes, now=now)
        send(self.intents, now)


def send(intents: Sequence[Notification], now: datetime) -> None:
    """Store intents together with the messages that deliver them; what stands in the product has arrived."""
    Notification.objects.bulk_create(intents)
    out = [row for row in intents if row.channel_id is not None]
    enqueue_due(messages=[(TOPIC, str(row.id), {}, row.due_at) for row in out], now=now, are_keys_ids=True)


def _one(alert: Alert, found: Scene, now: datetime, written: _Written, *, forced: bool) -> None:
    late, also = _late(alert, now), tuple[UUID, ...]()
    held = found.held.get(alert.workload_id) if alert.workload_id else None
    if held is not None and not forced:
        alert.due_at, alert.is_paused = held, True
        written.event(alert, "held", now, until=held.isoformat())
        return
    if alert.state == AlertState.ACKNOWLEDGED and not forced:
        also = _reopen(alert, now, written)
    alert.is_paused = False
    _step(alert, written.policy(alert), found, now, written, late=late, also=also, forced=forced)


def _began(alert: Alert, due_at: datetime) -> datetime:
    """When its round would have begun if all had been on time until now: from there the auditor counts steps."""
    delays = [timedelta(seconds=seconds) for seconds in alert.policy.delays]
    taken = alert.loop * len(delays) + alert.step + 1
    return due_at - sum((delays[n % len(delays)] for n in range(taken)), timedelta())


def _late(alert: Alert, now: datetime) -> float:
    """Seconds between when this was due and now (2.4: published, and alarmed about over a minute)."""
    return round(max(0.0, (now - alert.due_at).total_seconds()), 3) if alert.due_at else 0.0


def _reopen(alert: Alert, now: datetime, written: _Written) -> tuple[UUID, ...]:
    """The acknowledgement ran out: from the first step again, and whoever acknowledged hears of it too."""
    acker = alert.acknowledged_by_id
    written.event(alert, "reopened", now, person=str(acker) if acker else "")
    alert.state, alert.acknowledged_by, alert.acknowledged_at = AlertState.TRIGGERED, None, None
    alert.step, alert.loop, alert.round, alert.since = escalation.FIRST, 0, alert.round + 1, now
    alert.exhausted_at = None
    return (acker,) if acker else ()


def _step(
    alert: Alert,
    policy: Policy,
    found: Scene,
    now: datetime,
    written: _Written,
    *,
    late: float,
    also: Sequence[UUID],
    forced: bool,
) -> None:
    behind = {n: found.behind(step, alert, now, also) for n, step in enumerate(policy.steps)}
    place = Place(alert.step, alert.loop)
    move = escalation.advance(policy, place, now, lambda n: behind[n].is_somebody, forced=forced)
    alert.step, alert.loop, alert.due_at = move.place.step, move.place.loop, move.due
    for number in move.skipped:
        written.event(alert, "skipped", now, step=number, unreachable=[str(p) for p in behind[number].unreachable])
        written.hole(alert, number, now)
    if move.nobody:
        _catch(alert, found, now, written, late)
    if move.paused:
        alert.is_paused = True
        written.event(alert, "paused", now, until=move.due.isoformat() if move.due else "")
        if also:
            # Whoever had acknowledged hears now that it ran out, not when the step's hours begin.
            _wake(
                alert,
                found.behind(Step((), policy.steps[0].delay), alert, now, also),
                now,
                written,
                "entered",
                direct=True,
            )
    if move.entered is not None:
        _wake(alert, behind[move.entered], now, written, "entered", step=move.entered, loop=alert.loop, late=late)
    if move.due is not None:
        alert.since = _began(alert, move.due)
    else:
        alert.exhausted_at = now
        written.event(alert, "exhausted", now)


def _catch(alert: Alert, found: Scene, now: datetime, written: _Written, late: float) -> None:
    """Nobody stands behind any step: whoever catches everything in this tenant is woken instead."""
    _wake(alert, found.behind(policies.CATCHES, alert, now), now, written, "caught", late=late)


def _wake(alert: Alert, behind: Behind, now: datetime, written: _Written, kind: str, **data: Any) -> None:
    alert.entry += 1
    people = [str(person) for person in behind.people]
    unreachable = [str(person) for person in behind.unreachable]
    written.event(
        alert,
        kind,
        now,
        entry=alert.entry,
        people=people,
        unreachable=unreachable,
        channels=len(behind.channels),
        **data,
    )
    written.intents.extend(_intents(alert, behind, now))


def _intents(alert: Alert, behind: Behind, now: datetime) -> Iterable[Notification]:
    def intent(person: UUID | None, channel: UUID | None, after: timedelta = timedelta()) -> Notification:
        arrived = channel is None
        return Notification(
            tenant_id=alert.tenant_id,
            alert=alert,
            entry=alert.entry,
            round=alert.round,
            person_id=person,
            channel_id=channel,
            urgency=Urgency.PAGE,
            due_at=now + after,
            state=SendState.SENT if arrived else SendState.PENDING,
            sent_at=now if arrived else None,
            created_at=now,
        )

    for person, ways in behind.people.items():
        yield intent(person, None)
        for way in ways:
            yield intent(person, way.channel_id, way.after)
    for person in behind.unreachable:
        yield intent(person, None)
    for channel in behind.channels:
        yield intent(None, channel)
