"""What another gate would have done: asked by a form whose address can be passed on. Nothing is written."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.budgets import queries
from apps.budgets.months import month_chosen
from apps.budgets.whatif import presenter
from apps.budgets.whatif.forms import WishForm
from apps.budgets.whatif.queries import prices_of, replayed
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.requests import InTenant


@on_workload("see_workload")
def what_if(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    now, gate = timezone.now(), queries.gate_of(workload)
    form = WishForm(request.GET or None, tiers=list(queries.tiers(request.tenant.id)))
    context: dict[str, Any] = {
        "workload": workload,
        "gate": gate,
        "form": form,
        "now": now,
        "rows": queries.ceilings(workload),
    }
    if gate is not None and form.is_valid():
        month = month_chosen(form.which, now, request.tenant.time_zone)
        found = replayed(workload, month, gate, [form.wish], prices_of(workload, month))
        context |= {
            "month": month,
            "found": found,
            "sentence": presenter.sentence(found),
            "lines": presenter.lines(found.was, found.tried[0]),
            "refusals": presenter.refusals(found.tried[0]),
        }
    status = 400 if form.errors else 200
    return render(request, "budgets/what_if.html", context, status=status)
