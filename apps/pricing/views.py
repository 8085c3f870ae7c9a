"""The rate card as pages: what models in use cost, one model's history, setting, forgetting, and files."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.pricing import actions, card, presenter, queries, seed
from apps.pricing.access import READ, SET, may_read, may_set
from apps.pricing.forms import ImportForm, PriceForm, ReasonForm
from apps.pricing.models import ModelPrice
from apps.pricing.rules import LONGEST_MODEL, day_of
from apps.workloads.queries import visible
from portal.access import requires
from portal.admin import exporting
from portal.errors import PortalError
from portal.requests import InTenant

PAGE = 25
reads, sets = requires(may_read, READ), requires(may_set, SET)


@reads
def index(request: InTenant, slug: str) -> HttpResponse:
    """Which models in use have a price, those that lack one first."""
    now = timezone.now()
    day, tenant_id = day_of(now), request.tenant.id
    used = queries.models_in_use(tenant_id, visible(tenant_id, request.actor))
    rows = presenter.rows(used, queries.prices(tenant_id, used, day), queries.to_come(tenant_id, used, day))
    context = {
        "sentence": presenter.sentence(rows),
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "may_set": may_set(request.actor),
        "now": now,
    }
    return render(request, "pricing/list.html", context)


@reads
def history(request: InTenant, slug: str) -> HttpResponse:
    """Everything that was set here; of one model also what it costs today, and what the bundled list says."""
    return _history(request, request.GET.get("model", "").strip()[:LONGEST_MODEL])


@reads
def one(request: InTenant, slug: str, price_id: UUID) -> HttpResponse:
    return _history(request, queries.own_for(request.tenant.id, price_id).model)


def _history(request: InTenant, model: str) -> HttpResponse:
    now, tenant_id = timezone.now(), request.tenant.id
    rows = queries.own_of(tenant_id, model) if model else queries.own(tenant_id)
    context = {
        "model": model,
        "standing": presenter.standing(queries.price(tenant_id, model, day_of(now))) if model else "",
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "extra": f"{urlencode({'model': model})}&" if model else "",
        "listed": list(reversed(seed.history(model))),
        "today": day_of(now),
        "may_set": may_set(request.actor),
        "now": now,
    }
    return render(request, "pricing/history.html", context)


@sets
def new(request: InTenant, slug: str) -> HttpResponse:
    now = timezone.now()
    initial = {"model": request.GET.get("model", "")[:LONGEST_MODEL], "valid_from": day_of(now)}
    form = PriceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.set_price(
                tenant_id=request.tenant.id,
                wanted=form.wanted(),
                reason=form.cleaned_data["reason"],
                by=request.user,
                actor=request.actor,
                now=now,
            )
        except PortalError as error:
            _explain(form, error)
        else:
            messages.success(request, f"Set: {made.model} from {made.valid_from} on.")
            return redirect("price", slug, made.id)
    return render(request, "pricing/form.html", {"form": form}, status=400 if form.errors else 200)


@require_POST
@sets
def forget(request: InTenant, slug: str, price_id: UUID) -> HttpResponse:
    row = queries.own_for(request.tenant.id, price_id)
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    actions.forget_price(price=row, reason=reason, actor=request.actor)
    messages.success(request, f"Forgotten: {row.model} from {row.valid_from} on costs what it did before.")
    return redirect("prices", slug)


@sets
def take(request: InTenant, slug: str) -> HttpResponse:
    """A file's prices, all or none."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.import_prices(
                tenant_id=request.tenant.id,
                file=form.cleaned_data["file"].file,
                reason=form.cleaned_data["reason"],
                by=request.user,
                actor=request.actor,
                now=timezone.now(),
            )
        except PortalError as error:
            _explain(form, error)
        else:
            messages.success(request, f"{len(made)} prices stand as the file says.")
            return redirect("price_history", slug)
    context = {"form": form, "columns": card.COLUMNS, "most": card.MOST_LINES}
    return render(request, "pricing/import.html", context, status=400 if form.errors else 200)


@reads
def export(request: InTenant, slug: str) -> HttpResponse:
    return file(request.tenant.slug, queries.in_order(request.tenant.id))


def file(slug: str, rows: Any) -> HttpResponse:
    """The rate card as CSV, as it can be imported again."""
    lines = [_cells(row) for row in rows]
    response = HttpResponse("".join(exporting.lines("csv", list(card.COLUMNS), lines)), exporting.TYPES["csv"])
    response.headers["Content-Disposition"] = f'attachment; filename="{slug}-prices.csv"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _cells(row: ModelPrice) -> list[str]:
    return card.row(row.price, row.note, row.set_by.email, row.set_at.isoformat())


def _explain(form: Any, error: PortalError) -> None:
    for problem in error.data.get("problems", [error.message]):
        form.add_error(None, problem)
