"""How large ceilings have to be (COST-8), and what last month would have cost elsewhere (COST-11). Reads alone: what is
suggested is set with the ordinary form.
"""

from dataclasses import asdict

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.budgets import queries as budgets
from apps.budgets.months import LAST, month_chosen
from apps.budgets.sizing import presenter, queries
from apps.budgets.sizing.forms import EstimateForm
from apps.budgets.sizing.rules import elsewhere, is_due
from apps.budgets.whatif.queries import replayed
from apps.pricing.queries import book, price
from apps.pricing.rules import day_of
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from apps.workloads.queries import permitted
from portal.requests import InTenant


@on_workload("see_workload")
def sizing(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    now, gate = timezone.now(), budgets.gate_of(workload)
    month = month_chosen(LAST, now, request.tenant.time_zone)
    today = price(request.tenant.id, workload.primary_tier, day_of(now))
    tiers, rows = list(budgets.tiers(request.tenant.id)), list(budgets.ceilings(workload))
    found = presenter.suggestions(tiers, rows, queries.seen(workload, month), today)
    measured = next((asdict(each.estimate) for each in found if each.estimate), {})
    form = EstimateForm(request.GET or None, initial=measured)
    context = {
        "workload": workload,
        "gate": gate,
        "sentence": presenter.sizing_sentence(gate, found, now),
        "is_due": gate is not None and is_due(gate.sized_at, now),
        "found": found,
        "form": form,
        "need": form.need if form.is_valid() else None,
        "price": today,
        "may_set": permitted(request.tenant.id, request.actor, "manage_workload").filter(id=workload.id).exists(),
        "month": month,
        "now": now,
    }
    return render(request, "budgets/sizing.html", context, status=400 if form.errors else 200)


@on_workload("see_workload")
def rightsizing(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    now = timezone.now()
    month = month_chosen(LAST, now, request.tenant.time_zone)
    days, paid, unknown = queries.used(workload, month)
    models, gate = queries.candidates(workload, month, request.actor), budgets.gate_of(workload)
    prices, wishes = book(request.tenant.id, models), queries.scaled()
    found = elsewhere(days, models[: queries.MOST_MODELS], prices.on)
    tried = replayed(workload, month, gate, wishes, prices) if gate else None
    context = {
        "workload": workload,
        "sentence": presenter.rightsizing_sentence(found, paid, unknown, sum(day.calls for day in days)),
        "rows": presenter.model_rows(found, paid, not unknown, workload),
        "paid": paid,
        "unknown": unknown,
        "tried": tried,
        "scaled": list(zip(wishes, tried.tried, strict=True)) if tried else [],
        "month": month,
        "now": now,
    }
    return render(request, "budgets/rightsizing.html", context)
