"""Alerts are opened, said again, acknowledged, escalated, handed over and resolved (CALL-3, CALL-4).

Each takes the alert's row lock first, so of an acknowledgement and a step at the same instant one comes first, and the
other sees it. Who presses a button that was drawn for an earlier state is told so, and nothing happens.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from apps.accounts.models import User
from apps.audit.actions import record
from apps.ownership import queries as rotas
from apps.ownership.access import may_change
from apps.ownership.alerts import climb, digests, escalation, incidents, policies
from apps.ownership.alerts.queries import locked, maintenance_now
from apps.ownership.models import Alert, Integration, Maintenance, Notification, OnCallEvent
from apps.ownership.models.alerts import OPEN, AlertState, Severity, Source
from apps.ownership.models.channels import SendState
from apps.tenants.models import Team
from apps.tenants.queries import membership
from apps.workloads.models import Workload
from portal import actor as actors
from portal import faults
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.instants import sane
from portal.reasons import given

GRAVITY = {severity: n for n, severity in enumerate(Severity.values)}
DIRECT = timedelta(minutes=5)
LONGEST_MAINTENANCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Signal:
    """Something is wrong, said by somebody. The same ``key`` from the same source is the same thing (CALL-4)."""

    source: Source
    key: str
    summary: str
    severity: Severity = Severity.ERROR
    workload: Workload | None = None
    team: Team | None = None
    integration: Integration | None = None
    link: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    is_simulated: bool = False
    cause: UUID | None = None


def trigger(*, tenant_id: UUID, signal: Signal, now: datetime, actor: Actor | None = None) -> tuple[Alert, bool]:
    """Open an alert, or note that an open one was said again. Returns it, and whether it is new.

    A new one enters its first step in this very transaction: once it is committed, its pages are too.
    """
    for _ in range(5):
        again = _say_again(tenant_id, signal, now)
        if again is not None:
            return again, False
        try:
            with transaction.atomic():
                return _open(tenant_id, signal, now, actor or actors.task(signal.source)), True
        except IntegrityError as error:
            # Somebody opened the same in this instant; by now it is there to be said again.
            if "ownership_alert_one_open" not in str(error):
                raise
    raise Conflict("busy", "This alert is being opened and closed at once by several senders; send it again.")


def trigger_once(*, tenant_id: UUID, signal: Signal, now: datetime) -> None:
    """As :func:`trigger`, from an outbox message: delivered again after what it opened is over, it opens nothing."""
    if not Alert.objects.filter(tenant=tenant_id, cause=signal.cause).exists():
        trigger(tenant_id=tenant_id, signal=signal, now=now)


def acknowledge(*, alert: Alert, by: User | None, actor: Actor, now: datetime, round_seen: int | None = None) -> Alert:
    """Somebody has it: nothing more goes out for this alert, follow-ups included. ``by`` None: whoever sent it does.

    Raises:
        Conflict: it is resolved, somebody else has it, or it was opened anew since the button was drawn.
    """
    alert = locked(alert)
    if alert.state == AlertState.RESOLVED or (round_seen is not None and round_seen != alert.round):
        raise _stale(alert, "acknowledge")
    if alert.state == AlertState.ACKNOWLEDGED:
        if by is not None and alert.acknowledged_by_id == by.id:
            return alert
        raise Conflict("acknowledged", f"{alert.acknowledged_by or 'Its sender'} has acknowledged this already.")
    policy = policies.as_policy(alert.policy)
    _change(
        alert,
        state=AlertState.ACKNOWLEDGED,
        acknowledged_by=by,
        acknowledged_at=now,
        due_at=None if alert.is_quiet else escalation.reopens(policy, alert.created_at, now),
        is_paused=False,
    )
    _quieten(alert)
    faults.point("alerts.acknowledged")
    if by is not None:
        incidents.take_command(alert, by, now)
    _note(alert, "acknowledged", now, actor)
    record(actor=actor, action="alert.acknowledged", obj=alert)
    return alert


def escalate(*, alert: Alert, actor: Actor, now: datetime, entry_seen: int) -> Alert:
    """Wake the next step now, whatever the state and the delay.

    Raises:
        Conflict: it is resolved, or has climbed further since the button was drawn.
    """
    alert = locked(alert)
    if alert.state == AlertState.RESOLVED or entry_seen != alert.entry:
        raise _stale(alert, "escalate")
    _again(alert, now)
    _from_the_start_again(alert)
    _note(alert, "escalated", now, actor)
    climb.climb(alert.tenant_id, [alert], now, forced=True)
    record(actor=actor, action="alert.escalated", obj=alert)
    return alert


def hand_over(*, alert: Alert, to: User | Team, actor: Actor, now: datetime, reason: str) -> Alert:
    """To one person, who is woken at once; or to another team, whose policy it climbs from the first step on.

    Raises:
        Conflict: it is resolved.
        Invalid: no reason, or not a member.
    """
    why = given(reason)
    if isinstance(to, User) and membership(alert.tenant_id, to.id) is None:
        raise Invalid("not_a_member", "An alert can only be handed to a member of this tenant.")
    alert = locked(alert)
    if alert.state == AlertState.RESOLVED:
        raise _stale(alert, "hand over")
    _again(alert, now)
    _note(alert, "handed_over", now, actor, to=str(to), reason=why[:300])
    if isinstance(to, User):
        _from_the_start_again(alert)
        climb.wake_directly(alert, to.id, now, patience=DIRECT)
    else:
        if to.id != alert.team_id:
            incidents.crossed(alert, to, actor, now)
        _change(alert, team=to, policy=policies.current(alert.tenant_id, to.id), step=escalation.FIRST, loop=0)
        climb.climb(alert.tenant_id, [alert], now, forced=True)
    record(actor=actor, action="alert.handed_over", obj=alert, after={"to": str(to)}, reason=why)
    return alert


def resolve(*, alert: Alert, actor: Actor, now: datetime, reason: str = "") -> Alert:
    """It is over; a later trigger of the same key is a new alert.

    Raises:
        Conflict: it is resolved already.
    """
    alert = locked(alert)
    if alert.state == AlertState.RESOLVED:
        raise _stale(alert, "resolve")
    _change(alert, state=AlertState.RESOLVED, resolved_at=now, due_at=None, is_paused=False)
    _quieten(alert)
    _note(alert, "resolved", now, actor, reason=reason[:300])
    incidents.end_with_its_last(alert, now)
    record(actor=actor, action="alert.resolved", obj=alert, reason=reason)
    return alert


def end_signal(*, tenant_id: UUID, signal: Signal, now: datetime, actor: Actor | None = None) -> Alert | None:
    """What opened an alert says that it is over. None where nothing of that key is open: there is nothing to do."""
    found = _of(tenant_id, signal).first()
    if found is None:
        return None
    try:
        return resolve(alert=found, actor=actor or actors.task(signal.source), now=now)
    except Conflict:
        return None


def open_with_key(tenant_id: UUID, signal: Signal) -> Alert | None:
    return _of(tenant_id, signal).first()


def hold(
    *, workload: Workload, start: datetime, end: datetime, by: User, actor: Actor, now: datetime, reason: str
) -> Maintenance:
    """While work is under way nobody is woken further for a workload; what came due fires once at the end.

    Raises:
        Invalid: a span that is none, lies in the past, or is longer than a week.
    """
    sane(start, "start")
    sane(end, "end")
    if not max(start, now) < end <= max(start, now) + LONGEST_MAINTENANCE:
        raise Invalid("span", "Maintenance ends after it begins, in the future, and lasts a week at most.")
    made = Maintenance.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        start=max(start, now),
        end=end,
        by=by,
        reason=given(reason)[:300],
        created_at=now,
    )
    after = {"from": made.start.isoformat(), "until": end.isoformat()}
    record(actor=actor, action="maintenance.planned", obj=made, after=after, reason=reason)
    return made


def release(*, maintenance: Maintenance, actor: Actor, now: datetime) -> None:
    """It ends now; what was held is due at once."""
    rows = Maintenance.objects.filter(tenant=maintenance.tenant_id, id=maintenance.id, ended_at=None, end__gt=now)
    if not rows.update(ended_at=now):
        raise Refused("over", "This maintenance is over already.")
    held = Alert.objects.filter(
        OPEN, tenant=maintenance.tenant_id, workload=maintenance.workload_id, is_paused=True, due_at=maintenance.end
    )
    held.update(due_at=now)
    record(actor=actor, action="maintenance.ended", obj=maintenance)


def release_all(*, workload: Workload, actor: Actor, now: datetime) -> None:
    """End whatever maintenance holds a workload's alerts now.

    Raises:
        Refused: none does.
    """
    found = list(maintenance_now(workload.tenant_id, [workload.id], now))
    if not found:
        raise Refused("over", "No maintenance holds this workload's alerts.")
    for maintenance in found:
        release(maintenance=maintenance, actor=actor, now=now)


def may_act(alert: Alert, actor: Actor) -> bool:
    """Who may acknowledge, escalate, hand over and resolve: the team, the owner, who was woken, and ops leads."""
    if actor.user_id is None:
        return False
    if actor.workloads is not None and alert.workload_id not in actor.workloads:
        return False
    if may_change(actor, alert.team_id):
        return True
    if alert.workload is not None and alert.workload.owner_id == actor.user_id:
        return True
    woken = Notification.objects.filter(tenant=alert.tenant_id, alert=alert.id, person=actor.user_id)
    return woken.exists()


def refuse_strangers(alert: Alert, actor: Actor) -> None:
    """
    Raises:
        Forbidden: not of the team, not its owner, not woken for it, and without the right.
    """
    if not may_act(alert, actor):
        raise Forbidden("not_yours", "This takes being of the team that answers, or having been woken for it.")


def _of(tenant_id: UUID, signal: Signal) -> QuerySet[Alert]:
    same = Q(integration=signal.integration.id) if signal.integration else Q(integration=None)
    rows = Alert.objects.filter(OPEN, same, tenant=tenant_id, source=signal.source, key=signal.key)
    return rows.select_related("policy", "workload", "team")


def _say_again(tenant_id: UUID, signal: Signal, now: datetime) -> Alert | None:
    """The open alert with this key, counted once more. One that became graver is opened anew."""
    rows = _of(tenant_id, signal)
    if not rows.update(occurrences=F("occurrences") + 1, last_seen_at=now):
        return None
    alert = rows.first()
    if alert is not None and GRAVITY[signal.severity] < GRAVITY[alert.severity]:
        _grow_graver(locked(alert), signal, now)
    return alert


def _grow_graver(alert: Alert, signal: Signal, now: datetime) -> None:
    if not alert.is_open or GRAVITY[signal.severity] >= GRAVITY[alert.severity]:
        return
    before = alert.severity
    _change(alert, severity=signal.severity, summary=signal.summary[:1024])
    _note(alert, "graver", now, actors.task(signal.source), before=before, after=signal.severity)
    if GRAVITY[signal.severity] > GRAVITY[alert.policy.wakes]:
        return
    if alert.state == AlertState.TRIGGERED and alert.due_at is not None:
        return
    _again(alert, now)
    alert.step, alert.loop = escalation.FIRST, 0
    climb.climb(alert.tenant_id, [alert], now)


def _open(tenant_id: UUID, signal: Signal, now: datetime, actor: Actor) -> Alert:
    workload = signal.workload
    team_id = signal.team.id if signal.team else workload.team_id if workload else None
    policy = policies.current(tenant_id, team_id)
    is_quiet = GRAVITY[signal.severity] > GRAVITY[policy.wakes]
    alert = Alert.objects.create(
        tenant_id=tenant_id,
        team_id=team_id,
        workload=workload,
        source=signal.source,
        integration=signal.integration,
        key=signal.key,
        summary=signal.summary[:1024],
        severity=signal.severity,
        link=signal.link[:500],
        details=signal.details,
        cause=signal.cause,
        is_simulated=signal.is_simulated,
        is_quiet=is_quiet,
        policy=policy,
        last_seen_at=now,
        since=now,
        due_at=None if is_quiet else now,
        created_at=now,
    )
    _note(alert, "opened", now, actor, severity=signal.severity, source=signal.source)
    if is_quiet:
        digests.collect(alert, rotas.answering_for(tenant_id, team_id, now), now)
    else:
        incidents.join(alert, now)
        climb.climb(tenant_id, [alert], now)
    record(actor=actor, action="alert.opened", obj=alert, after={"summary": alert.summary, "severity": alert.severity})
    faults.point("alerts.opened")
    return alert


def _again(alert: Alert, now: datetime) -> None:
    """Nobody has it any more, or nobody had it: it climbs, and is quiet no longer."""
    if alert.is_quiet or alert.incident_id is None:
        _change(alert, is_quiet=False, due_at=now)
        incidents.join(alert, now)
    alert.state, alert.acknowledged_by, alert.acknowledged_at = AlertState.TRIGGERED, None, None
    alert.exhausted_at, alert.is_paused, alert.since = None, False, now
    alert.due_at = now


def _from_the_start_again(alert: Alert) -> None:
    """Where it has climbed to the end there is no next step: it begins anew."""
    if alert.step + 1 >= len(alert.policy.steps) and alert.loop >= alert.policy.repeats:
        alert.step, alert.loop = escalation.FIRST, 0


def _change(alert: Alert, **values: Any) -> None:
    for name, value in values.items():
        setattr(alert, name, value)
    alert.save(update_fields=list(values))


def _quieten(alert: Alert) -> None:
    """What hasn't gone out for it needn't any more."""
    waiting = Notification.objects.filter(tenant=alert.tenant_id, alert=alert.id, state=SendState.PENDING)
    waiting.update(state=SendState.CANCELLED)


def _note(alert: Alert, kind: str, now: datetime, actor: Actor, **data: Any) -> None:
    OnCallEvent.objects.create(
        tenant_id=alert.tenant_id, alert=alert, kind=kind, actor=actor.label, data=data, created_at=now
    )


def _stale(alert: Alert, verb: str) -> Conflict:
    state = "is resolved" if alert.state == AlertState.RESOLVED else "has moved on since this was shown"
    return Conflict("stale", f"Nothing was done: this alert {state}. Look again before you {verb} it.")
