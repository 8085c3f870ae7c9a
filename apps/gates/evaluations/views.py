"""A workload's evaluations: what each showed, and importing another one."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from apps.gates.evaluations import queries, rules
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.evaluations.forms import ImportForm, bounded
from apps.gates.evaluations.reader import COLUMNS, PROVENANCES
from apps.gates.models import Evaluation
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
    form = ImportForm(request.POST or None, request.FILES or None, versions=list(workloads.versions(workload)))
    problems: list[str] = []
    if request.method == "POST":
        if "manage_workload" not in may:
            raise Forbidden("permission_missing", "You can see this workload; importing takes managing it.")
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
            file=bounded(data["file"]),
            name=data["file"].name,
            mapping=data["mapping"],
            author=request.user,
            actor=request.actor,
        )
    except PortalError as error:
        problems: list[str] = error.data.get("problems") or [error.message]
        return problems
    return []


def _figures(row: Evaluation) -> list[tuple[str, str]]:
    counts = [(name, rules.Count(**row.summary[name])) for name in PROVENANCES]
    return [(name, rules.figures(count)) for name, count in counts if count.n]
