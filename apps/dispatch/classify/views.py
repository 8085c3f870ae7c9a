"""The tenant's classifier as pages: how good it is, what it learned from, and what counts before it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.dispatch.classify import actions, presenter, queries, training
from apps.dispatch.classify.access import MANAGE, READ, may_manage, may_read, refuse_others
from apps.dispatch.classify.forms import ActivateForm, CorrectionForm, ExamplesForm, RuleForm, ThresholdForm
from apps.dispatch.classify.reading import pasted
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.access import member, requires
from portal.errors import Invalid, PortalError
from portal.requests import InTenant

PAGE, WAITING = 25, 10


@requires(may_read, READ)
def overview(request: InTenant, slug: str) -> HttpResponse:
    """Which version answers and how well, what a threshold would mean, and what waits for the next training."""
    tenant_id, now = request.tenant.id, timezone.now()
    row = queries.dispatcher(tenant_id)
    # No more than are kept: twenty, and the one that answers.
    versions = list(queries.versions(tenant_id))
    newest = versions[0] if versions else None
    counts = queries.counts(tenant_id)
    context = {
        "row": row,
        "live": row.live,
        "found": presenter.at(row.live, row.threshold) if row.live else None,
        "charts": presenter.charts(row.live, row.threshold) if row.live else [],
        "choices": presenter.choices(row.live, row.threshold) if row.live else [],
        "threshold_form": ThresholdForm(initial={"threshold": round(row.threshold, 2)}),
        "versions": versions,
        "newest": newest,
        "counts": counts,
        "seen": set(workloads.visible(tenant_id, request.actor).values_list("key", flat=True)),
        "examples": sum(each["n"] for each in counts),
        "waiting": list(queries.corrections(tenant_id, newest.read_at if newest else None)[:WAITING]),
        "rules": list(queries.rules(tenant_id)),
        "manages": may_manage(request.actor),
        "now": now,
    }
    return render(request, "dispatch/classifier.html", context)


@require_POST
@requires(may_manage, MANAGE)
def train(request: InTenant, slug: str) -> HttpResponse:
    training.ask_for_training(tenant_id=request.tenant.id, actor=request.actor, now=timezone.now())
    messages.success(
        request, "It is being trained; the new version stands below in a minute, and answers once activated."
    )
    return redirect("classifier", slug)


@require_POST
@requires(may_manage, MANAGE)
def threshold(request: InTenant, slug: str) -> HttpResponse:
    form = ThresholdForm(request.POST)
    if not form.is_valid():
        raise Invalid("threshold", "Give a threshold from 0 to 1, and say why.")
    actions.set_threshold(tenant_id=request.tenant.id, actor=request.actor, **form.cleaned_data)
    messages.success(request, "Set: it counts from now on.")
    return redirect("classifier", slug)


@require_POST
@requires(may_manage, MANAGE)
def activate(request: InTenant, slug: str, number: int) -> HttpResponse:
    found = queries.version(request.tenant.id, number)
    form = ActivateForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    actions.activate(classifier=found, threshold=None, actor=request.actor, now=timezone.now(), reason=reason)
    messages.success(request, f"Version {number} answers from now on, from {found.threshold:.2f}.")
    return redirect("classifier", slug)


@requires(may_manage, MANAGE)
def new_rule(request: InTenant, slug: str) -> HttpResponse:
    form = RuleForm(request.POST or None, keys=_keys(request))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        found = workloads.workload_for(request.tenant.id, request.actor, said["workload"])
        try:
            actions.add_rule(tenant_id=request.tenant.id, workload=found, written=said["phrases"], actor=request.actor)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            return redirect("classifier", slug)
    answer = "A text with all of these words in it goes to the workload, whatever the classifier would say."
    return _form(request, form, "A rule before the classifier", answer)


@require_POST
@requires(may_manage, MANAGE)
def remove_rule(request: InTenant, slug: str, rule_id: UUID) -> HttpResponse:
    actions.remove_rule(rule=queries.rule(request.tenant.id, rule_id), actor=request.actor)
    messages.success(request, "Removed.")
    return redirect("classifier", slug)


@require_POST
@requires(may_manage, MANAGE)
def raise_rule(request: InTenant, slug: str, rule_id: UUID) -> HttpResponse:
    actions.move_rule_up(rule=queries.rule(request.tenant.id, rule_id), actor=request.actor)
    return redirect("classifier", slug)


@member
def correct(request: InTenant, slug: str) -> HttpResponse:
    """A text that went to the wrong workload, and whose it is."""
    tenant_id = request.tenant.id
    form = CorrectionForm(
        request.POST or None, keys=_keys(request, "operate_workload"), and_nobody=may_manage(request.actor)
    )
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        key = said.pop("workload")
        found = workloads.workload_for(tenant_id, request.actor, key, "operate_workload") if key else None
        try:
            actions.correct(tenant_id=tenant_id, workload=found, actor=request.actor, now=timezone.now(), **said)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Taken: the next training learns it.")
            return redirect("correct_classifier", slug)
    answer = "A text that went to the wrong workload becomes an example for the next training."
    return _form(request, form, "Whose was it?", answer)


@on_workload("see_workload")
def examples(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """What the classifier learns about one workload; its owner adds to it."""
    may = "manage_workload" in workloads.permissions_on(workload, request.actor)
    if request.method == "POST":
        workloads.workload_for(workload.tenant_id, request.actor, workload.key, "manage_workload")
    return _examples(request, workload, may)


@requires(may_read, READ)
def nobodys(request: InTenant, slug: str) -> HttpResponse:
    """Examples of what belongs to no workload: what the classifier learns to refuse."""
    if request.method == "POST":
        refuse_others(request.actor)
    return _examples(request, None, may_manage(request.actor))


@require_POST
@member
def remove_example(request: InTenant, slug: str, example_id: UUID) -> HttpResponse:
    found = queries.example_for(request.tenant.id, request.actor, example_id)
    if found.workload is None:
        refuse_others(request.actor)
    else:
        workloads.workload_for(request.tenant.id, request.actor, found.workload.key, "manage_workload")
    actions.remove_example(example=found, actor=request.actor)
    messages.success(request, "Removed: the next training goes without it.")
    return _back(slug, found.workload)


def _examples(request: InTenant, workload: Workload | None, may: bool) -> HttpResponse:
    form = ExamplesForm(request.POST or None)
    tenant_id = request.tenant.id
    if request.method == "POST" and form.is_valid():
        try:
            new = actions.add_examples(
                tenant_id=tenant_id,
                workload=workload,
                said=pasted(form.cleaned_data["texts"]),
                actor=request.actor,
                now=timezone.now(),
            )
        except PortalError as error:
            for problem in error.data.get("problems", [error.message]):
                form.add_error(None, problem)
        else:
            messages.success(request, f"{new} new. They count from the next training on.")
            return _back(request.tenant.slug, workload)
    rows = queries.examples(tenant_id, workload.id if workload else None)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"workload": workload, "page": page, "form": form, "may": may, "now": timezone.now()}
    return render(request, "dispatch/examples.html", context, status=400 if form.errors else 200)


def _back(slug: str, workload: Workload | None) -> HttpResponse:
    return redirect("workload_examples", slug, workload.key) if workload else redirect("nobodys_examples", slug)


def _keys(request: InTenant, permission: str = "see_workload") -> list[tuple[str, str]]:
    found = workloads.permitted(request.tenant.id, request.actor, permission).values_list("key", "name")
    return [(key, f"{key} {name}") for key, name in found]


def _form(request: InTenant, form: Any, heading: str, answer: str) -> HttpResponse:
    context = {"form": form, "heading": heading, "answer": answer}
    return render(request, "dispatch/form.html", context, status=400 if form.errors else 200)
