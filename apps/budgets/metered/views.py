"""Metered billing of a workload: which tiers are opted in and on whose word, asking, ending; and its ledger."""

from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from apps.approvals import queries as signing
from apps.budgets import queries as budgets
from apps.budgets.metered import actions, ledger, queries
from apps.budgets.metered.forms import OptInForm, RevokeForm
from apps.budgets.metered.terms import KIND
from apps.budgets.months import Month, month_at
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.admin import exporting
from portal.errors import NotFound, PortalError
from portal.requests import InTenant

PAGE = 25


@on_workload("see_workload")
def metered(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Which tiers go on beyond their ceiling, until when, and who signed that."""
    now = timezone.now()
    lines = queries.lines(list(budgets.ceilings(workload)), queries.unended(workload), now)
    may_ask = queries.may_ask(workload, request.actor)
    page = Paginator(queries.opt_ins(workload), PAGE).get_page(request.GET.get("page"))
    context = {
        "workload": workload,
        "gate": budgets.gate_of(workload),
        "lines": lines,
        "granted": sum(line.granted is not None for line in lines),
        "page": page,
        "shown": [(row, row.standing(now)) for row in page],
        "may_ask": may_ask,
        "may_end": may_ask or queries.is_admin(request.actor),
        "now": now,
    }
    return render(request, "budgets/metered.html", context)


@on_workload("manage_workload")
def ask(request: InTenant, slug: str, workload: Workload, tier: str) -> HttpResponse:
    row = queries.metered_tier(workload, tier)
    form = OptInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.ask(
                row=row,
                until=form.until(ZoneInfo(request.tenant.time_zone)),
                reason=form.cleaned_data["reason"],
                requester=request.user,
                actor=request.actor,
                now=timezone.now(),
            )
        except PortalError as error:
            form.add_error({"until": "last_day"}.get(error.code), error.message)
        else:
            messages.success(request, "Asked: it counts once a tenant admin has signed it.")
            asked = signing.latest(request.tenant.id, KIND, made.id)
            return redirect("approval", slug, asked.id) if asked else redirect("metered_billing", slug, workload.key)
    context = {"workload": workload, "row": row, "form": form}
    return render(request, "budgets/opt_in.html", context, status=400 if form.errors else 200)


@require_POST
@on_workload("see_workload")
def revoke(request: InTenant, slug: str, workload: Workload, opt_in_id: UUID) -> HttpResponse:
    opt_in = queries.opt_in_for(workload, opt_in_id)
    form = RevokeForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    actions.revoke(opt_in=opt_in, actor=request.actor, reason=reason, now=timezone.now())
    messages.success(request, f"Ended: {opt_in.tier.name} is a hard cap from the next call on.")
    return redirect("metered_billing", slug, workload.key)


@on_workload("see_workload")
def ledger_page(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Every call of a month that used tokens beyond its ceiling, and what that cost."""
    now = timezone.now()
    current = month_at(now, request.tenant.time_zone)
    month = ledger.month_for(workload, current, request.GET.get("month", ""))
    gate = budgets.gate_of(workload)
    context = {
        "workload": workload,
        "currency": gate.currency if gate else "USD",
        "month": month,
        "months": ledger.months(workload, current),
        "totals": ledger.totals(workload, month.key),
        "page": Paginator(ledger.rows(workload, month.key), PAGE).get_page(request.GET.get("page")),
        "extra": f"{urlencode({'month': month.key})}&",
        "now": now,
    }
    return render(request, "budgets/ledger.html", context)


@on_workload("see_workload")
def ledger_file(request: InTenant, slug: str, workload: Workload, form: str) -> StreamingHttpResponse:
    if form not in exporting.TYPES:
        raise NotFound()
    current = month_at(timezone.now(), request.tenant.time_zone)
    return file(workload, ledger.month_for(workload, current, request.GET.get("month", "")), form)


def file(workload: Workload, month: Month, form: str) -> StreamingHttpResponse:
    """The ledger of a month, row by row, as ``csv`` or ``jsonl``."""
    gate = budgets.gate_of(workload)
    rows = ledger.lines(workload, month.key, gate.currency if gate else "USD")
    text = exporting.lines(form, list(ledger.COLUMNS), rows)
    response = StreamingHttpResponse(
        exporting.inside(workload.tenant_id, text, across=False), content_type=exporting.TYPES[form]
    )
    name = f"{workload.key}-metered-{month.key.partition('@')[0]}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
