"""Reading rollouts; and finding, across tenants and in one statement, those that are due."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.rollouts.machine import ACTIVE, SERVING, State
from apps.rollouts.models import Rollout, RolloutTransition
from apps.workloads import queries as workloads
from portal.actor import Actor
from portal.errors import NotFound
from portal.tenancy.due import by_tenant


def rollouts(tenant_id: UUID, actor: Actor) -> QuerySet[Rollout]:
    """Rollouts of the workloads that the actor may see, newest first."""
    seen = workloads.visible(tenant_id, actor)
    rows = Rollout.objects.filter(tenant=tenant_id, workload__in=seen)
    return rows.select_related("workload", "version", "control_version", "author", "approval").order_by(
        "-created_at", "-id"
    )


def of_workload(workload_id: UUID, tenant_id: UUID) -> QuerySet[Rollout]:
    rows = Rollout.objects.filter(tenant=tenant_id, workload=workload_id)
    return rows.select_related("version", "control_version").order_by("-created_at", "-id")


def rollout_for(tenant_id: UUID, actor: Actor, rollout_id: UUID, permission: str = "see_workload") -> Rollout:
    """A rollout on whose workload the actor holds ``permission``; see :func:`apps.workloads.queries.workload_for`."""
    found = rollouts(tenant_id, actor).filter(id=rollout_id).first()
    if found is None:
        raise NotFound()
    if permission != "see_workload":
        workloads.workload_for(tenant_id, actor, found.workload.key, permission)
    return found


def transitions(rollout: Rollout) -> QuerySet[RolloutTransition]:
    return RolloutTransition.objects.filter(tenant=rollout.tenant_id, rollout=rollout).order_by("revision")


def served(tenant_id: UUID) -> list[Rollout]:
    """The rollouts that the decision path has to know."""
    rows = Rollout.objects.filter(tenant=tenant_id, state__in=[*ACTIVE, State.COMPLETED], started_at__isnull=False)
    live = rows.exclude(state=State.COMPLETED, watch_until=None)
    return list(live.select_related("version", "control_version").order_by("workload_id", "-started_at"))


def waiting(tenant_id: UUID, actor: Actor) -> QuerySet[Rollout]:
    return rollouts(tenant_id, actor).filter(state=State.AWAITING_APPROVAL, approval=None)


def carried_by(team: str) -> Coalesce:
    """How many rollouts a team carries now, to annotate rows with whose column ``team`` is the team's id."""
    rows = Rollout.objects.filter(
        tenant=OuterRef("tenant"), workload__team=OuterRef(team), state__in=[*SERVING, State.ROLLING_BACK]
    )
    return Coalesce(Subquery(rows.order_by().values("workload__team").annotate(n=Count("id")).values("n")), 0)


def due(now: datetime, limit: int = 5_000) -> dict[UUID, list[UUID]]:
    """Rollouts whose next look is due: ids by tenant, most overdue first."""
    return by_tenant(
        "rollouts.find",
        lambda alias: Rollout.objects.using(alias).filter(next_check_at__lte=now).order_by("next_check_at"),
        limit,
    )
