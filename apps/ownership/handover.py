"""Handing a workload over: offered, accepted by those who take it on, and on record with its dates (CALL-1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import JSONObject

from apps.accounts.models import User
from apps.audit.actions import record
from apps.ownership import queries
from apps.ownership.alerts.queries import maintenance_now
from apps.ownership.models import Handover, OwnershipPeriod
from apps.ownership.rules import JOBS
from apps.tenants.models import Team
from apps.tenants.queries import membership, teams
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from portal.reasons import given
from portal.tenancy.together import instant, together


def offer(*, workload: Workload, to: User | Team, reason: str, by: User, actor: Actor, now: datetime) -> Handover:
    """Offer a workload to another owner or another team.

    Raises:
        Invalid: no reason, or somebody who isn't a member.
        Refused: it is theirs already, or is offered to somebody.
    """
    given(reason)
    owner, team = (to, None) if isinstance(to, User) else (None, to)
    if owner is not None and membership(workload.tenant_id, owner.id) is None:
        raise Invalid("not_a_member", "The owner has to be a member of this tenant.")
    if to.id in {workload.owner_id, workload.team_id}:
        raise Refused("theirs_already", f"{workload.key} is theirs already.")
    try:
        with transaction.atomic():
            made = Handover.objects.create(
                tenant_id=workload.tenant_id,
                workload=workload,
                to_owner=owner,
                to_team=team,
                reason=reason.strip()[:300],
                by=by,
                created_at=now,
            )
    except IntegrityError as error:
        raise Refused("offered_already", "It is offered to somebody already; withdraw that first.") from error
    after = {"to": owner.email if owner else to.slug if isinstance(to, Team) else ""}
    record(actor=actor, action="workload.offered", obj=made, after=after, reason=reason)
    return made


def accept(*, handover: Handover, by: User, actor: Actor, now: datetime) -> Handover:
    """Take it on: the new owner in person, a team by anybody in it. From here on it is theirs.

    Raises:
        Forbidden: it was offered to somebody else.
        Conflict: it was accepted, declined or withdrawn meanwhile.
    """
    mine = handover.to_owner_id == by.id if handover.to_owner_id else handover.to_team_id in actor.teams
    if not mine or actor.user_id != by.id:
        raise Forbidden("not_offered", "It was offered to somebody else.")
    workload = _locked(handover.workload)
    _end(handover, now, accepted_by=by)
    owner, team = handover.to_owner or workload.owner, handover.to_team or workload.team
    _write_period(workload, owner, team, now)
    workloads.hand_over(workload=workload, owner=owner, team=team, actor=actor, reason=handover.reason)
    return handover


def end(*, handover: Handover, by: User, actor: Actor, now: datetime) -> None:
    """Decline it, or take the offer back."""
    concerned = {handover.by_id, handover.to_owner_id, handover.workload.owner_id}
    if by.id not in concerned and handover.to_team_id not in actor.teams:
        raise Forbidden("not_offered", "Only those concerned end an offer.")
    _end(handover, now)
    record(actor=actor, action="workload.offer_ended", obj=handover)


def handovers(workload: Workload) -> QuerySet[Handover]:
    rows = Handover.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("to_owner", "to_team", "by", "accepted_by").order_by("-created_at", "-id")


def offers_to(tenant_id: UUID, actor: Actor) -> QuerySet[Handover]:
    """What is offered to the actor or to one of their teams, whatever else they may see; their own offers too."""
    mine = Q(to_owner=actor.user_id) | Q(to_team__in=actor.teams) | Q(by=actor.user_id)
    rows = Handover.objects.filter(mine, tenant=tenant_id, ended_at=None)
    return rows.select_related("workload__owner", "to_owner", "to_team", "by").order_by("created_at", "id")


def offered(tenant_id: UUID, actor: Actor, handover_id: UUID) -> Handover:
    found = offers_to(tenant_id, actor).filter(id=handover_id).first()
    if found is None:
        raise NotFound()
    return found


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a workload's people: the team of three by job, who had it before (newest first; empty as
    long as it never changed hands), until when maintenance keeps its alerts from climbing, and the tenant's teams.
    """

    named: dict[str, list[dict[str, Any]]]
    periods: list[dict[str, Any]]
    held_until: datetime | None
    teams: list[tuple[str, str]]


def beside(workload: Workload, now: datetime) -> Beside:
    """In one statement."""
    mine = OwnershipPeriod.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    told = together(
        {
            "periods": (mine, JSONObject(owner="owner__name", team="team__name", start="start", end="end")),
            "held": (maintenance_now(workload.tenant_id, [workload.id], now), JSONObject(end="end")),
            "teams": (teams(workload.tenant_id), JSONObject(id="id", name="name")),
            "named": (queries.named(workload), JSONObject(job="job", id="person", name="person__name")),
        }
    )
    named: dict[str, list[dict[str, Any]]] = {job.value: [] for job in JOBS}
    for row in sorted(told["named"], key=lambda row: str(row["name"])):
        named[row["job"]].append(row)
    periods = [
        {**row, "start": instant(row["start"]), "end": instant(row["end"]) if row["end"] else None}
        for row in told["periods"]
    ]
    held = [instant(row["end"]) for row in told["held"]]
    return Beside(
        named=named,
        periods=sorted(periods, key=lambda row: row["start"], reverse=True),
        held_until=max(held, default=None),
        teams=sorted(((row["id"], row["name"]) for row in told["teams"]), key=lambda pair: pair[1]),
    )


def _locked(workload: Workload) -> Workload:
    rows = Workload.objects.select_for_update(of=("self",)).select_related("owner", "team")
    return rows.get(tenant=workload.tenant_id, id=workload.id)


def _end(handover: Handover, now: datetime, accepted_by: User | None = None) -> None:
    rows = Handover.objects.filter(tenant=handover.tenant_id, id=handover.id, ended_at=None)
    if not rows.update(ended_at=now, accepted_by=accepted_by):
        raise Conflict("over", "This offer is over: it was accepted, declined or withdrawn.")
    handover.ended_at, handover.accepted_by = now, accepted_by


def _write_period(workload: Workload, owner: User, team: Team | None, now: datetime) -> None:
    """The former one ends where the new one begins; the first of all began when the workload was registered."""
    common = {"tenant_id": workload.tenant_id, "workload": workload}
    rows = OwnershipPeriod.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    if not rows.filter(end=None).update(end=now) and workload.created_at < now:
        OwnershipPeriod.objects.create(
            **common, owner=workload.owner, team=workload.team, start=workload.created_at, end=now
        )
    OwnershipPeriod.objects.create(**common, owner=owner, team=team, start=now)
