"""What a workload's team does with reports: answers, merges, groups (FEED-2). Each report is answered in words."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.feedback.actions import LONGEST
from apps.feedback.models import Report, ReportEvent, Theme
from apps.feedback.rules import BETTER_AFTER, MOVES, State
from apps.workloads.models import AgentVersion, Workload
from portal.actor import Actor
from portal.errors import Conflict, Invalid, Refused
from portal.outbox.actions import enqueue

Kind = ReportEvent.Kind


def answer(
    *,
    report: Report,
    state: str,
    text: str,
    actor: Actor,
    now: datetime,
    fixed_in: AgentVersion | None = None,
    seen: str = "",
) -> Report:
    """Tell the reporter what becomes of it. ``seen`` is the state that the answer was written for, if it is known.

    Raises:
        Invalid: no words; fixed without the version that fixes it; no such state.
        Conflict: somebody moved it meanwhile.
        Refused: it can't go there from where it is, or it is a duplicate.
    """
    found = _held(report)
    if seen and found.state != seen:
        raise Conflict("moved", f"Somebody moved it to {found.get_state_display()} meanwhile; look again.")
    _check(found, state, text, fixed_in)
    before = found.state
    found.state, found.answered_at = state, found.answered_at or now
    found.fixed_in = fixed_in if state == State.FIXED else None
    found.better_due_at = now + BETTER_AFTER if state == State.FIXED else None
    found.is_better, found.is_reopened = None, False
    found.save(update_fields=["state", "answered_at", "fixed_in", "better_due_at", "is_better", "is_reopened"])
    Report.objects.filter(tenant=found.tenant_id, duplicate_of=found.id).update(is_better=None)
    event = _note(found, Kind.ANSWERED, actor, now, text=text.strip())
    after = {"state": state, "fixed_in": fixed_in.label if fixed_in else ""}
    record(actor=actor, action="feedback.answered", obj=found, before={"state": before}, after=after)
    _have_told(found, event, now)
    return found


def answer_all(
    *,
    reports: Sequence[Report],
    state: str,
    text: str,
    actor: Actor,
    now: datetime,
    fixed_in: AgentVersion | None = None,
) -> int:
    """The same answer to many, all or none: those that it can't be given to are named."""
    # All of them before the first is written down: the trail's lock comes after every row's.
    for report in _rows(reports):
        answer(report=report, state=state, text=text, actor=actor, now=now, fixed_in=fixed_in)
    return len(reports)


def merge(*, report: Report, into: Report, actor: Actor, now: datetime) -> Report:
    """It is a duplicate: from now on it goes with ``into``. Merging it there again changes nothing.

    Raises:
        Refused: with itself, into a duplicate, across workloads, or while it has duplicates itself.
    """
    if report.id == into.id:
        raise Refused("itself", "A report is no duplicate of itself.")
    held = {row.id: row for row in _rows([report, into])}
    one, other = held[report.id], held[into.id]
    if one.duplicate_of_id == other.id:
        return one
    if one.workload_id != other.workload_id:
        raise Refused("other_workload", "Duplicates are of one workload.")
    if one.duplicate_of_id is not None or other.duplicate_of_id is not None:
        raise Refused("is_duplicate", "One of them is a duplicate already: take it out first, or merge into the other.")
    if Report.objects.filter(tenant=one.tenant_id, duplicate_of=one.id).exists():
        raise Refused("has_duplicates", "It has duplicates itself: merge the other one into it.")
    one.duplicate_of, one.better_due_at = other, None
    one.save(update_fields=["duplicate_of", "better_due_at"])
    _note(one, Kind.MERGED, actor, now, text=str(other.id))
    said = ReportEvent.objects.filter(tenant=one.tenant_id, report=other.id, kind=Kind.ANSWERED)
    last = said.order_by("created_at", "id").last()
    if last is not None:
        payload = {"report": str(other.id), "event": str(last.id), "only": str(one.id)}
        enqueue(topic="feedback.answered", key=f"{last.id}:{one.id}", payload=payload, now=now)
    record(actor=actor, action="feedback.merged", obj=one, after={"into": str(other.id)})
    return one


def unmerge(*, report: Report, actor: Actor, now: datetime) -> Report:
    """It isn't the same after all: it stands where it stood before. Taking it out twice changes nothing."""
    found = _held(report)
    if found.duplicate_of_id is None:
        return found
    before = str(found.duplicate_of_id)
    found.duplicate_of = None
    found.save(update_fields=["duplicate_of"])
    _note(found, Kind.UNMERGED, actor, now)
    record(actor=actor, action="feedback.unmerged", obj=found, before={"into": before})
    return found


def make_theme(
    *, workload: Workload, title: str, reports: Sequence[Report], maker: User, actor: Actor, now: datetime
) -> Theme:
    """Give what several reports have in common a name. Everybody in the tenant reads it: it quotes no report.

    Raises:
        Invalid: no title, or a report of another workload.
        Refused: there is a theme of that name.
    """
    title = " ".join(title.split())
    if not 1 <= len(title) <= 120:
        raise Invalid("title", "Name the theme, in at most 120 characters.")
    _rows(reports)
    try:
        with transaction.atomic():
            theme = Theme.objects.create(
                tenant_id=workload.tenant_id, workload=workload, title=title, made_by=maker, created_at=now
            )
    except IntegrityError as error:
        raise Refused("title_taken", f"{workload.key} has a theme {title!r} already: add the reports to it.") from error
    record(actor=actor, action="feedback.theme_made", obj=theme, after={"title": title})
    group(theme=theme, reports=reports, actor=actor, now=now)
    return theme


def group(*, theme: Theme, reports: Sequence[Report], actor: Actor, now: datetime) -> int:
    """Put reports into a theme, out of any other. Returns how many weren't in it."""
    if any(report.workload_id != theme.workload_id for report in reports):
        raise Invalid("other_workload", "A theme's reports are of one workload.")
    if theme.closed_at is not None:
        raise Refused("theme_closed", "This theme is settled; make a new one.")
    moved = [report for report in _rows(reports) if report.theme_id != theme.id]
    for report in moved:
        report.theme = theme
        report.save(update_fields=["theme"])
        _note(report, Kind.GROUPED, actor, now, text=theme.title)
    if moved:
        record(actor=actor, action="feedback.grouped", obj=theme, after={"reports": [str(r.id) for r in moved]})
    return len(moved)


def ungroup(*, report: Report, actor: Actor, now: datetime) -> Report:
    found = _held(report)
    if found.theme_id is None:
        return found
    before = str(found.theme_id)
    found.theme = None
    found.save(update_fields=["theme"])
    _note(found, Kind.UNGROUPED, actor, now)
    record(actor=actor, action="feedback.ungrouped", obj=found, before={"theme": before})
    return found


def settle(*, theme: Theme, text: str, actor: Actor, now: datetime) -> Theme:
    """Close a theme and tell everybody who said "me too"; its reports are answered on their own."""
    if not 1 <= len(text.strip()) <= LONGEST:
        raise Invalid("text", f"Say what became of it, in at most {LONGEST} characters.")
    if not Theme.objects.filter(tenant=theme.tenant_id, id=theme.id, closed_at=None).update(closed_at=now):
        raise Conflict("theme_closed", "It was settled already.")
    theme.closed_at = now
    record(actor=actor, action="feedback.theme_settled", obj=theme, after={"text": text.strip()})
    payload = {"theme": str(theme.id), "text": text.strip()}
    enqueue(topic="feedback.settled", key=str(theme.id), payload=payload, now=now)
    return theme


def ask_whether_better(*, tenant_id: UUID, ids: Sequence[UUID], actor: Actor, now: datetime) -> int:
    """A week after a fix, each reporter is asked once. Returns how many were."""
    rows = Report.objects.filter(tenant=tenant_id, id__in=ids, better_due_at__lte=now, state=State.FIXED)
    due = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("id"))
    asked = [report for report in due if _has_a_reporter(report)]
    for report in due:
        report.better_due_at = None
    for report in asked:
        event = _note(report, Kind.ASKED, actor, now)
        payload = {"report": str(report.id), "event": str(event.id)}
        enqueue(topic="feedback.better", key=str(event.id), payload=payload, now=now)
    Report.objects.bulk_update(due, ["better_due_at"])
    return len(asked)


def _has_a_reporter(report: Report) -> bool:
    """Whether there is anybody to ask: somebody without a sign-in reads it in the widget, and isn't asked."""
    same = Report.objects.filter(tenant=report.tenant_id, duplicate_of=report.id, reporter__isnull=False)
    return report.reporter_id is not None or same.exists()


def _check(report: Report, state: str, text: str, fixed_in: AgentVersion | None) -> None:
    if report.duplicate_of_id is not None:
        raise Refused("is_duplicate", "It is a duplicate: answer the report that it belongs to.")
    if state not in set(State) - {State.NEW}:
        raise Invalid("state", "Choose what becomes of it.")
    if not 1 <= len(text.strip()) <= LONGEST or "\x00" in text:
        raise Invalid("text", f"Answer in words, at most {LONGEST} characters: its reporter reads them.")
    if state == State.FIXED and (fixed_in is None or fixed_in.workload_id != report.workload_id):
        raise Invalid("fixed_in", "Name the version of this workload that fixes it.")
    if State(state) not in MOVES[State(report.state)]:
        raise Refused("no_such_move", f"It is {report.get_state_display()}: take it up again first.")


def _have_told(report: Report, event: ReportEvent, now: datetime) -> None:
    payload = {"report": str(report.id), "event": str(event.id)}
    enqueue(topic="feedback.answered", key=str(event.id), payload=payload, now=now)


def _note(report: Report, kind: Kind, actor: Actor, now: datetime, text: str = "") -> ReportEvent:
    return ReportEvent.objects.create(
        tenant_id=report.tenant_id,
        report=report,
        kind=kind,
        state=report.state,
        text=text,
        by=actor.label,
        created_at=now,
    )


def _held(report: Report) -> Report:
    return _rows([report])[0]


def _rows(reports: Sequence[Report]) -> list[Report]:
    """The rows as they are now, held in one order whoever asks."""
    if not reports:
        return []
    rows = Report.objects.filter(tenant=reports[0].tenant_id, id__in=[report.id for report in reports])
    return list(rows.select_for_update(of=("self",)).order_by("id"))
