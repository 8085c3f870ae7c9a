"""Reading alerts: the list, one with its story, and who acknowledged in time (D2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from apps.ownership.models import Alert, AlertMember, Incident, Maintenance, Notification, OnCallEvent
from apps.ownership.models.alerts import OPEN, AlertState
from apps.ownership.models.channels import SendState
from apps.tenants.queries import members, teams
from apps.workloads.models import Workload
from portal.errors import NotFound
from portal.tenancy.together import together

IN_TIME = timedelta(minutes=15)
_JOINED = ("team", "workload__owner", "workload__team", "acknowledged_by", "incident", "policy", "integration")


def alerts(tenant_id: UUID, *, is_open: bool | None = None) -> QuerySet[Alert]:
    """Newest first. Every member sees them: what is wrong, and who has it, is no secret inside a tenant."""
    rows = Alert.objects.filter(tenant=tenant_id).select_related(*_JOINED)
    if is_open is not None:
        rows = rows.filter(OPEN) if is_open else rows.exclude(OPEN)
    return rows.order_by("-created_at", "-id")


def alert(tenant_id: UUID, alert_id: UUID) -> Alert:
    found = alerts(tenant_id).filter(id=alert_id).first()
    if found is None:
        raise NotFound()
    return found


def locked(alert: Alert) -> Alert:
    """The row as it is now, held until the transaction ends."""
    rows = Alert.objects.filter(tenant=alert.tenant_id, id=alert.id).select_related(*_JOINED)
    return rows.select_for_update(of=("self",)).get()


def story(alert: Alert) -> QuerySet[OnCallEvent]:
    return OnCallEvent.objects.filter(tenant=alert.tenant_id, alert=alert.id).order_by("created_at", "id")


def deliveries(alert: Alert) -> QuerySet[Notification]:
    """The delivery log of an alert: who, how, when, with what outcome."""
    rows = Notification.objects.filter(tenant=alert.tenant_id, alert=alert.id)
    return rows.select_related("person", "channel").order_by("created_at", "due_at", "id")


def incidents(tenant_id: UUID) -> QuerySet[Incident]:
    rows = Incident.objects.filter(tenant=tenant_id).select_related("team", "workload__owner", "commander")
    return rows.order_by("-created_at", "-id")


def incident(tenant_id: UUID, incident_id: UUID) -> Incident:
    found = incidents(tenant_id).filter(id=incident_id).first()
    if found is None:
        raise NotFound()
    return found


def acknowledged_in_time(workload: Workload) -> Alert | None:
    """The newest alert, real or simulated, that somebody who was paged for it acknowledged in time (D2, CALL-6).

    An acknowledgement by anybody else doesn't count, nor does one by somebody whose page never went out before it.
    """
    told = Notification.objects.filter(
        Q(sent_at__lte=OuterRef("acknowledged_at")),
        tenant=workload.tenant_id,
        alert=OuterRef("id"),
        person=OuterRef("acknowledged_by"),
        channel__isnull=False,
        state=SendState.SENT,
    )
    rows = Alert.objects.filter(
        Exists(told),
        tenant=workload.tenant_id,
        workload=workload.id,
        acknowledged_at__isnull=False,
        acknowledged_at__lte=F("created_at") + IN_TIME,
    )
    return rows.select_related("acknowledged_by").order_by("-acknowledged_at").first()


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside an alert: the members of its group that still fire first, and whom it may be handed to."""

    members: list[dict[str, Any]]
    people: list[tuple[str, str]]
    teams: list[tuple[str, str]]


def beside(alert: Alert) -> Beside:
    """In one statement."""
    group = AlertMember.objects.filter(tenant=alert.tenant_id, alert=alert.id)
    told = together(
        {
            "members": (group, JSONObject(fingerprint="fingerprint", labels="labels", ended_at="ended_at")),
            "people": (members(alert.tenant_id), JSONObject(id="user", name="user__name")),
            "teams": (teams(alert.tenant_id), JSONObject(id="id", name="name")),
        }
    )
    return Beside(
        members=sorted(told["members"], key=lambda row: (row["ended_at"] or "", row["fingerprint"])),
        people=_by_name(told["people"]),
        teams=_by_name(told["teams"]),
    )


def _by_name(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted(((row["id"], row["name"]) for row in rows), key=lambda pair: pair[1])


def open_of(workload: Workload) -> QuerySet[Alert]:
    return alerts(workload.tenant_id, is_open=True).filter(workload=workload.id)


def maintenance_now(tenant_id: UUID, workloads: Iterable[UUID], now: datetime) -> QuerySet[Maintenance]:
    """What holds the alerts of these workloads at this instant."""
    return Maintenance.objects.filter(
        tenant=tenant_id, workload__in=list(workloads), start__lte=now, end__gt=now, ended_at=None
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """Open alerts: how many nobody has, how many somebody has, how many climbed to the end without an answer."""

    triggered: int = 0
    acknowledged: int = 0
    unanswered: int = 0


def counted(tenant_id: UUID) -> Counted:
    triggered = Q(state=AlertState.TRIGGERED)
    found = Alert.objects.filter(OPEN, tenant=tenant_id).aggregate(
        triggered=Count("id", filter=triggered),
        acknowledged=Count("id", filter=Q(state=AlertState.ACKNOWLEDGED)),
        unanswered=Count("id", filter=triggered & Q(exhausted_at__isnull=False)),
    )
    return Counted(**found)
