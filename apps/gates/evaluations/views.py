"""A workload's evaluations: what each showed, importing another one, and one version against the one before."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from apps.gates.evaluations import evalsets, queries, rules
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.evaluations.forms import EvalSetForm, ImportForm, mapping_from
from apps.gates.evaluations.reader import COLUMNS, PROVENANCES
from apps.gates.evaluations.uploads import take_upload
from apps.gates.models import Evaluation, Upload
from apps.tenants.queries import members
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.errors import Forbidden, PortalError
from portal.requests import InTenant

PAGE = 20


@on_workload("see_workload")
def evaluation_list(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Every import with its figures; the form for those who manage the workload."""
    may = workloads.permissions_on(workload, request.actor)
    versions = list(workloads.versions(workload)[:200])
    form = ImportForm(request.POST or None, request.FILES or None, versions=versions)
    problems: list[str] = []
    if request.method == "POST":
        if "manage_workload" not in may:
            raise Forbidden("permission_missing", "You can see this workload; importing takes managing it.")
        if form.is_valid() and form.cleaned_data["file"].size > settings.EVALUATION_REQUEST_LIMIT:
            return redirect("upload", slug, workload.key, _keep(request, form).id)
        if form.is_valid():
            problems = _import(request, form)
            if not problems:
                messages.success(request, "Imported.")
                return redirect("evaluations", slug, workload.key)
    page = Paginator(queries.evaluations(workload), PAGE).get_page(request.GET.get("page"))
    context = {
        "workload": workload,
        "page": page,
        "shown": [(row, _figures(row)) for row in page.object_list],
        "uploads": list(queries.open_uploads(workload)[:PAGE]),
        "form": form if "manage_workload" in may else None,
        "problems": problems,
        "columns": COLUMNS,
    }
    return render(request, "gates/evaluations.html", context, status=400 if problems or form.errors else 200)


def _import(request: InTenant, form: ImportForm) -> list[str]:
    """What is wrong with the file, line by line; nothing if it was imported."""
    data: dict[str, Any] = form.cleaned_data
    try:
        import_evaluation(
            version=form.chosen(),
            purpose=data["purpose"],
            file=data["file"].file,
            name=data["file"].name,
            mapping=mapping_from(data["mapping"]),
            author=request.user,
            actor=request.actor,
        )
    except PortalError as error:
        problems: list[str] = error.data.get("problems") or [error.message]
        return problems
    return []


def _keep(request: InTenant, form: ImportForm) -> Upload:
    data = form.cleaned_data
    return take_upload(
        version=form.chosen(),
        purpose=data["purpose"],
        mapping=data["mapping"],
        file=data["file"],
        limit=settings.EVALUATION_UPLOAD_LIMIT,
        by=request.user,
        actor=request.actor,
        now=timezone.now(),
    )


@on_workload("see_workload")
def upload_page(request: InTenant, slug: str, workload: Workload, upload_id: UUID) -> HttpResponse:
    """How far a large file has been read, and what became of it; htmx asks again as long as it isn't over."""
    upload = queries.upload(workload, upload_id)
    template = "gates/upload_live.html" if request.htmx else "gates/upload.html"
    context = {"workload": workload, "upload": upload, "is_open": upload.due_at is not None}
    # htmx stops polling on this status.
    return render(request, template, context, status=286 if request.htmx and upload.due_at is None else 200)


@on_workload("see_workload")
def comparison(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """The eval set, and each recent version's run on it against the version that serves (WORK-5)."""
    may = workloads.permissions_on(workload, request.actor)
    kept = evalsets.eval_set(workload)
    people = [(str(m.user_id), m.user.name) for m in members(workload.tenant_id)]
    initial = {name: getattr(kept, name) for name in ("name", "margin", "fresh_days")} if kept else {}
    owner = {"owner": str(kept.owner_id)} if kept else {}
    form = EvalSetForm(request.POST or None, members=people, initial={**initial, **owner})
    if request.method == "POST" and form.is_valid():
        workloads.workload_for(workload.tenant_id, request.actor, workload.key, "manage_workload")
        try:
            _set(request, workload, dict(form.cleaned_data))
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Saved.")
            return redirect("comparison", slug, workload.key)
    context = {
        "workload": workload,
        "kept": kept,
        "rows": evalsets.against_serving(workload, limit=10),
        "form": form if "manage_workload" in may else None,
        "is_asked": workload.stage in evalsets.ASKED_IN,
    }
    return render(request, "gates/comparison.html", context, status=400 if form.errors else 200)


def _set(request: InTenant, workload: Workload, data: dict[str, Any]) -> None:
    owner = members(workload.tenant_id).get(user=data.pop("owner")).user
    evalsets.set_eval_set(workload=workload, owner=owner, actor=request.actor, **data)


def _figures(row: Evaluation) -> list[tuple[str, str]]:
    counts = [(name, rules.Count(**row.summary[name])) for name in PROVENANCES]
    return [(name, rules.figures(count)) for name, count in counts if count.n]
