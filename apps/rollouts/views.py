"""The rollout's pages, and the workload's page."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import TextField
from django.db.models.functions import Cast, JSONObject
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.approvals import queries as approvals
from apps.gates import presenter as gates
from apps.rollouts import actions, approval, conditions, presenter, queries
from apps.rollouts.answering import before_rollout
from apps.rollouts.forms import ChangeForm, PlanForm, ReasonForm
from apps.rollouts.machine import ACTIVE, State
from apps.rollouts.models import Rollout
from apps.runbooks import queries as runbooks
from apps.telemetry import queries as telemetry
from apps.tenants.roles import has_right
from apps.workloads import queries as workloads
from apps.workloads import specialists
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from apps.workloads.policy import Posture
from portal.access import View, declare_object, member
from portal.actor import Actor
from portal.errors import PortalError
from portal.pages import reader_zone
from portal.requests import InTenant
from portal.tenancy.together import instant, together

PAGE = 25


def on_rollout(permission: str) -> Callable[[View], View]:
    """Resolve ``rollout_id`` to a rollout on whose workload the actor holds ``permission``; 404 or 403 otherwise."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: Any, *args: Any, rollout_id: UUID, **kwargs: Any) -> Any:
            rollout = queries.rollout_for(request.tenant.id, request.actor, rollout_id, permission)
            return view(request, *args, rollout=rollout, **kwargs)

        return declare_object(checked, permission)  # type: ignore[return-value]

    return decorate


@on_workload("see_workload")
def workload_page(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    rows = list(queries.of_workload(workload.id, workload.tenant_id)[:10])
    told = _beside(workload, request.actor)
    active = next((r for r in rows if r.state in ACTIVE), None)
    is_served = active is not None or workload.serving_version_id is not None
    context = {
        "workload": workload,
        "may": workloads.permissions_on(workload, request.actor),
        "versions": list(workloads.versions(workload)[:20]),
        "grants": sorted(told["grants"], key=lambda row: row["action_kind"])[:50],
        "rollouts": rows,
        "active": active,
        "before": "" if is_served else before_rollout(workload, timezone.now()),
        "last_seen": instant(told["seen"][0]["at"]) if told["seen"] else None,
        "postures": Posture.choices,
        "runbooks": sorted(told["runbooks"], key=lambda row: row["title"])[:10],
        "ladder": gates.ladder(workload, timezone.now(), slug),
        "may_raise": has_right(request.actor, "posture.set"),
        "monolith": _monolith(workload, told),
    }
    return render(request, "workloads/detail.html", context)


def _beside(workload: Workload, actor: Actor) -> dict[str, list[Any]]:
    """The short lists beside a workload's rollouts, in one statement."""
    books = runbooks.runbooks(workload.tenant_id, actor).filter(workload=workload.id).select_related(None)
    limit = Cast("limit_amount", TextField())
    grant = {"action_kind": "action_kind", "currency": "currency", "authority": "authority__name", "reason": "reason"}
    return together(
        {
            "grants": (workloads.live_grants(workload), JSONObject(limit=limit, **grant)),
            "seen": (telemetry.last_minute(workload.tenant_id, workload.id), JSONObject(at="last_at")),
            "runbooks": (books, JSONObject(id="id", title="title", published="published")),
            "registered": (
                workloads.registered(workload.tenant_id),
                JSONObject(**{name: name for name in workloads.REGISTERED}),
            ),
            "visible": (workloads.visible(workload.tenant_id, actor), JSONObject(id="id")),
        }
    )


def _monolith(workload: Workload, told: dict[str, list[Any]]) -> str:
    """AP-01 in words, if the workload's tools say that it is no specialist any more (WORK-3)."""
    found = specialists.findings([specialists.registered(row) for row in told["registered"]]).get(workload.id)
    return found.said({UUID(row["id"]) for row in told["visible"]}) if found else ""


@member
def rollout_list(request: InTenant, slug: str) -> HttpResponse:
    """All that one may see, or those in one state."""
    rows, state = queries.rollouts(request.tenant.id, request.actor), request.GET.get("state", "")
    if state in set(State):
        rows = rows.filter(state=state)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "rollouts/list.html", {"page": page, "state": state, "states": list(State)})


@on_workload("manage_workload")
def plan_rollout(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    versions = [v for v in workloads.versions(workload) if v.id != workload.serving_version_id]
    sends = workload.serving_version_id is not None or workload.fallback_sends_records
    form = PlanForm(request.POST or None, versions=versions, control_sends_records=sends)
    problems: list[str] = []
    if request.method == "POST" and form.is_valid():
        phases, guardrails = form.plan()
        try:
            rollout = actions.draft_rollout(
                workload=workload,
                version=form.head.chosen(),
                why=form.head.cleaned_data["why"],
                author=request.user,
                actor=request.actor,
                phases=phases,
                guardrails=guardrails,
            )
        except PortalError as error:
            problems = [problem["message"] for problem in error.data.get("problems", ())] or [error.message]
        else:
            return redirect("rollout", slug, rollout.id)
    context = {"workload": workload, "form": form, "problems": problems, "sends": sends}
    return render(request, "rollouts/plan.html", context, status=400 if request.method == "POST" else 200)


@on_rollout("manage_workload")
def change_plan(request: InTenant, slug: str, rollout: Rollout) -> HttpResponse:
    """The same form, with the plan as it is. What it changes makes the signatures fall that judged it."""
    form = ChangeForm(request.POST or None, rollout=rollout)
    problems: list[str] = []
    if request.method == "POST" and form.is_valid():
        phases, guardrails = form.plan()
        try:
            actions.change_plan(
                rollout=rollout,
                expected_revision=form.head.cleaned_data["revision"],
                phases=phases,
                guardrails=guardrails,
                actor=request.actor,
                now=timezone.now(),
            )
        except PortalError as error:
            problems = [problem["message"] for problem in error.data.get("problems", ())] or [error.message]
        else:
            return redirect("rollout", slug, rollout.id)
    sends = rollout.control_version_id is not None or rollout.workload.fallback_sends_records
    context = {"workload": rollout.workload, "rollout": rollout, "form": form, "problems": problems, "sends": sends}
    return render(request, "rollouts/plan.html", context, status=400 if request.method == "POST" else 200)


@on_rollout("see_workload")
def rollout_page(request: InTenant, slug: str, rollout: Rollout) -> HttpResponse:
    """The whole page, or for htmx its live part alone."""
    transitions = list(queries.transitions(rollout))
    now = timezone.now()
    context = {
        "rollout": rollout,
        "shown": presenter.present(rollout, transitions, now, reader_zone(request)),
        "transitions": transitions[::-1][:30],
        "may": workloads.permissions_on(rollout.workload, request.actor),
        "request_for_approval": approvals.latest(rollout.tenant_id, approval.KIND, rollout.id),
        "unmet": conditions.unmet(rollout, now) if rollout.state == State.AWAITING_APPROVAL else [],
        "as_of": rollout.looked_at or now,
    }
    template = "rollouts/live.html" if request.htmx else "rollouts/detail.html"
    return render(request, template, context)


_BY_PERSON: dict[str, tuple[str, str]] = {
    "submit": ("manage_workload", "Submitted for approval."),
    "start": ("manage_workload", "Started."),
    "cancel": ("manage_workload", "Cancelled."),
    "hold": ("operate_workload", "Held."),
    "resume": ("operate_workload", "Resumed."),
    "roll-back": ("operate_workload", "Rolling back: from now on nobody gets the agent."),
}


@require_POST
@on_rollout("see_workload")
def act(request: InTenant, slug: str, rollout: Rollout, verb: str) -> HttpResponse:
    """One button of the page."""
    perform(request.tenant.id, rollout, verb, request.actor, _reason(request, verb))
    messages.success(request, _BY_PERSON[verb][1])
    return redirect("rollout", slug, rollout.id)


def perform(tenant_id: UUID, rollout: Rollout, verb: str, actor: Any, reason: str) -> Rollout:
    """Carry out one verb, if the actor holds the permission that it takes."""
    permission, _ = _BY_PERSON[verb]
    workloads.workload_for(tenant_id, actor, rollout.workload.key, permission)
    now = timezone.now()
    if verb == "submit":
        return actions.submit_rollout(rollout=rollout, actor=actor, now=now)
    if verb == "start":
        return actions.start_rollout(rollout=rollout, actor=actor, now=now)
    verbs = {
        "cancel": actions.cancel_rollout,
        "hold": actions.hold_rollout,
        "resume": actions.resume_rollout,
        "roll-back": actions.roll_back,
    }
    return verbs[verb](rollout=rollout, actor=actor, now=now, reason=reason)


def _reason(request: InTenant, verb: str) -> str:
    form = ReasonForm(request.POST)
    return form.cleaned_data["reason"] if form.is_valid() else ""
