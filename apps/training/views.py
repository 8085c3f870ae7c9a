"""Training as pages: one's own, a workload's with its cohorts, one module with its questions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST

from apps.tenants.queries import members
from apps.training import actions, queries
from apps.training.forms import AnswersForm, CohortForm, ModuleForm, PeopleForm, ReasonForm, RewriteForm
from apps.training.rules import TOPICS, missing_topics, questions_text
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.access import member
from portal.errors import Invalid, PortalError
from portal.markdown import render as to_html
from portal.requests import InTenant

PAGE = 25


@member
def own(request: InTenant, slug: str) -> HttpResponse:
    """What is asked of me, and until when what I have counts."""
    now = timezone.now()
    rows = queries.asked_of(request.tenant.id, request.user.id)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    ends = queries.own(request.tenant.id, request.user.id, page.object_list)
    shown = [(module, ends.get(module.id)) for module in page.object_list]
    left = sum(end is None or end <= now for _, end in shown)
    return render(request, "training/own.html", {"page": page, "shown": shown, "left": left, "now": now})


@on_workload("see_workload")
def overview(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """A workload's modules and cohorts: who isn't trained yet, and when it runs out."""
    now = timezone.now()
    modules = list(queries.modules(workload.tenant_id, workload.id)[:200])
    page = Paginator(queries.cohorts(workload), PAGE).get_page(request.GET.get("page"))
    covered = queries.covered(workload, page.object_list, now)
    context = {
        "workload": workload,
        "modules": [(module, TOPICS[module.topic]) for module in modules],  # type: ignore[index]
        "missing": missing_topics(module.topic for module in modules),
        "page": page,
        "covered": covered,
        "first": [each for each in covered if each.cohort.is_first],
        "may": workloads.permissions_on(workload, request.actor),
        "now": now,
    }
    return render(request, "training/overview.html", context)


@on_workload("manage_workload")
def write(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    form = ModuleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.write_module(workload=workload, actor=request.actor, **form.cleaned_data)
        except PortalError as error:
            _explain(form, error)
        else:
            return redirect("module", slug, made.id)
    heading = f"A module for {workload.key} {workload.name}"
    return _form(request, form, heading, "Short: a page of text, and questions that show it was understood.")


@member
def rewrite(request: InTenant, slug: str, module_id: UUID) -> HttpResponse:
    module = queries.module_for(request.tenant.id, request.actor, module_id, "manage_workload")
    initial = {"text": module.text, "questions": questions_text(module.questions), "valid_days": module.valid_days}
    form = RewriteForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.rewrite_module(module=module, actor=request.actor, **form.cleaned_data)
        except PortalError as error:
            _explain(form, error)
        else:
            return redirect("module", slug, module.id)
    return _form(request, form, f"Rewrite {module.title}", f"It becomes revision {module.revision + 1}.")


@member
def module_page(request: InTenant, slug: str, module_id: UUID) -> HttpResponse:
    """The lesson and its questions; answering them all rightly completes it."""
    module = queries.module_for(request.tenant.id, request.actor, module_id)
    form = AnswersForm(request.POST or None, module=module)
    problem = ""
    if request.method == "POST" and form.is_valid():
        try:
            actions.complete_module(
                module=module, answers=form.answers(), person=request.user, actor=request.actor, now=timezone.now()
            )
        except PortalError as error:
            problem = error.message
        else:
            messages.success(request, f"Done: {module.title} counts for {module.valid_days} days.")
            return redirect("training", slug)
    ends = queries.own(request.tenant.id, request.user.id, [module])
    context = {
        "module": module,
        "topic": TOPICS[module.topic],  # type: ignore[index]
        # Safe: the renderer escapes every bit of HTML that a person wrote (portal.markdown).
        "html": mark_safe(to_html(module.text)),  # noqa: S308
        "form": form,
        "problem": problem,
        "until": ends.get(module.id),
        "may": workloads.permissions_on(module.workload, request.actor),
        "now": timezone.now(),
    }
    return render(request, "training/module.html", context, status=409 if problem else 200)


@member
def attendance(request: InTenant, slug: str, module_id: UUID) -> HttpResponse:
    """Who was in the room."""
    module = queries.module_for(request.tenant.id, request.actor, module_id, "manage_workload")
    form = PeopleForm(request.POST or None, members=_people(request, but=request.user.id))
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.record_attendance(
                module=module, people=form.ids(), recorder=request.user, actor=request.actor, now=timezone.now()
            )
        except PortalError as error:
            _explain(form, error)
        else:
            messages.success(request, f"Recorded for {len(made)}. You can't sign for the gate that rests on it.")
            return redirect("workload_training", slug, module.workload.key)
    return _form(request, form, f"Who attended {module.title}?", "Only those whom you saw take part.")


@require_POST
@member
def retire(request: InTenant, slug: str, module_id: UUID) -> HttpResponse:
    module = queries.module_for(request.tenant.id, request.actor, module_id, "manage_workload")
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    actions.retire_module(module=module, actor=request.actor, now=timezone.now(), reason=reason)
    messages.success(request, "Retired: nobody has to complete it any more.")
    return redirect("workload_training", slug, module.workload.key)


@on_workload("manage_workload")
def form_cohort(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    form = CohortForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.form_cohort(workload=workload, actor=request.actor, **form.cleaned_data)
        except PortalError as error:
            _explain(form, error)
        else:
            return redirect("cohort", slug, made.id)
    return _form(request, form, f"A cohort of {workload.key}", "People who begin together; you name them next.")


@member
def cohort_page(request: InTenant, slug: str, cohort_id: UUID) -> HttpResponse:
    """Who is in it, and who of them is trained until when."""
    cohort = queries.cohort_for(request.tenant.id, request.actor, cohort_id)
    now = timezone.now()
    (covered,) = queries.covered(cohort.workload, [cohort], now)
    may = workloads.permissions_on(cohort.workload, request.actor)
    form = PeopleForm(
        request.POST or None, members=_people(request), initial={"people": [str(i) for i in covered.ends]}
    )
    if request.method == "POST":
        queries.cohort_for(request.tenant.id, request.actor, cohort_id, "manage_workload")
        if not form.is_valid():
            raise Invalid("not_a_member", "Only members of this tenant can be in a cohort.")
        actions.set_members(cohort=cohort, people=form.ids(), actor=request.actor)
        messages.success(request, "Saved.")
        return redirect("cohort", slug, cohort.id)
    context = {
        "cohort": cohort,
        "covered": covered,
        "people": _by_name(request, covered.ends),
        "form": form if "manage_workload" in may else None,
        "now": now,
    }
    return render(request, "training/cohort.html", context)


def _people(request: InTenant, but: UUID | None = None) -> list[tuple[str, str]]:
    found = members(request.tenant.id)
    return [(str(m.user_id), f"{m.user.name} ({m.user.email})") for m in found if m.user_id != but]


def _by_name(request: InTenant, ends: dict[UUID, datetime | None]) -> list[tuple[str, datetime | None]]:
    rows = members(request.tenant.id).filter(user__in=ends)
    return [(row.user.name, ends[row.user_id]) for row in rows]


def _explain(form: Any, error: PortalError) -> None:
    for problem in error.data.get("problems", [error.message]):
        form.add_error(None, problem)


def _form(request: InTenant, form: Any, heading: str, answer: str) -> HttpResponse:
    context = {"form": form, "heading": heading, "answer": answer}
    return render(request, "workloads/form.html", context, status=400 if form.errors else 200)
