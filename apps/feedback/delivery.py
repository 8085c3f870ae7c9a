"""What is told to whom about reports: answers to reporters, settled themes to those who said "me too" (FEED-2)."""

from uuid import UUID

from django.utils import timezone

from apps.feedback import desks, similar
from apps.feedback.models import MeToo, Report, ReportEvent, Theme
from apps.feedback.rules import OPEN
from apps.ownership.channels.actions import tell
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction

# Enough to find a likeness in; older ones have been looked at.
_COMPARED = 500


@handles("feedback.filed")
def take_in(envelope: Envelope) -> None:
    """Find what it is most like, and tell the desk."""
    with tenant_transaction(envelope.tenant_id):
        report = _report(envelope)
        _find_near(report)
        desk = desks.desk_of(report.workload)
        people = [row.person_id for row in desks.people_of(desk)] if desk else [report.workload.owner_id]
        tell(
            tenant_id=envelope.tenant_id,
            people=people,
            title=f"{report.workload.key}: {report.get_category_display()}",
            body="Somebody reported a soft failure; they see your answer.",
            link=f"feedback/{report.id}/",
            cause=envelope.message_id,
            now=timezone.now(),
        )


@handles("feedback.answered")
def tell_the_reporters(envelope: Envelope) -> None:
    """Whoever reported it, or a duplicate of it."""
    with tenant_transaction(envelope.tenant_id):
        report = _report(envelope)
        event = ReportEvent.objects.get(tenant=envelope.tenant_id, id=envelope.payload["event"])
        same = Report.objects.filter(tenant=envelope.tenant_id, duplicate_of=report.id)
        told = {row.reporter_id: row.id for row in [*same, report] if row.reporter_id is not None}
        for person, own in told.items():
            tell(
                tenant_id=envelope.tenant_id,
                people=[person],
                title=f"Your report on {report.workload.key}: {event.state}",
                body=event.text[:500],
                link=f"feedback/{own}/",
                cause=envelope.message_id,
                now=timezone.now(),
            )


@handles("feedback.better")
def ask_the_reporter(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        report = _report(envelope)
        if report.reporter_id is None:
            return
        version = report.fixed_in.label if report.fixed_in else ""
        tell(
            tenant_id=envelope.tenant_id,
            people=[report.reporter_id],
            title=f"Is {report.workload.key} better now?",
            body=f"A week ago version {version} was said to fix what you reported. One click says whether it does.",
            link=f"feedback/{report.id}/",
            cause=envelope.message_id,
            now=timezone.now(),
        )


@handles("feedback.settled")
def tell_who_said_me_too(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        theme = Theme.objects.select_related("workload").get(tenant=envelope.tenant_id, id=envelope.payload["theme"])
        rows = MeToo.objects.filter(tenant=envelope.tenant_id, theme=theme.id, person__isnull=False)
        tell(
            tenant_id=envelope.tenant_id,
            people=list(rows.values_list("person", flat=True)),
            title=f"{theme.workload.key}: {theme.title}",
            body=envelope.payload["text"][:500],
            link=f"feedback/themes/{theme.id}/",
            cause=envelope.message_id,
            now=timezone.now(),
        )


def _report(envelope: Envelope) -> Report:
    rows = Report.objects.select_related("workload__owner", "fixed_in")
    return rows.get(tenant=envelope.tenant_id, id=UUID(envelope.payload["report"]))


def _find_near(report: Report) -> None:
    rows = Report.objects.filter(
        tenant=report.tenant_id, workload=report.workload_id, state__in=sorted(OPEN), created_at__lt=report.created_at
    )
    texts = {
        row_id: f"{happened}\n{would}"
        for row_id, happened, would in rows.order_by("-created_at").values_list("id", "what_happened", "would_help")[
            :_COMPARED
        ]
    }
    found = similar.nearest(f"{report.what_happened}\n{report.would_help}", texts)
    if found is not None:
        Report.objects.filter(tenant=report.tenant_id, id=report.id).update(near=found.report, likeness=found.likeness)
