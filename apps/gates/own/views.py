"""A tenant's own criteria as pages: add one, see who would drop, retire it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.gates.own import actions, queries
from apps.gates.own.forms import CriterionForm, RetireForm
from apps.tenants.roles import Role
from portal.access import member, requires
from portal.actor import Actor
from portal.errors import PortalError
from portal.requests import InTenant


def is_admin(actor: Actor) -> bool:
    return Role.ADMIN in actor.roles


@requires(is_admin, "admin")
def add(request: InTenant, slug: str) -> HttpResponse:
    form = CriterionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.add_criterion(
                tenant_id=request.tenant.id,
                by=request.user,
                actor=request.actor,
                now=timezone.now(),
                **form.cleaned_data,
            )
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Announced. See below who has to do something until then.")
            return redirect("own_criterion", slug, made.code)
    answer = "More than every gate asks for. It is announced first, and concerns whom its rule says."
    context = {"form": form, "heading": "A criterion of your own", "answer": answer}
    return render(request, "workloads/form.html", context, status=400 if form.errors else 200)


@member
def criterion_page(request: InTenant, slug: str, code: str) -> HttpResponse:
    """What it asks, from when on, and which workloads wouldn't hold it then."""
    row = queries.row(request.tenant.id, code)
    now = timezone.now()
    preview = queries.preview(row, request.actor, now)
    context = {
        "row": row,
        "kind": queries.PREFIX + row.code,
        "preview": preview,
        "dropping": sum(not standing.is_open for _, standing in preview),
        "is_ahead": row.counts_from > now,
        "is_admin": is_admin(request.actor),
        "now": now,
    }
    return render(request, "gates/own_criterion.html", context)


@require_POST
@requires(is_admin, "admin")
def retire(request: InTenant, slug: str, code: str) -> HttpResponse:
    form = RetireForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    row = queries.row(request.tenant.id, code)
    actions.retire_criterion(criterion=row, actor=request.actor, now=timezone.now(), reason=reason)
    messages.success(request, "Retired: no gate asks for it any more.")
    return redirect("gate_thresholds", slug)
