"""Reading runbooks and drills: only of workloads that the actor may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.runbooks.models import Drill, DrillStep, Runbook, RunbookVersion
from apps.runbooks.rules import Kind, Outcome, Worth, replaced, worth
from apps.workloads import queries as workloads
from portal.actor import Actor
from portal.errors import NotFound


def runbooks(tenant_id: UUID, actor: Actor) -> QuerySet[Runbook]:
    rows = Runbook.objects.filter(tenant=tenant_id, workload__in=workloads.visible(tenant_id, actor))
    return rows.select_related("workload", "owner", "published").order_by("title", "id")


def runbook_for(tenant_id: UUID, actor: Actor, runbook_id: UUID, permission: str = "see_workload") -> Runbook:
    found = runbooks(tenant_id, actor).filter(id=runbook_id).first()
    if found is None:
        raise NotFound()
    if permission != "see_workload":
        workloads.workload_for(tenant_id, actor, found.workload.key, permission)
    return found


def versions(runbook: Runbook) -> QuerySet[RunbookVersion]:
    rows = RunbookVersion.objects.filter(tenant=runbook.tenant_id, runbook=runbook.id)
    return rows.select_related("author", "reviewed_by", "published_by").order_by("-number")


def version(runbook: Runbook, number: int) -> RunbookVersion:
    found = versions(runbook).filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no version {number} of this runbook.")
    return found


def drills(runbook: Runbook) -> QuerySet[Drill]:
    rows = Drill.objects.filter(tenant=runbook.tenant_id, runbook=runbook.id)
    return rows.select_related("version", "started_by").order_by("-started_at")


def drill_for(tenant_id: UUID, actor: Actor, drill_id: UUID, permission: str = "see_workload") -> Drill:
    rows = Drill.objects.filter(tenant=tenant_id, workload__in=workloads.visible(tenant_id, actor), id=drill_id)
    found = rows.select_related("runbook", "version", "workload", "started_by").first()
    if found is None:
        raise NotFound()
    if permission != "see_workload":
        workloads.workload_for(tenant_id, actor, found.workload.key, permission)
    return found


def steps(drill: Drill) -> list[DrillStep]:
    rows = DrillStep.objects.filter(tenant=drill.tenant_id, drill=drill.id)
    return list(rows.select_related("ticked_by").order_by("number"))


def published_versions(tenant_id: UUID, workload_id: UUID) -> list[RunbookVersion]:
    """Every version of the workload's runbooks that was ever published, those that count now first, by title."""
    rows = RunbookVersion.objects.filter(tenant=tenant_id, runbook__workload=workload_id, published_at__isnull=False)
    found = rows.select_related("runbook").order_by("runbook__title", "-number")
    return sorted(found, key=lambda version: version.runbook.published_id != version.id)


@dataclass(frozen=True, slots=True)
class Drilled:
    """The last rollback drill that passed, and what it is worth."""

    drill: Drill
    worth: Worth


def last_passed(tenant_id: UUID, workload_id: UUID, versions: Sequence[RunbookVersion] | None = None) -> Drilled | None:
    """``versions`` are the workload's published ones, for whoever has them already."""
    rows = Drill.objects.filter(
        tenant=tenant_id, workload=workload_id, kind=Kind.ROLLBACK, outcome=Outcome.PASSED, finished_at__isnull=False
    )
    drill = rows.select_related("version").order_by("-finished_at").first()
    if drill is None or drill.finished_at is None:
        return None
    known = published_versions(tenant_id, workload_id) if versions is None else versions
    same = [each for each in known if each.runbook_id == drill.runbook_id]
    told = [(each.number, each.published_at, each.is_editorial) for each in same if each.published_at is not None]
    return Drilled(drill, worth(drill.finished_at, replaced(drill.version.number, told)))


def last_finished(tenant_id: UUID, workload_id: UUID) -> Drill | None:
    rows = Drill.objects.filter(tenant=tenant_id, workload=workload_id, kind=Kind.ROLLBACK)
    return rows.exclude(outcome=Outcome.RUNNING).order_by("-finished_at").first()


def running(tenant_id: UUID, workload_id: UUID) -> Drill | None:
    return Drill.objects.filter(tenant=tenant_id, workload=workload_id, outcome=Outcome.RUNNING).first()


def review_due(tenant_id: UUID, now: datetime) -> list[Runbook]:
    """Published runbooks that nobody has read through for longer than they ask for (RUN-1)."""
    rows = Runbook.objects.filter(tenant=tenant_id, published__isnull=False).select_related("workload", "owner")
    return [row for row in rows if row.review_due_at and row.review_due_at <= now]  # type: ignore[operator]
