"""Who used what: a user's month and its ledger, one call and its correction, swaps, and one's own usage."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from apps.budgets.disclosure import BECAUSE, moved
from apps.budgets.models import ReservationState
from apps.budgets.months import LAST, month_at, month_chosen
from apps.budgets.rules import Reason
from apps.budgets.settling import correct
from apps.budgets.usage import presenter, queries, swaps
from apps.budgets.usage.forms import CorrectForm
from apps.pricing.queries import book
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from apps.workloads.queries import permitted
from portal.access import member
from portal.errors import PortalError
from portal.requests import InTenant

PAGE = 25
LATEST = 5
CORRECTABLE = {ReservationState.ESTIMATED.value, ReservationState.SETTLED.value}


@on_workload("see_workload")
def user(request: InTenant, slug: str, workload: Workload, user_key: str) -> HttpResponse:
    """One user's month of one workload: burn-up, alerts, and every call."""
    now, which = timezone.now(), request.GET.get("month", "")
    month = month_chosen(which, now, request.tenant.time_zone)
    row = queries.user_of(workload, month, user_key)
    gate = queries.gate_of_user(workload, user_key)
    days, burned = queries.burn(workload, month, now, user_key)
    burn = presenter.token_burn(gate, days, burned, month, now) if gate else None
    page = Paginator(queries.calls(workload, month, user_key), PAGE).get_page(request.GET.get("page"))
    context = {
        "workload": workload,
        "user_key": user_key,
        "name": queries.label_of(workload, user_key),
        "row": row,
        "gate": gate,
        "sentence": presenter.user_sentence(row, gate, burn),
        "burn": burn,
        "alerts": queries.alerts(workload, month, user_key),
        "page": page,
        "shown": [presenter.ledger_row(call) for call in page],
        "month": month,
        "is_last": which == LAST,
        "now": now,
    }
    return render(request, "budgets/user.html", context)


@on_workload("see_workload")
def call(request: InTenant, slug: str, workload: Workload, call_id: UUID) -> HttpResponse:
    """One call: what it held, each movement, and what corrects it."""
    found = queries.call_for(workload, call_id)
    may = permitted(request.tenant.id, request.actor, "manage_workload").filter(id=workload.id)
    context = {
        "workload": workload,
        "row": presenter.ledger_row(found),
        "call": found,
        "name": queries.label_of(workload, found.user_key),
        "entries": queries.entries(found),
        "may_correct": found.state in CORRECTABLE and may.exists(),
        "now": timezone.now(),
    }
    return render(request, "budgets/call.html", context)


@on_workload("manage_workload")
def correct_call(request: InTenant, slug: str, workload: Workload, call_id: UUID) -> HttpResponse:
    """A person says what an estimated or settled call really used (COST-4)."""
    found = queries.call_for(workload, call_id)
    used = {"input_tokens": found.used_input, "output_tokens": found.used_output}
    form = CorrectForm(request.POST or None, initial=used)
    if request.method == "POST" and form.is_valid():
        try:
            correct(reservation=found, actor=request.actor, now=timezone.now(), **form.cleaned_data)
        except PortalError as error:
            form.add_error(error.code if error.code in form.fields else None, error.message)
        else:
            messages.success(request, "The call is corrected; nothing settles it any more.")
            return redirect("cost_call", slug, workload.key, found.id)
    context = {"workload": workload, "call": found, "form": form, "now": timezone.now()}
    return render(request, "budgets/correct.html", context)


@on_workload("see_workload")
def swap_page(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """What soft caps saved, and what they did to quality."""
    now, which = timezone.now(), request.GET.get("month", "")
    month = month_chosen(which, now, request.tenant.time_zone)
    groups = queries.swapped(workload, month)
    found = swaps.saved(groups, book(request.tenant.id, {group.requested for group in groups}).on)
    counts, verdicts = queries.counts(workload, month), swaps.verdicts(workload.tenant_id, workload.id, month)
    context = {
        "workload": workload,
        "sentence": presenter.swap_sentence(counts, found, "USD"),
        "counts": counts,
        "saved": found,
        "unknown": presenter.unknown_swaps(counts, found),
        "verdicts": presenter.verdict_rows(verdicts),
        "quality": verdicts.said() if verdicts else "",
        "month": month,
        "is_last": which == LAST,
        "now": now,
    }
    return render(request, "budgets/swaps.html", context)


@member
def mine(request: InTenant, slug: str) -> HttpResponse:
    """What is left of one's own budgets, and whether one was moved to a smaller model (COST-6)."""
    now = timezone.now()
    month = month_at(now, request.tenant.time_zone)
    own = queries.own_months(request.tenant.id, request.user.id, month.key)
    page = Paginator(own, PAGE).get_page(request.GET.get("page"))
    calls = queries.own_moved(request.tenant.id, request.user.id, month.key)
    context = {
        "page": page,
        "budgets": [presenter.own(row, now) for row in page],
        "is_linked": bool(page.object_list) or queries.is_linked(request.tenant.id, request.user.id),
        "moved": [(moved(call), BECAUSE[Reason(call.reason)]) for call in calls[:LATEST]],
        "moved_count": calls.count(),
        "month": month,
        "now": now,
    }
    return render(request, "budgets/mine.html", context)
