"""Who stands behind the steps of a policy now: everything that a climb has to know, read once for many alerts.

The number of statements doesn't grow with the alerts. Who is on call comes from the same function as everywhere else
(CALL-2); somebody without a verified way to reach them can't be woken, so a step of such people counts as empty.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import JSONObject

from apps.ownership import queries
from apps.ownership import schedule as rules
from apps.ownership.alerts.escalation import Aim, Step, Target
from apps.ownership.alerts.queries import maintenance_now
from apps.ownership.models import Alert, Channel, NotificationRule, Rota
from apps.ownership.models.channels import Urgency
from apps.ownership.schedule import Schedule
from apps.tenants.queries import members
from portal.tenancy.together import instant, together


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach somebody: the channel, and how long after."""

    channel_id: UUID
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Behind:
    """Whom a step wakes: people with their ways, those without any, and channels of a team."""

    people: dict[UUID, tuple[Way, ...]] = field(default_factory=dict)
    unreachable: tuple[UUID, ...] = ()
    channels: tuple[UUID, ...] = ()

    @property
    def is_somebody(self) -> bool:
        return bool(self.people or self.channels)


@dataclass(frozen=True)
class Scene:
    """``rotas`` by team and rank; ``people`` are the members, with their roles; ``ways`` by person."""

    rotas: dict[tuple[UUID, int], Schedule]
    people: dict[UUID, tuple[str, frozenset[str]]]
    ways: dict[UUID, tuple[Way, ...]]
    channels: frozenset[UUID]
    held: dict[UUID, datetime]

    def behind(self, step: Step, alert: Alert, now: datetime, also: Iterable[UUID] = ()) -> Behind:
        """Whom a step wakes for an alert now; ``also`` are people that it wakes besides."""
        asked = [person for target in step.targets for person in self._people(target, alert, now)]
        wanted = [person for person in dict.fromkeys([*also, *asked]) if person in self.people]
        found = [UUID(target.value) for target in step.targets if target.aim is Aim.CHANNEL]
        return Behind(
            people={person: self.ways[person] for person in wanted if person in self.ways},
            unreachable=tuple(person for person in wanted if person not in self.ways),
            channels=tuple(channel for channel in dict.fromkeys(found) if channel in self.channels),
        )

    def name(self, person: UUID) -> str:
        return self.people[person][0] if person in self.people else "somebody who left"

    def _people(self, target: Target, alert: Alert, now: datetime) -> Iterable[UUID]:
        if target.aim is Aim.ROTA:
            schedule = self.rotas.get((alert.team_id, int(target.value))) if alert.team_id else None
            return rules.people_at(schedule, now) if schedule else ()
        if target.aim is Aim.OWNER:
            return (alert.workload.owner_id,) if alert.workload else ()
        if target.aim is Aim.ROLE:
            return [person for person, (_, roles) in self.people.items() if target.value in roles]
        return (UUID(target.value),) if target.aim is Aim.PERSON else ()


def scene(tenant_id: UUID, alerts: Iterable[Alert], now: datetime) -> Scene:
    """What says who is woken for these alerts (their workloads joined), in a fixed number of statements."""
    rows = list(alerts)
    teams = {alert.team_id for alert in rows if alert.team_id}
    workloads = {alert.workload_id for alert in rows if alert.workload_id}
    rotas = list(Rota.objects.filter(tenant=tenant_id, team__in=teams))
    schedules = queries.schedules(rotas)
    told = together(
        {
            "channels": (usable(tenant_id), JSONObject(id="id", person="person", made="created_at")),
            "people": (
                members(tenant_id).filter(user__is_active=True),
                JSONObject(id="user", name="user__name", roles="roles"),
            ),
            "rules": (_rules(tenant_id), JSONObject(id="id", person="person", channel="channel", after="after")),
            "held": (maintenance_now(tenant_id, workloads, now), JSONObject(workload="workload", end="end")),
        }
    )
    return Scene(
        rotas={(rota.team_id, rota.rank): schedules[rota.id] for rota in rotas},
        people={UUID(row["id"]): (row["name"], frozenset(row["roles"])) for row in told["people"]},
        ways=_ways(told["channels"], told["rules"]),
        channels=frozenset(UUID(row["id"]) for row in told["channels"]),
        held={
            UUID(row["workload"]): instant(row["end"]) for row in sorted(told["held"], key=lambda row: str(row["end"]))
        },
    )


def usable(tenant_id: UUID) -> QuerySet[Channel]:
    """Every channel that was verified and is still wanted."""
    return Channel.objects.filter(tenant=tenant_id, removed_at=None, verified_at__isnull=False)


def _rules(tenant_id: UUID) -> QuerySet[NotificationRule]:
    live = usable(tenant_id).values("id")
    return NotificationRule.objects.filter(tenant=tenant_id, urgency=Urgency.PAGE, channel__in=live)


def _ways(channels: list[dict[str, Any]], ruled: list[dict[str, Any]]) -> dict[UUID, tuple[Way, ...]]:
    """As people's own rules say; without any of those, every channel at once."""
    own: dict[UUID, list[Way]] = defaultdict(list)
    for row in sorted(ruled, key=lambda row: (row["after"], row["id"])):
        own[UUID(row["person"])].append(Way(UUID(row["channel"]), timedelta(seconds=row["after"])))
    every: dict[UUID, list[Way]] = defaultdict(list)
    for row in sorted(channels, key=lambda row: (str(row["made"]), str(row["id"]))):
        if row["person"] is not None:
            every[UUID(row["person"])].append(Way(UUID(row["id"])))
    return {person: tuple(own.get(person) or ways) for person, ways in every.items()}
