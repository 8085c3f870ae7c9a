from uuid import UUID

from django.db.models import QuerySet

from apps.gates.models import Evaluation, Upload
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


def open_uploads(workload: Workload) -> QuerySet[Upload]:
    """Large files that wait, are being read, or were refused lately."""
    rows = Upload.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.exclude(state=Upload.State.IMPORTED).select_related("by", "version").order_by("-created_at", "-id")


def upload(workload: Workload, upload_id: UUID) -> Upload:
    rows = Upload.objects.filter(tenant=workload.tenant_id, workload=workload.id, id=upload_id)
    found = rows.select_related("by", "version").first()
    if found is None:
        raise NotFound()
    return found
