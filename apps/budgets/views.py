"""A workload's cost page: what is left, who is near their ceiling, who is shut out; and setting its gate."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.budgets import actions, banners, gates, presenter, queries
from apps.budgets.forms import CeilingForm, GateForm
from apps.budgets.metered.queries import what_ends
from apps.budgets.months import month_at
from apps.budgets.sizing.rules import is_due
from apps.budgets.usage import queries as usage
from apps.budgets.usage.presenter import money_burn
from apps.pricing.rules import day_of
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.errors import PortalError
from portal.paging import counted_page
from portal.requests import InTenant

PAGE = 25


@on_workload("see_workload")
def cost(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    now = timezone.now()
    month = month_at(now, request.tenant.time_zone)
    gate, rows = queries.gate_of(workload, month.key), list(queries.ceilings(workload))
    found = presenter.money(gate) if gate else None
    days, burned = usage.burn(workload, month, now)
    burn = money_burn(gate, days, burned, month, now) if gate else None
    page = counted_page(usage.users(workload, month), request.GET.get("page"), PAGE)
    asides = queries.asides(workload, request.actor, now, PAGE)
    seen, gaps = gates.look(workload, day_of(now))
    shown = [(row, presenter.name(row), presenter.is_near(row)) for row in page]
    context = {
        "workload": workload,
        "gate": gate,
        "rows": rows,
        "missing": presenter.missing(seen.tiers, rows),
        "money": found,
        "sentence": presenter.sentence(gate, gaps, presenter.near(list(page)), len(asides.shut), found),
        "burn": burn,
        "is_due": gate is not None and is_due(gate.sized_at, now),
        "chart": presenter.drawn(list(page)[: presenter.SHOWN], month),
        "page": page,
        "shown": shown,
        "closed": asides.shut,
        "misfits": asides.misfits,
        "banner": banners.of_workload(workload, month),
        "month": month,
        "may_set": asides.may_set,
        "now": now,
    }
    return render(request, "budgets/cost.html", context)


@on_workload("manage_workload")
def set_gate(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    form = GateForm.of(request.POST or None, queries.gate_of(workload), request.user)
    if request.method == "POST" and form.is_valid():
        try:
            actions.set_gate(
                workload=workload,
                spend_cap=form.cleaned_data["spend_cap"],
                billing_contact=queries.contact(request.tenant.id, form.cleaned_data["billing_contact"]),
                brake=form.brake,
                actor=request.actor,
                now=timezone.now(),
            )
        except PortalError as error:
            form.add_error(error.code if error.code in form.fields else None, error.message)
        else:
            messages.success(request, f"The gate of {workload.key} is set.")
            return redirect("workload_cost", slug, workload.key)
    context = {"workload": workload, "form": form, "title": "Set the gate", "ends": what_ends(workload, timezone.now())}
    return render(request, "budgets/set.html", context)


@on_workload("manage_workload")
def set_ceiling(request: InTenant, slug: str, workload: Workload, tier: str) -> HttpResponse:
    chosen, gate = queries.tier_for(request.tenant.id, tier), queries.gate_or_refuse(workload)
    row = queries.ceilings(workload).filter(tier=chosen).first()
    form = CeilingForm(request.POST or None, tiers=[chosen], row=row, suggested=request.GET.get("ceiling", ""))
    if request.method == "POST" and form.is_valid():
        try:
            actions.set_ceiling(gate=gate, tier=chosen, ceiling=form.wanted, actor=request.actor, now=timezone.now())
        except PortalError as error:
            form.add_error(error.code if error.code in form.fields else None, error.message)
        else:
            messages.success(request, f"{chosen.name}: the ceiling is set.")
            return redirect("workload_cost", slug, workload.key)
    ends = what_ends(workload, timezone.now(), chosen)
    context = {"workload": workload, "form": form, "title": f"Ceiling of {chosen.name}", "ends": ends}
    return render(request, "budgets/set.html", context)


@require_POST
@on_workload("manage_workload")
def open_admissions(request: InTenant, slug: str, workload: Workload, closure_id: UUID) -> HttpResponse:
    closure = queries.closure_for(workload, closure_id)
    try:
        actions.open_admissions(
            closure=closure, actor=request.actor, reason=request.POST.get("reason", ""), now=timezone.now()
        )
    except PortalError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The token may call again.")
    return redirect("workload_cost", slug, workload.key)
