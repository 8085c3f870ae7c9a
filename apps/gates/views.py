"""A stage's gate, the documents that it rests on, and a tenant's thresholds."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from apps.approvals import queries as approvals
from apps.gates import actions, evidence, presenter, queries
from apps.gates.criteria import CRITERIA, ORDER, limits_of
from apps.gates.forms import BackForm, DocumentForm, FlagForm, LimitForm, WaiverForm, taken
from apps.gates.models import Source
from apps.gates.own import queries as own
from apps.tenants.roles import Role
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from apps.workloads.policy import Stage
from portal.access import member
from portal.errors import Invalid, NotFound, PortalError
from portal.requests import InTenant

PAGE = 20


@on_workload("see_workload")
def gate(request: InTenant, slug: str, workload: Workload, stage: str) -> HttpResponse:
    """The gate of one stage: each criterion with its state and why, who signs, and the next step."""
    if stage not in Stage.values:
        raise NotFound()
    now = timezone.now()
    view = queries.gate(workload, stage, now)
    attempts = [attempt for attempt in queries.attempts(workload)[:PAGE] if attempt.stage == stage]
    pending = next((a for a in attempts if a.opened_at is None and a.ended_at is None), None)
    context = {
        "workload": workload,
        "stage": stage,
        "label": Stage(stage).label,
        "is_current": stage == workload.stage,
        "view": view,
        "rows": [presenter.row_of(standing) for standing in view.standings],
        "attempts": attempts,
        "opened": next((a for a in attempts if a.opened_at and a.ended_at is None), None),
        "asked": approvals.latest(workload.tenant_id, actions.GATE, pending.id) if pending else None,
        "may": workloads.permissions_on(workload, request.actor),
        "earlier": [each for each in ORDER if ORDER.index(each) < ORDER.index(Stage(workload.stage))],
    }
    return render(request, "gates/gate.html", context)


@require_POST
@on_workload("manage_workload")
def act(request: InTenant, slug: str, workload: Workload, verb: str) -> HttpResponse:
    """Ask for the gate, go back, or ask for a waiver."""
    common: dict[str, Any] = {"workload": workload, "actor": request.actor, "now": timezone.now()}
    if verb == "ask":
        actions.ask_for_gate(stage=workload.stage, requester=request.user, **common)
        messages.success(request, "Asked. The gate opens with the last signature that it needs.")
    elif verb == "back":
        data = _cleaned(BackForm(request.POST))
        actions.go_back(stage=data["stage"], reason=data["reason"], by=request.user, **common)
        messages.success(request, "Went back. The gates from there on are closed again.")
    else:
        data = _cleaned(WaiverForm(request.POST))
        actions.ask_for_waiver(
            criterion_id=data["criterion"], days=data["days"], reason=data["reason"], requester=request.user, **common
        )
        messages.success(request, "Asked. Two approvers have to agree.")
    return redirect("gate", slug, workload.key, workload.stage)


@require_POST
@on_workload("see_workload")
def raise_flag(request: InTenant, slug: str, workload: Workload, stage: str) -> HttpResponse:
    data = _cleaned(FlagForm(request.POST))
    actions.raise_flag(
        workload=workload, stage=stage, what=data["what"], by=request.user, actor=request.actor, now=timezone.now()
    )
    messages.success(request, "Raised. It stands until the workload goes back a stage.")
    return redirect("gate", slug, workload.key, stage)


@on_workload("see_workload")
def evidence_page(request: InTenant, slug: str, workload: Workload, kind: str) -> HttpResponse:
    """One kind of document: the newest, who signed it, and what stood there before."""
    document = own.document(workload.tenant_id, kind)
    if document is None:
        raise NotFound()
    rows = evidence.history(workload, kind).filter(source=Source.ATTESTATION)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    newest = next(iter(page.object_list), None) if page.number == 1 else rows.first()
    context = {
        "workload": workload,
        "document": document,
        "page": page,
        "newest": newest,
        "attachments": list(evidence.attachments(workload.tenant_id, newest.id)) if newest else [],
        "asked": approvals.latest(workload.tenant_id, actions.EVIDENCE, newest.id) if newest else None,
        "may": workloads.permissions_on(workload, request.actor),
    }
    return render(request, "gates/evidence.html", context)


@on_workload("see_workload")
def attachment(request: InTenant, slug: str, workload: Workload, attachment_id: UUID) -> HttpResponse:
    """A document's file, to be downloaded: it is never shown as a page of ours."""
    found = evidence.attachment(workload, attachment_id)
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    name = content_disposition_header(as_attachment=True, filename=found.name)
    return HttpResponse(
        bytes(found.data),
        content_type=found.media_type,
        headers={**headers, "Content-Disposition": name or "attachment"},
    )


@on_workload("manage_workload")
def record_evidence(request: InTenant, slug: str, workload: Workload, kind: str) -> HttpResponse:
    document = own.document(workload.tenant_id, kind)
    if document is None:
        raise NotFound()
    last = evidence.newest(workload).get(kind)
    form = DocumentForm(document, request.POST or None, last.content if last else None)
    problems: list[str] = []
    if request.method == "POST" and form.is_valid():
        try:
            actions.record_evidence(
                workload=workload,
                kind=kind,
                data=form.data(),
                author=request.user,
                actor=request.actor,
                now=timezone.now(),
                files=taken(request.FILES.getlist("attachments")),
            )
        except PortalError as error:
            found = error.data.get("problems")
            problems = [f"{p['where']}: {p['message']}" for p in found] if found else [error.message]
        else:
            messages.success(request, "Recorded.")
            return redirect("evidence", slug, workload.key, kind)
    context = {"workload": workload, "document": document, "form": form, "problems": problems}
    return render(request, "gates/record.html", context, status=400 if request.method == "POST" else 200)


@member
def thresholds(request: InTenant, slug: str) -> HttpResponse:
    """Every criterion and its thresholds; a tenant admin may tighten them."""
    problem = ""
    if request.method == "POST":
        try:
            data = _cleaned(LimitForm(request.POST))
            actions.tighten(
                tenant_id=request.tenant.id,
                criterion_id=data["criterion"],
                name=data["name"],
                value=data["value"],
                reason=data["reason"],
                actor=request.actor,
            )
        except PortalError as error:
            problem = error.message
        else:
            messages.success(request, "Set. It holds from now on, for every workload.")
            return redirect("gate_thresholds", slug)
    tightened = queries.tightened(request.tenant.id)
    rows = [(c, limits_of(c, tightened.get(c.id, {}))) for c in CRITERIA]
    limits = [(c, limit, values[limit.name]) for c, values in rows for limit in c.limits]
    context = {
        "own": own.rows(request.tenant.id),
        "now": timezone.now(),
        "criteria": CRITERIA,
        "limits": limits,
        "problem": problem,
        "is_admin": Role.ADMIN in request.actor.roles,
    }
    return render(request, "gates/thresholds.html", context, status=400 if problem else 200)


def _cleaned(form: Any) -> dict[str, Any]:
    if not form.is_valid():
        words = " ".join(f"{name}: {' '.join(errors)}" for name, errors in form.errors.items())
        raise Invalid("form", words, errors=form.errors)
    data: dict[str, Any] = form.cleaned_data
    return data
