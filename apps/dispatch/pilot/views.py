"""A workload's service before its rollout: who is served, the form to set it, and what was before."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.dispatch.pilot import actions, presenter, queries
from apps.dispatch.pilot.forms import PilotForm
from apps.dispatch.pilot.rules import BEFORE_ROLLOUT
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from apps.workloads.queries import permitted, versions
from portal.errors import PortalError
from portal.requests import InTenant

PAGE = 25


@on_workload("see_workload")
def pilot(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    now = timezone.now()
    row = queries.service_of(workload, now)
    page = Paginator(queries.services(workload), PAGE).get_page(request.GET.get("page"))
    may = permitted(request.tenant.id, request.actor, "manage_workload").filter(id=workload.id).exists()
    context = {
        "workload": workload,
        "row": row,
        "sentence": presenter.sentence(workload, row),
        "who": presenter.who(row) if row else "",
        "page": page,
        "shown": [(each, presenter.who(each)) for each in page],
        "may_end": may and row is not None,
        "may_set": may and workload.stage in BEFORE_ROLLOUT,
        "now": now,
    }
    return render(request, "dispatch/pilot.html", context)


@on_workload("manage_workload")
def set_pilot(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    now, zone = timezone.now(), ZoneInfo(request.tenant.time_zone)
    initial = PilotForm.initial_of(queries.service_of(workload, now), zone)
    form = PilotForm(request.POST or None, versions=list(versions(workload)[:100]), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.set_service(
                workload=workload,
                version=form.chosen,
                terms=form.terms,
                ends_at=form.ends_at(zone),
                actor=request.actor,
                reason=form.cleaned_data["reason"],
                now=now,
            )
        except PortalError as error:
            _show(form, error)
        else:
            messages.success(request, "It counts within a second.")
            return redirect("pilot", slug, workload.key)
    status = 400 if form.errors else 200
    return render(request, "dispatch/set_pilot.html", {"workload": workload, "form": form}, status=status)


@require_POST
@on_workload("manage_workload")
def end_pilot(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    try:
        reason = request.POST.get("reason", "")
        actions.end_service(workload=workload, actor=request.actor, reason=reason, now=timezone.now())
    except PortalError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The fallback answers everybody again, within a second.")
    return redirect("pilot", slug, workload.key)


def _show(form: PilotForm, error: PortalError) -> None:
    """Each problem at its field."""
    told = error.data.get("problems") or [{"field": error.code, "message": error.message}]
    for each in told:
        name = {"ends_at": "last_day"}.get(each["field"], each["field"])
        form.add_error(name if name in form.fields else None, each["message"])
