"""Which open report of its workload a new one is most like: found by a worker, shown as a suggestion (FEED-2)."""

from uuid import UUID

from apps.feedback import similar
from apps.feedback.models import Report
from apps.feedback.rules import OPEN

# Enough to find a likeness in; older ones have been looked at.
_COMPARED = 200


def find(*, tenant_id: UUID, report_id: UUID) -> None:
    """Running twice finds the same."""
    report = Report.objects.get(tenant=tenant_id, id=report_id)
    rows = Report.objects.filter(
        tenant=tenant_id, workload=report.workload_id, state__in=sorted(OPEN), created_at__lt=report.created_at
    )
    newest = rows.order_by("-created_at").values_list("id", "what_happened", "would_help")[:_COMPARED]
    texts = {row_id: f"{happened}\n{would}" for row_id, happened, would in newest}
    found = similar.nearest(f"{report.what_happened}\n{report.would_help}", texts)
    if found is not None:
        Report.objects.filter(tenant=tenant_id, id=report.id).update(near=found.report, likeness=found.likeness)
