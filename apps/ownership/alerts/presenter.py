"""An alert as a person reads it: what is wrong, who has it, who is woken next, and its story from the records."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.ownership import queries as ownership
from apps.ownership.alerts import escalation, policies, queries
from apps.ownership.alerts.escalation import Aim, Move, Place, Policy, Step, Target
from apps.ownership.alerts.scene import Behind, Scene, scene
from apps.ownership.channels.queries import of_team
from apps.ownership.models import Alert, Channel, Incident, Notification, OnCallEvent
from apps.ownership.models.alerts import AlertState
from apps.ownership.models.channels import SendState
from apps.tenants.models import Team
from apps.tenants.roles import Role
from apps.workloads.models import Workload

Words = Callable[[dict[str, Any], Callable[[str], str]], str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a story. ``late`` in seconds where it came later than it was due."""

    at: datetime
    words: str
    actor: str = ""
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Wave:
    """Whom a step would wake, and when."""

    at: datetime
    number: int | None
    words: str
    people: tuple[str, ...]
    unreachable: tuple[str, ...]
    is_empty: bool


def story(alert: Alert) -> list[Line]:
    """What happened, in order: the climb, what people did, and each message with its outcome."""
    events, sent = list(queries.story(alert)), list(queries.deliveries(alert))
    name = _names(alert.tenant_id, events)
    lines = [_line(event, name) for event in events]
    lines += [line for row in sent if row.channel_id is not None for line in _delivery(row)]
    return sorted(lines, key=lambda line: line.at)


def incident_story(incident: Incident) -> list[Line]:
    """What happened in an incident and in each of its alerts, in order."""
    rows = OnCallEvent.objects.filter(tenant=incident.tenant_id, incident=incident.id)
    of_alerts = OnCallEvent.objects.filter(tenant=incident.tenant_id, alert__incident=incident.id)
    events = [*rows.order_by("created_at", "id")[:500], *of_alerts.order_by("created_at", "id")[:500]]
    name = _names(incident.tenant_id, events)
    return sorted((_line(event, name) for event in events), key=lambda line: line.at)


def ahead(alert: Alert, now: datetime) -> Wave | None:
    """Who is woken next, if nobody acknowledges until then."""
    if alert.state != AlertState.TRIGGERED or alert.due_at is None:
        return None
    policy, found = policies.as_policy(alert.policy), scene(alert.tenant_id, [alert], now)
    behind = [found.behind(step, alert, alert.due_at) for step in policy.steps]
    move = escalation.advance(policy, Place(alert.step, alert.loop), alert.due_at, lambda n: behind[n].is_somebody)
    if move.entered is None:
        return None
    return _wave(alert.due_at, move.entered, policy.steps[move.entered], behind[move.entered], found, {})


def alert_like(team: Team) -> Alert:
    """An alert as it would come, about the first workload of the team."""
    rows = Workload.objects.filter(tenant=team.tenant_id, team=team.id, retired_at=None)
    return Alert(tenant_id=team.tenant_id, team=team, workload=rows.order_by("key").first())


def preview(team: Team, policy: Policy, now: datetime) -> list[Wave]:
    """Who would be woken when, for an alert now that nobody acknowledges, about the first workload of the team."""
    like = alert_like(team)
    return waves(like, policy, scene(team.tenant_id, [like], now), of_team(team.tenant_id, team.id), now)


def waves(like: Alert, policy: Policy, found: Scene, rows: Iterable[Channel], now: datetime) -> list[Wave]:
    """The same for an alert, a scene and the team's channels that are there already."""
    channels = {row.id: str(row) for row in rows}

    def behind(step: int, at: datetime) -> Behind:
        return found.behind(policy.steps[step], like, at)

    made = []
    for at, move in escalation.plan(policy, now, lambda n: behind(n, now).is_somebody):
        made += [_wave(at, n, policy.steps[n], behind(n, at), found, channels) for n in move.skipped]
        made += _moved(at, move, policy, found, like, channels, behind)
    return made


def aim(target: Target, channels: dict[UUID, str] | None = None) -> str:
    """A target in words."""
    if target.aim is Aim.ROTA:
        return "on call" if target.value == "1" else "secondary" if target.value == "2" else f"rota {target.value}"
    if target.aim is Aim.OWNER:
        return "the workload's owner"
    if target.aim is Aim.ROLE:
        return Role(target.value).label if target.value in Role.values else target.value
    if target.aim is Aim.CHANNEL:
        return (channels or {}).get(UUID(target.value), "a channel")
    return "one person"


def _moved(
    at: datetime,
    move: Move,
    policy: Policy,
    found: Scene,
    like: Alert,
    channels: dict[UUID, str],
    behind: Callable[[int, datetime], Behind],
) -> Iterable[Wave]:
    if move.nobody:
        yield _wave(at, None, policies.CATCHES, found.behind(policies.CATCHES, like, at), found, channels)
    if move.entered is not None:
        yield _wave(at, move.entered, policy.steps[move.entered], behind(move.entered, at), found, channels)
    if move.paused and move.due is not None:
        yield Wave(at, None, f"waits for its hours until {move.due:%Y-%m-%d %H:%M} UTC", (), (), False)
    if move.due is None:
        yield Wave(at, None, "the end: nobody else is woken", (), (), False)


def _wave(
    at: datetime, number: int | None, step: Step, behind: Behind, found: Scene, channels: dict[UUID, str]
) -> Wave:
    words = ", ".join(aim(target, channels) for target in step.targets) or "nobody"
    people = tuple(found.name(person) for person in behind.people)
    named = tuple(channels.get(channel, "a channel") for channel in behind.channels)
    missing = tuple(found.name(person) for person in behind.unreachable)
    return Wave(at, None if number is None else number + 1, words, (*people, *named), missing, not behind.is_somebody)


def _line(event: OnCallEvent, name: Callable[[str], str]) -> Line:
    said = _SAID.get(event.kind)
    words = said(event.data, name) if said else event.kind.replace("_", " ")
    return Line(event.created_at, words, event.actor, event.data.get("late", 0.0))


def _delivery(row: Notification) -> Iterable[Line]:
    who = row.person.name if row.person else "The team"
    if row.state == SendState.SENT and row.sent_at:
        late = max(0.0, (row.sent_at - row.due_at).total_seconds())
        yield Line(row.sent_at, f"{who} was told by {row.channel}{_tries(row)}.", late=late)
    elif row.state == SendState.PENDING:
        yield Line(row.due_at, f"{who} is told by {row.channel}{_tries(row)}.{_error(row)}")
    elif row.state == SendState.CANCELLED:
        yield Line(row.due_at, f"{who} needn't be told by {row.channel} any more.{_error(row)}")


def _tries(row: Notification) -> str:
    return f" (attempt {row.attempts})" if row.attempts > 1 else ""


def _error(row: Notification) -> str:
    return f" {row.error}" if row.error else ""


def _names(tenant_id: UUID, events: Iterable[OnCallEvent]) -> Callable[[str], str]:
    ids = {person for event in events for person in _people(event.data)}
    found = ownership.names(tenant_id, [UUID(i) for i in ids])
    return lambda person: found.get(UUID(person), "somebody who left")


def _people(data: dict[str, Any]) -> Iterable[str]:
    yield from data.get("people", ())
    yield from data.get("unreachable", ())
    if data.get("person"):
        yield data["person"]


def _entered(data: dict[str, Any], name: Callable[[str], str]) -> str:
    people = [name(person) for person in data.get("people", ())]
    people += ["the team's channel"] if data.get("channels") else []
    where = "Handed over" if data.get("direct") else f"Step {data['step'] + 1}"
    where += f", round {data['loop'] + 1}" if data.get("loop") else ""
    missing = [name(person) for person in data.get("unreachable", ())]
    without = f" {', '.join(missing)} can't be reached: no verified channel." if missing else ""
    return f"{where}: {', '.join(people) or 'nobody'} woken.{without}"


def _skipped(data: dict[str, Any], name: Callable[[str], str]) -> str:
    missing = [name(person) for person in data.get("unreachable", ())]
    why = f"{', '.join(missing)} can't be reached: no verified channel" if missing else "nobody stands behind it"
    return f"Step {data['step'] + 1} skipped: {why}."


def _caught(data: dict[str, Any], name: Callable[[str], str]) -> str:
    people = ", ".join(name(person) for person in data.get("people", ()))
    return f"Nobody stands behind any step. Woken instead: {people or 'nobody could be'}."


_SAID: dict[str, Words] = {
    "opened": lambda data, name: f"Opened as {data.get('severity', '')}.",
    "entered": _entered,
    "skipped": _skipped,
    "caught": _caught,
    "held": lambda data, name: f"Held by maintenance until {data.get('until', '')[:16]} UTC.",
    "paused": lambda data, name: f"Waits for the step's hours until {data.get('until', '')[:16]} UTC.",
    "exhausted": lambda data, name: "The end of the policy: nobody else is woken.",
    "acknowledged": lambda data, name: "Acknowledged.",
    "reopened": lambda data, name: "The acknowledgement ran out: it climbs again.",
    "escalated": lambda data, name: "Escalated.",
    "handed_over": lambda data, name: f"Handed over to {data.get('to', '')}: {data.get('reason', '')}",
    "resolved": lambda data, name: f"Resolved. {data.get('reason', '')}".strip(),
    "graver": lambda data, name: f"Became graver: {data.get('before', '')} to {data.get('after', '')}.",
    "undelivered": lambda data, name: f"A message can't be delivered: {data.get('error', '')}",
    "unreached": lambda data, name: "Nothing of this step arrived: the next one is due at once.",
    "joined": lambda data, name: f"An alert joined: {data.get('summary', '')}",
    "commanded": lambda data, name: f"{data.get('name', '')} commands.",
    "crossed": lambda data, name: f"It crosses to the team {data.get('team', '')}.",
    "merged": lambda data, name: f"Merged: {data.get('title', '')}",
    "merged_into": lambda data, name: f"Merged into {data.get('title', '')}",
    "noted": lambda data, name: data.get("text", ""),
}
