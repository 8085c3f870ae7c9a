"""Incidents: what open alerts amount to, and who commands one (CALL-4)."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.ownership.access import may_change
from apps.ownership.models import Alert, Incident, OnCallEvent
from apps.ownership.models.alerts import OPEN
from apps.tenants.models import Team
from apps.tenants.queries import membership
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused


def join(alert: Alert, now: datetime) -> None:
    """An alert that wakes belongs to the open incident of its workload and team, which it opens if there is none."""
    if alert.is_simulated:
        return
    rows = Incident.objects.filter(
        tenant=alert.tenant_id, team=alert.team_id, workload=alert.workload_id, resolved_at=None
    )
    rows = rows.select_for_update(of=("self",))
    found = rows.first()
    while found is None:
        try:
            with transaction.atomic():
                found = Incident.objects.create(
                    tenant_id=alert.tenant_id,
                    title=alert.summary[:200],
                    team_id=alert.team_id,
                    workload_id=alert.workload_id,
                    created_at=now,
                )
        except IntegrityError:
            found = rows.first()
    alert.incident = found
    alert.save(update_fields=["incident"])
    _note(found, "joined", now, alert=str(alert.id), summary=alert.summary[:200])


def take_command(alert: Alert, by: User, now: datetime) -> None:
    """Whoever acknowledges first commands, until somebody else does."""
    if alert.incident is None:
        return
    rows = Incident.objects.filter(tenant=alert.tenant_id, id=alert.incident.id, commander=None, resolved_at=None)
    if rows.update(commander=by):
        _note(alert.incident, "commanded", now, person=str(by.id), name=by.name)


def name_commander(*, incident: Incident, commander: User, actor: Actor, now: datetime) -> None:
    """
    Raises:
        Invalid: not a member.
        Refused: it is over.
    """
    if membership(incident.tenant_id, commander.id) is None:
        raise Invalid("not_a_member", "A commander has to be a member of this tenant.")
    rows = Incident.objects.filter(tenant=incident.tenant_id, id=incident.id, resolved_at=None)
    if not rows.update(commander=commander):
        raise Refused("over", "This incident is over.")
    incident.commander = commander
    _note(incident, "commanded", now, person=str(commander.id), name=commander.name)
    record(actor=actor, action="incident.commander_named", obj=incident, after={"commander": commander.email})


def crossed(alert: Alert, to: Team, actor: Actor, now: datetime) -> None:
    """An alert of the incident (the alert is locked) goes to another team: from now on somebody commands it by name."""
    if alert.incident_id is None:
        return
    rows = Incident.objects.filter(tenant=alert.tenant_id, id=alert.incident_id)
    incident = rows.select_for_update(of=("self",)).get()
    if incident.team_id == to.id:
        return
    commander = incident.commander_id or actor.user_id
    if commander is None:
        raise Refused("commander_missing", "Name a commander first: the incident crosses team lines with this.")
    rows.update(crosses_teams=True, commander=commander)
    _note(incident, "crossed", now, team=to.name)


def merge(*, incident: Incident, into: Incident, commander: User | None, actor: Actor, now: datetime) -> None:
    """All alerts of one incident belong to another from now on. Where teams differ, one commander is named.

    Raises:
        Refused: one of them is over, they are the same, or teams differ and nobody commands.
    """
    ids = sorted([incident.id, into.id])
    # Alerts before incidents, as whoever changes an alert locks them.
    alerts = Alert.objects.filter(tenant=incident.tenant_id, incident__in=ids).order_by("id")
    list(alerts.select_for_update(of=("self",)))
    rows = Incident.objects.filter(tenant=incident.tenant_id, id__in=ids, resolved_at=None).order_by("id")
    held = {row.id: row for row in rows.select_for_update(of=("self",))}
    if len(held) != 2:
        raise Refused("over", "Two different incidents that are both open can be made one.")
    pair = (held[into.id], held[incident.id])
    crosses = any(row.crosses_teams for row in pair) or pair[0].team_id != pair[1].team_id
    if commander is not None and membership(incident.tenant_id, commander.id) is None:
        raise Invalid("not_a_member", "A commander has to be a member of this tenant.")
    commands = commander.id if commander else pair[0].commander_id or pair[1].commander_id
    if crosses and commands is None:
        raise Refused("commander_missing", "They belong to different teams: name one commander.")
    alerts.filter(incident=incident.id).update(incident=into)
    Incident.objects.filter(id=into.id, tenant=into.tenant_id).update(crosses_teams=crosses, commander=commands)
    Incident.objects.filter(id=incident.id, tenant=into.tenant_id).update(resolved_at=now)
    _note(into, "merged", now, other=str(incident.id), title=incident.title)
    _note(incident, "merged_into", now, other=str(into.id), title=into.title)
    record(actor=actor, action="incident.merged", obj=into, after={"merged": str(incident.id)})


def refuse_strangers(incident: Incident, actor: Actor) -> None:
    """
    Raises:
        Forbidden: not of its team, not in command, not the workload's owner, and without the right.
    """
    concerned = {incident.commander_id, incident.workload.owner_id if incident.workload else None} - {None}
    if may_change(actor, incident.team_id) or actor.user_id in concerned:
        return
    raise Forbidden("not_yours", "This takes being of the incident's team, or commanding it.")


def end_with_its_last(alert: Alert, now: datetime) -> None:
    """An incident is over when the last of its alerts is."""
    if alert.incident_id is None:
        return
    rows = Incident.objects.filter(tenant=alert.tenant_id, id=alert.incident_id, resolved_at=None)
    held = rows.select_for_update(of=("self",)).first()
    if held is None or Alert.objects.filter(OPEN, tenant=alert.tenant_id, incident=held.id).exists():
        return
    rows.update(resolved_at=now)
    _note(held, "resolved", now)


def note(*, incident: Incident, text: str, actor: Actor, now: datetime) -> None:
    """Something that people should find in its story."""
    if not text.strip():
        raise Invalid("text", "Write what is worth keeping.")
    if incident.resolved_at is not None and (now - incident.resolved_at).days > 30:
        raise Conflict("over", "This incident has been over for a month; write a post-mortem instead.")
    _note(incident, "noted", now, actor=actor, text=text.strip()[:4_000])


def _note(incident: Incident, kind: str, now: datetime, actor: Actor | None = None, **data: Any) -> None:
    OnCallEvent.objects.create(
        tenant_id=incident.tenant_id,
        incident=incident,
        kind=kind,
        actor=actor.label if actor else "",
        data=data,
        created_at=now,
    )
