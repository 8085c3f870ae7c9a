from uuid import UUID

from django.db.models import QuerySet

from apps.gates.models import Evaluation
from apps.workloads.models import Workload
from portal.errors import NotFound


def evaluations(workload: Workload) -> QuerySet[Evaluation]:
    """A workload's imports, newest first."""
    rows = Evaluation.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("author", "version").order_by("-created_at", "-id")


def evaluation(workload: Workload, evaluation_id: UUID) -> Evaluation:
    found = evaluations(workload).filter(id=evaluation_id).first()
    if found is None:
        raise NotFound()
    return found


def latest_evaluations(workload: Workload) -> dict[str, Evaluation]:
    """The newest import of each purpose: what an older one said is history."""
    rows = Evaluation.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    newest = rows.order_by("purpose", "-created_at", "-id").distinct("purpose")
    return {row.purpose: row for row in newest}
