"""What is told to whom about reports: answers to reporters, settled themes to those who said "me too" (FEED-2)."""

from contextlib import suppress
from uuid import UUID

from apps.feedback import desks, tasks
from apps.feedback.models import MeToo, Report, ReportEvent, Theme
from apps.ownership.channels.telling import tell_of
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction


@handles("feedback.filed")
def take_in(envelope: Envelope) -> None:
    """Tell the desk, and have looked for what it is most like; pages don't wait for that, nor for the broker."""
    with tenant_transaction(envelope.tenant_id):
        report = _report(envelope)
        said = "Somebody reported a soft failure; they see your answer."
        _tell_the_desk_of(report, envelope, report.get_category_display(), said)

    with suppress(Exception):
        tasks.find_near.delay(tenant_id=str(envelope.tenant_id), report_id=envelope.payload["report"])


@handles("feedback.reopened")
def tell_the_desk(envelope: Envelope) -> None:
    """Somebody says that a fix didn't help."""
    with tenant_transaction(envelope.tenant_id):
        said = "Whoever reported it says that the fix didn't help; it is open again."
        _tell_the_desk_of(_report(envelope), envelope, "it isn't better", said)


@handles("feedback.answered")
def tell_the_reporters(envelope: Envelope) -> None:
    """Whoever reported it, or a duplicate of it; ``only`` names the one that was merged after the answer."""
    with tenant_transaction(envelope.tenant_id):
        report = _report(envelope)
        event = ReportEvent.objects.get(tenant=envelope.tenant_id, id=envelope.payload["event"])
        for person, own in _reporters(report, envelope.payload.get("only")).items():
            tell_of(
                envelope,
                people=[person],
                title=f"Your report on {report.workload.key}: {event.state}",
                body=event.text[:500],
                link=f"feedback/{own}/",
            )


@handles("feedback.better")
def ask_the_reporters(envelope: Envelope) -> None:
    """Whoever reported it, or a duplicate of it."""
    with tenant_transaction(envelope.tenant_id):
        report = _report(envelope)
        version = report.fixed_in.label if report.fixed_in else ""
        for person, own in _reporters(report).items():
            tell_of(
                envelope,
                people=[person],
                title=f"Is {report.workload.key} better now?",
                body=f"A week ago version {version} was said to fix what you reported. One click says whether it does.",
                link=f"feedback/{own}/",
            )


@handles("feedback.settled")
def tell_who_said_me_too(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        theme = Theme.objects.select_related("workload").get(tenant=envelope.tenant_id, id=envelope.payload["theme"])
        rows = MeToo.objects.filter(tenant=envelope.tenant_id, theme=theme.id, person__isnull=False)
        tell_of(
            envelope,
            people=list(rows.values_list("person", flat=True)),
            title=f"{theme.workload.key}: {theme.title}",
            body=envelope.payload["text"][:500],
            link=f"feedback/themes/{theme.id}/",
        )


def _report(envelope: Envelope) -> Report:
    rows = Report.objects.select_related("workload__owner", "fixed_in")
    return rows.get(tenant=envelope.tenant_id, id=UUID(envelope.payload["report"]))


def _tell_the_desk_of(report: Report, envelope: Envelope, what: str, said: str) -> None:
    tell_of(
        envelope,
        people=desks.attending(report.workload),
        title=f"{report.workload.key}: {what}",
        body=said,
        link=f"feedback/{report.id}/",
    )


def _reporters(report: Report, only: str | None = None) -> dict[UUID, UUID]:
    """Whoever reported it, or a duplicate of it, each with their own report; ``only`` names one of those."""
    same = Report.objects.filter(tenant=report.tenant_id, duplicate_of=report.id)
    rows = [row for row in [*same, report] if only is None or str(row.id) == only]
    return {row.reporter_id: row.id for row in rows if row.reporter_id is not None}
