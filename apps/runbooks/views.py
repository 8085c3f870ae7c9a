"""Runbooks as pages: the list, the text, its versions and differences, the sheet, and the drill's screen."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST

from apps.runbooks import actions, markdown, queries, volume
from apps.runbooks.forms import DrillForm, FinishForm, ReasonForm, RunbookForm, VersionForm
from apps.runbooks.models import Runbook
from apps.runbooks.rules import CONFIRMATIONS, LIMIT, Kind, Outcome
from apps.tenants.queries import members
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.access import member
from portal.errors import Invalid, PortalError
from portal.markdown import render as to_html
from portal.requests import InTenant

PAGE = 25


@member
def runbook_list(request: InTenant, slug: str) -> HttpResponse:
    rows = queries.runbooks(request.tenant.id, request.actor)
    context = {"page": Paginator(rows, PAGE).get_page(request.GET.get("page")), "now": timezone.now()}
    return render(request, "runbooks/list.html", context)


@on_workload("see_workload")
def of_workload(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """One workload's runbooks."""
    rows = queries.runbooks(request.tenant.id, request.actor).filter(workload=workload.id)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    may = workloads.permissions_on(workload, request.actor)
    context = {"page": page, "now": timezone.now(), "workload": workload, "may": may}
    return render(request, "runbooks/list.html", context)


@on_workload("manage_workload")
def create(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    form = RunbookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create_runbook(
                workload=workload, title=form.cleaned_data["title"], owner=request.user, actor=request.actor
            )
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            return redirect("write_runbook", slug, made.id)
    context = {
        "form": form,
        "heading": f"A runbook for {workload.key} {workload.name}",
        "answer": "Its text comes next.",
    }
    return render(request, "workloads/form.html", context, status=400 if form.errors else 200)


@member
def runbook_page(request: InTenant, slug: str, runbook_id: UUID) -> HttpResponse:
    """The published text, or the newest draft; versions and drills."""
    runbook = queries.runbook_for(request.tenant.id, request.actor, runbook_id)
    versions = list(queries.versions(runbook)[:PAGE])
    shown = runbook.published or (versions[0] if versions else None)
    context = {
        "runbook": runbook,
        "versions": versions,
        "newest": versions[0] if versions else None,
        "shown": shown,
        # Safe: the renderer escapes every bit of HTML that a person wrote (portal.markdown).
        "html": mark_safe(to_html(shown.text)) if shown else "",  # noqa: S308
        "missing": markdown.missing_sections(versions[0].text) if versions else [],
        "drills": list(queries.drills(runbook)[:10]),
        "running": queries.running(runbook.tenant_id, runbook.workload_id),
        "last": queries.last_passed(runbook.tenant_id, runbook.workload_id),
        "may": workloads.permissions_on(runbook.workload, request.actor),
    }
    return render(request, "runbooks/runbook.html", context)


@member
def sheet(request: InTenant, slug: str, runbook_id: UUID) -> HttpResponse:
    """The published text alone, to be printed and put on a wall."""
    runbook = queries.runbook_for(request.tenant.id, request.actor, runbook_id)
    text = runbook.published.text if runbook.published else ""
    context = {"runbook": runbook, "html": mark_safe(to_html(text))}  # noqa: S308 (escaped by the renderer)
    return render(request, "runbooks/sheet.html", context)


@member
def difference(request: InTenant, slug: str, runbook_id: UUID, number: int) -> HttpResponse:
    """One version against the one before it, or against the one that was asked for."""
    runbook = queries.runbook_for(request.tenant.id, request.actor, runbook_id)
    version = queries.version(runbook, number)
    asked = request.GET.get("against", "")
    against = queries.version(runbook, int(asked)) if asked.isdecimal() and len(asked) < 9 else None
    against = against or queries.versions(runbook).filter(number__lt=number).first()
    context = {
        "runbook": runbook,
        "version": version,
        "against": against,
        "versions": list(queries.versions(runbook)[:PAGE]),
        "lines": markdown.difference(against.text if against else "", version.text),
        "missing": markdown.missing_sections(version.text),
        "may": workloads.permissions_on(runbook.workload, request.actor),
    }
    return render(request, "runbooks/version.html", context)


@member
def write(request: InTenant, slug: str, runbook_id: UUID) -> HttpResponse:
    runbook = queries.runbook_for(request.tenant.id, request.actor, runbook_id, "manage_workload")
    newest = queries.versions(runbook).first()
    form = VersionForm(request.POST or None, initial={"text": newest.text if newest else markdown.TEMPLATE})
    if request.method == "POST" and form.is_valid():
        try:
            actions.write_version(
                runbook=runbook, author=request.user, actor=request.actor, now=timezone.now(), **form.cleaned_data
            )
        except PortalError as error:
            for problem in error.data.get("problems", [error.message]):
                form.add_error("text", problem)
        else:
            return redirect("runbook", slug, runbook.id)
    context = {"runbook": runbook, "form": form, "sections": list(markdown.SECTIONS)}
    return render(request, "runbooks/write.html", context, status=400 if form.errors else 200)


@require_POST
@member
def act(request: InTenant, slug: str, runbook_id: UUID, number: int, verb: str) -> HttpResponse:
    """Review or publish one version."""
    runbook = queries.runbook_for(request.tenant.id, request.actor, runbook_id, "operate_workload")
    version = queries.version(runbook, number)
    common: dict[str, Any] = {"version": version, "actor": request.actor, "now": timezone.now()}
    if verb == "review":
        actions.review_version(reviewer=request.user, **common)
    else:
        is_editorial = request.POST.get("is_editorial") == "on"
        actions.publish_version(publisher=request.user, is_editorial=is_editorial, **common)
    messages.success(request, "Reviewed." if verb == "review" else "Published. This text counts from now on.")
    return redirect("runbook", slug, runbook.id)


@require_POST
@member
def read_through(request: InTenant, slug: str, runbook_id: UUID) -> HttpResponse:
    runbook = queries.runbook_for(request.tenant.id, request.actor, runbook_id, "operate_workload")
    actions.read_through(runbook=runbook, reader=request.user, actor=request.actor, now=timezone.now())
    messages.success(request, "Noted: read through, and it still holds.")
    return redirect("runbook", slug, runbook.id)


@member
def start_drill(request: InTenant, slug: str, runbook_id: UUID) -> HttpResponse:
    runbook = queries.runbook_for(request.tenant.id, request.actor, runbook_id, "operate_workload")
    people = [(str(m.user_id), m.user.name) for m in members(request.tenant.id)]
    initial = {
        "staff": [str(request.user.id)],
        "wanted": volume.usual(runbook.tenant_id, runbook.workload_id, timezone.now()),
    }
    form = DrillForm(request.POST or None, members=people, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            drill = _begin(request, runbook, form.cleaned_data)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            return redirect("drill", slug, drill.id)
    context = {
        "form": form,
        "heading": f"Drill: {runbook.title}",
        "answer": "The clock runs from the moment you start.",
    }
    return render(request, "workloads/form.html", context, status=400 if form.errors else 200)


def _begin(request: InTenant, runbook: Runbook, data: dict[str, Any]) -> Any:
    return actions.start_drill(
        runbook=runbook,
        kind=Kind(data["kind"]),
        wanted=data["wanted"],
        staff=[UUID(i) for i in data["staff"]],
        starter=request.user,
        actor=request.actor,
        now=timezone.now(),
    )


@member
def drill_page(request: InTenant, slug: str, drill_id: UUID) -> HttpResponse:
    """The running clock, each step as one big button, what has to be confirmed; afterwards the verdict and why."""
    drill = queries.drill_for(request.tenant.id, request.actor, drill_id)
    steps = queries.steps(drill)
    elapsed = (drill.finished_at or timezone.now()) - drill.started_at
    context = {
        "drill": drill,
        "steps": steps,
        "done": sum(step.ticked_at is not None for step in steps),
        "seconds": elapsed.total_seconds(),
        "limit": LIMIT.total_seconds(),
        "is_running": drill.outcome == Outcome.RUNNING,
        "confirmations": [(name, words, drill.confirmations.get(name)) for name, words in CONFIRMATIONS.items()],
        "may": workloads.permissions_on(drill.workload, request.actor),
        "takes_part": request.user.id in drill.staff,
    }
    return render(request, "runbooks/drill.html", context)


@require_POST
@member
def act_drill(request: InTenant, slug: str, drill_id: UUID, verb: str, what: str = "") -> HttpResponse:
    """Tick, confirm, finish or abort."""
    drill = queries.drill_for(request.tenant.id, request.actor, drill_id, "operate_workload")
    common: dict[str, Any] = {"drill": drill, "actor": request.actor, "now": timezone.now()}
    if verb == "tick":
        number = int(what) if what.isdecimal() and len(what) < 5 else 0
        actions.tick_step(number=number, by=request.user, **common)
    elif verb == "confirm":
        actions.confirm(name=what, by=request.user, **common)
    elif verb == "finish":
        form = FinishForm(request.POST)
        if not form.is_valid():
            raise Invalid("volume", "Say how many units an hour the fallback carried.")
        actions.finish_drill(**form.cleaned_data, **common)
    else:
        said = ReasonForm(request.POST)
        actions.abort_drill(reason=said.cleaned_data["reason"] if said.is_valid() else "", **common)
    return redirect("drill", slug, drill.id)
