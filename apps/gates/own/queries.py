"""A tenant's own criteria as criteria, as documents, and as what ages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.gates.criteria import CRITERIA, ORDER, Concerns, Criterion, Traits, defined, judge_own
from apps.gates.documents import DOCUMENTS, Document, Field
from apps.gates.freshness import Reported, Standing, stand
from apps.gates.models import Evidence, OwnCriterion, Source
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from apps.workloads.policy import Stage
from portal.actor import Actor
from portal.errors import NotFound

PREFIX = "own."
MOST = 50
_FIELDS = (Field("holds", "It holds", "yes"), Field("shown_by", "What shows it", "long"))


def rows(tenant_id: UUID) -> QuerySet[OwnCriterion]:
    """Those that aren't retired."""
    return OwnCriterion.objects.filter(tenant=tenant_id, retired_at=None).select_related("by").order_by("code")


def row(tenant_id: UUID, code: str) -> OwnCriterion:
    found = rows(tenant_id).filter(code=code).first()
    if found is None:
        raise NotFound()
    return found


def criteria(tenant_id: UUID, stage: str) -> list[Criterion]:
    return [criterion(each) for each in rows(tenant_id).filter(stage=stage)]


def criterion(each: OwnCriterion) -> Criterion:
    return Criterion(
        each.code,
        Stage(each.stage),
        each.title,
        PREFIX + each.code,
        judge_own,
        timedelta(days=each.valid_days) if each.valid_days else None,
        is_own=True,
        concerns=Concerns(tuple(each.shapes), tuple(each.sensitivities), each.customer_facing_only),
        counts_from=each.counts_from,
    )


COLUMNS = (
    "code",
    "stage",
    "title",
    "valid_days",
    "shapes",
    "sensitivities",
    "customer_facing_only",
    "counts_from",
)


def from_json(row: Mapping[str, Any]) -> Criterion:
    """From the columns above as the database writes them in JSON."""
    return defined(row["code"], {**row, "kind": PREFIX + row["code"]})


def document(tenant_id: UUID, kind: str) -> Document | None:
    """What is filled in for a kind of evidence: one of everybody's documents, or that of an own criterion."""
    if not kind.startswith(PREFIX):
        return DOCUMENTS.get(kind)
    found = rows(tenant_id).filter(code=kind.removeprefix(PREFIX)).first()
    return Document(kind, f"{found.code} {found.title}", found.intro, _FIELDS) if found else None


def life(tenant_id: UUID, kind: str) -> timedelta | None:
    """How long a document of this kind is fresh; None if it doesn't age."""
    if not kind.startswith(PREFIX):
        return next((c.valid_for for c in CRITERIA if c.kind == kind and kind in DOCUMENTS), None)
    found = rows(tenant_id).filter(code=kind.removeprefix(PREFIX)).first()
    return criterion(found).valid_for if found else None


@dataclass(frozen=True, slots=True)
class Ageing:
    """A document that runs out: its title and how long it is fresh."""

    title: str
    life: timedelta


def ageing(tenant_id: UUID) -> dict[str, Ageing]:
    """Every kind of document that runs out, in one statement."""
    everybodys = [(c.kind, DOCUMENTS[c.kind].title, c.valid_for) for c in CRITERIA if c.kind in DOCUMENTS]
    own = [(PREFIX + each.code, str(each), criterion(each).valid_for) for each in rows(tenant_id)]
    return {kind: Ageing(title, lasts) for kind, title, lasts in [*everybodys, *own] if lasts is not None}


def traits_of(workload: Workload) -> Traits:
    return Traits(workload.shape, workload.sensitivity, workload.customer_facing)


def preview(each: OwnCriterion, actor: Actor, now: datetime, limit: int = 200) -> list[tuple[Workload, Standing]]:
    """How the workloads that it would concern stand by it, as if it counted already: who would drop (S8)."""
    found = criterion(each)
    reached = [stage.value for stage in ORDER[ORDER.index(found.stage) :]]
    concerned = list(workloads.visible(each.tenant_id, actor).filter(stage__in=reached)[:limit])
    latest = Evidence.objects.filter(
        tenant=each.tenant_id, workload__in=concerned, kind=found.kind, source=Source.ATTESTATION
    ).order_by("workload", "-observed_at", "-created_at")
    shown = {e.workload_id: e for e in latest.distinct("workload")}
    at = max(now, each.counts_from)
    return [(workload, _judged(found, workload, shown.get(workload.id), at)) for workload in concerned]


def _judged(found: Criterion, workload: Workload, evidence: Evidence | None, at: datetime) -> Standing:
    reported = Reported(evidence.content, evidence.observed_at) if evidence else None
    return stand(found, reported, {}, at, traits=traits_of(workload))
