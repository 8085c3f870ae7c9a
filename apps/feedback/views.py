"""What a frontline user sees: report it in 30 seconds, and what became of it (FEED-1, FEED-2)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.feedback import actions, pictures, queries, triage
from apps.feedback.actions import Person, Told
from apps.feedback.forms import AnswerForm, BetterForm, MergeForm, ReportForm
from apps.feedback.models import Report, Source
from apps.feedback.rules import MOVES, STATES, State
from apps.workloads import queries as workloads
from portal import undo
from portal.access import member
from portal.errors import Invalid, NotFound
from portal.requests import InTenant

PAGE = 25


@member
def my_reports(request: InTenant, slug: str) -> HttpResponse:
    """One's own reports, and what others report already: one click says "me too"."""
    mine, state = queries.mine(request.tenant.id, request.user.id), request.GET.get("state", "")
    state = state if state in set(State) else ""
    page = Paginator(mine.filter(state=state) if state else mine, PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    answers = queries.last_answers(rows)
    operated = workloads.permitted(request.tenant.id, request.actor, "operate_workload")
    context = {
        "page": page,
        "state": state,
        "states": STATES.items(),
        "rows": [(row, answers.get(row.duplicate_of_id or row.id)) for row in rows],
        "themes": queries.themes(request.tenant.id)[:10],
        "said": queries.said_me_too(request.tenant.id, request.user.id),
        "boards": queries.unanswered(request.tenant.id, operated)[:10],
        "now": timezone.now(),
    }
    return render(request, "feedback/mine.html", context)


@member
def report(request: InTenant, slug: str) -> HttpResponse:
    """The 30-second report. A link from an answer fills in the request and the workload."""
    tenant_id = request.tenant.id
    given = {name: request.GET.get(name, "")[:200] for name in ("workload", "request")}
    known = queries.workload_of_request(tenant_id, given["request"])
    chosen = known.key if known else given["workload"]
    options = dict(queries.reportable(tenant_id).values_list("key", "name"))
    form = ReportForm(
        request.POST or None,
        request.FILES or None,
        workloads=options,
        initial={"workload": chosen, "request_id": given["request"]},
    )
    if request.method == "POST" and form.is_valid():
        try:
            filed = _file(request, form, is_linked=bool(given["request"]))
        except Invalid as error:
            for field, words in error.data.get("fields", {None: error.message}).items():
                form.add_error(field, words)
        else:
            messages.success(request, "Thank you. You see here what becomes of it, and are told.")
            return redirect("report", slug, filed.id)
    is_fixed = chosen in options
    context = {
        "form": form,
        "chosen": {"key": chosen, "name": options[chosen]} if is_fixed else None,
        "given": given,
        "themes": queries.themes(tenant_id).filter(workload__key=chosen)[:5] if is_fixed else [],
        "said": queries.said_me_too(tenant_id, request.user.id),
        "largest": pictures.LARGEST,
    }
    return render(request, "feedback/report_form.html", context, status=400 if form.errors else 200)


def _file(request: InTenant, form: ReportForm, *, is_linked: bool) -> Report:
    said = form.cleaned_data
    upload = said["screenshot"]
    return actions.file_report(
        workload=queries.reportable_by_key(request.tenant.id, said["workload"]),
        told=Told(
            what_happened=said["what_happened"],
            would_help=said["would_help"],
            category=said["category"] or "unhelpful",
            severity=said["severity"] or "medium",
            request_id=said["request_id"],
            screenshot=_bytes(upload) if upload else None,
        ),
        person=Person(member=request.user),
        source=Source.LINK if is_linked else Source.PORTAL,
        actor=request.actor,
        now=timezone.now(),
    )


def _bytes(upload: Any) -> bytes:
    # One byte more than is taken, so that what is too large is known without being read.
    return bytes(upload.read(pictures.LARGEST + 1))


@member
def report_page(request: InTenant, slug: str, report_id: UUID) -> HttpResponse:
    """One report with its story; whoever operates the workload answers here."""
    found = queries.report_for(request.tenant.id, request.actor, report_id)
    may = workloads.permissions_on(found.workload, request.actor)
    triages, led = "operate_workload" in may, found.duplicate_of or found
    context = {
        "report": found,
        "led": led,
        "story": queries.story(found),
        "answers": queries.story(found.duplicate_of) if found.duplicate_of else [],
        "duplicates": queries.duplicates(found),
        "has_screenshot": queries.has_screenshot(found),
        "is_mine": found.reporter_id == request.user.id,
        "asks": led.state == State.FIXED and found.is_better is None and found.reporter_id == request.user.id,
        "form": _answer_form(found) if triages and found.duplicate_of is None else None,
        "merge_form": MergeForm() if triages and found.duplicate_of is None else None,
        "triages": triages,
        "near": queries.near(found) if triages else None,
        "now": timezone.now(),
    }
    return render(request, "feedback/report.html", context)


def _answer_form(report: Report, data: Any = None) -> AnswerForm:
    """Shown with the moves that are open to it; what comes back may be about a state that it has left since."""
    versions = list(workloads.versions(report.workload)[:50])
    form = AnswerForm(data, versions=versions, initial={"seen": report.state, "state": State.ACKNOWLEDGED})
    if data is None:
        form.offer(MOVES[State(report.state)])
    return form


@require_POST
@member
def answer(request: InTenant, slug: str, report_id: UUID) -> HttpResponse:
    found = queries.report_for(request.tenant.id, request.actor, report_id, "operate_workload")
    form = _answer_form(found, request.POST)
    if not form.is_valid():
        raise Invalid("answer", "Choose what becomes of it, and answer in words.")
    said = form.cleaned_data
    triage.answer(
        report=found,
        state=said["state"],
        text=said["text"],
        fixed_in=form.version(),
        seen=said["seen"],
        actor=request.actor,
        now=timezone.now(),
    )
    messages.success(request, "Answered; the reporter is told.")
    return redirect("report", slug, found.id)


@require_POST
@member
def merge(request: InTenant, slug: str, report_id: UUID) -> HttpResponse:
    found = queries.report_for(request.tenant.id, request.actor, report_id, "operate_workload")
    form = MergeForm(request.POST)
    if not form.is_valid():
        raise Invalid("into", "Name the report that it is a duplicate of.")
    into = queries.report_for(request.tenant.id, request.actor, form.cleaned_data["into"])
    triage.merge(report=found, into=into, actor=request.actor, now=timezone.now())
    said = "Merged: its reporter is told what becomes of the other one."
    undo.offer(request, said, reverse("unmerge_report", args=[slug, found.id]))
    return redirect("report", slug, found.id)


@require_POST
@member
def unmerge(request: InTenant, slug: str, report_id: UUID) -> HttpResponse:
    """It isn't the same after all: it stands where it stood before."""
    found = queries.report_for(request.tenant.id, request.actor, report_id, "operate_workload")
    before = found.duplicate_of_id
    triage.unmerge(report=found, actor=request.actor, now=timezone.now())
    said = "Taken out again: it stands where it stood before."
    if before:
        undo.offer(request, said, reverse("merge_report", args=[slug, found.id]), into=str(before))
    else:
        messages.success(request, said)
    return redirect("report", slug, found.id)


@require_POST
@member
def ungroup(request: InTenant, slug: str, report_id: UUID) -> HttpResponse:
    found = queries.report_for(request.tenant.id, request.actor, report_id, "operate_workload")
    theme = found.theme
    triage.ungroup(report=found, actor=request.actor, now=timezone.now())
    if theme is not None and theme.closed_at is None:
        back = reverse("group_reports", args=[slug, found.workload.key])
        undo.offer(request, "Taken out of its theme.", back, reports=str(found.id), theme=str(theme.id))
    else:
        messages.success(request, "Taken out of its theme.")
    return redirect("report", slug, found.id)


@require_POST
@member
def better(request: InTenant, slug: str, report_id: UUID) -> HttpResponse:
    """The reporter says whether the fix helped."""
    found = queries.report_for(request.tenant.id, request.actor, report_id)
    form = BetterForm(request.POST)
    if not form.is_valid():
        raise Invalid("better", "Say yes or no.")
    is_better = form.cleaned_data["better"] == "yes"
    actions.say_whether_better(
        report=found,
        is_better=is_better,
        text=form.cleaned_data["text"],
        person=Person(member=request.user),
        actor=request.actor,
        now=timezone.now(),
    )
    messages.success(request, "Good to hear." if is_better else "It is open again; its team sees that.")
    return redirect("report", slug, found.id)


@member
def screenshot(request: InTenant, slug: str, report_id: UUID) -> HttpResponse:
    """The picture, for whoever may read the report."""
    found = queries.screenshot(queries.report_for(request.tenant.id, request.actor, report_id))
    if found is None:
        raise NotFound()
    headers = {
        "Content-Disposition": f'inline; filename="report-{report_id}.webp"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return HttpResponse(bytes(found.data), content_type=pictures.MEDIA_TYPE, headers=headers)


@require_POST
@member
def me_too(request: InTenant, slug: str, theme_id: UUID) -> HttpResponse:
    theme = queries.theme(request.tenant.id, theme_id)
    is_new = actions.me_too(theme=theme, person=Person(member=request.user), actor=request.actor, now=timezone.now())
    if is_new:
        said = "Noted; you are told what becomes of it."
        undo.offer(request, said, reverse("take_back_me_too", args=[slug, theme.id]))
    else:
        messages.success(request, "You said so already.")
    return redirect("my_reports", slug)


@require_POST
@member
def take_back_me_too(request: InTenant, slug: str, theme_id: UUID) -> HttpResponse:
    theme = queries.theme(request.tenant.id, theme_id)
    actions.take_back_me_too(theme=theme, person=Person(member=request.user), actor=request.actor)
    messages.success(request, "Taken back.")
    return redirect("my_reports", slug)
