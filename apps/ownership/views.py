"""Rotas as pages: who answers now, the weeks ahead, gaps, and the changes that people make."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.ownership import actions, handover, presenter, queries
from apps.ownership.access import may_change
from apps.ownership.alerts import queries as alerts
from apps.ownership.alerts.forms import MaintenanceForm
from apps.ownership.channels import queries as channels
from apps.ownership.forms import OfferForm, OverrideForm, ReasonForm, RotaForm, RotationForm, TeamForm
from apps.ownership.models import Rota
from apps.ownership.rotation import Unit
from apps.ownership.rules import JOBS, Job, team_shortcomings
from apps.ownership.schedule import Change
from apps.tenants import queries as tenants
from apps.tenants.roles import has_right
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.access import member, requires
from portal.actor import Actor
from portal.errors import Invalid, NotFound, PortalError
from portal.pages import reader_zone
from portal.requests import InTenant

PAGE = 25


def may_manage(actor: Actor) -> bool:
    return has_right(actor, "rota.manage")


@member
def rota_list(request: InTenant, slug: str) -> HttpResponse:
    """Who answers for each team, now and next."""
    now = timezone.now()
    page = Paginator(queries.rotas(request.tenant.id), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "shown": queries.now_on_call(request.tenant.id, now, list(page.object_list)),
        "may_manage": may_manage(request.actor),
        "now": now,
    }
    return render(request, "ownership/rotas.html", context)


@member
def bar(request: InTenant, slug: str) -> HttpResponse:
    """On call now and how much is unread, for the head of every page; it is asked for after the page is there."""
    now = timezone.now()
    found = list(queries.rotas(request.tenant.id).filter(rank=1)[:6])
    context = {
        "shown": queries.now_on_call(request.tenant.id, now, found),
        "unread": channels.unread(request.tenant.id, request.user.id),
        "most": channels.MOST_COUNTED,
        "now": now,
    }
    return render(request, "ownership/bar.html", context)


@requires(may_manage, "rota.manage")
def create(request: InTenant, slug: str) -> HttpResponse:
    teams, zone = list(tenants.teams(request.tenant.id)), request.tenant.time_zone
    form = RotaForm(request.POST or None, teams=teams, initial={"zone": zone})
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.create_rota(actor=request.actor, now=timezone.now(), **form.values())
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            return redirect("set_rotation", slug, made.id)
    return _form(request, form, "A rota", "Who answers for a team, and when. Who takes turns comes next.")


@member
def rota_page(request: InTenant, slug: str, rota_id: UUID) -> HttpResponse:
    """Who now, who next, the weeks ahead with their gaps, overrides and offered shifts."""
    rota = queries.rota(request.tenant.id, rota_id)
    now = timezone.now()
    shown = presenter.present(rota, now, reader_zone(request))
    context = {
        "rota": rota,
        "shown": shown,
        "overrides": list(queries.overrides(rota, now)[:PAGE]),
        "swaps": list(queries.swaps(rota)[:PAGE]),
        "temporaries": list(queries.temporaries(rota, now)[:PAGE]),
        "form": _override_form(request, rota, None),
        "may": may_change(request.actor, rota.team_id),
        "now": now,
    }
    return render(request, "ownership/rota.html", context)


@member
def set_rotation(request: InTenant, slug: str, rota_id: UUID) -> HttpResponse:
    rota = queries.rota(request.tenant.id, rota_id)
    form = RotationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.set_rotation(
                rota=rota,
                unit=Unit(data["unit"]),
                participants=_by_address(request, form.addresses()),
                hours=form.hours(),
                actor=request.actor,
                now=timezone.now(),
                **{name: data[name] for name in ("name", "anchor", "length", "priority")},
            )
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Saved. A change takes effect at the next hand-over.")
            return redirect("rota", slug, rota.id)
    answer = f"Local times are {rota.zone}. A rotation of the same name is changed from its next hand-over on."
    return _form(request, form, f"Who takes turns: {rota.name}", answer)


@member
def override(request: InTenant, slug: str, rota_id: UUID) -> HttpResponse:
    rota = queries.rota(request.tenant.id, rota_id)
    form = _override_form(request, rota, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            matters = _override(request, rota, form)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            if matters:
                messages.success(request, "Saved.")
            else:
                messages.warning(request, "Saved, and it changes nothing: they aren't on call in that time.")
            return redirect("rota", slug, rota.id)
    return _form(request, form, f"Override: {rota.name}", f"Local times are {rota.zone}.")


@require_POST
@member
def cancel_override(request: InTenant, slug: str, rota_id: UUID, override_id: UUID) -> HttpResponse:
    rota = queries.rota(request.tenant.id, rota_id)
    row = queries.override(rota, override_id)
    actions.cancel_override(override=row, actor=request.actor, now=timezone.now())
    messages.success(request, "Cancelled from now on.")
    return redirect("rota", slug, rota.id)


@require_POST
@member
def take_now(request: InTenant, slug: str, rota_id: UUID) -> HttpResponse:
    rota = queries.rota(request.tenant.id, rota_id)
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    actions.take_now(
        rota=rota, person=request.user, by=request.user, actor=request.actor, now=timezone.now(), reason=reason
    )
    messages.success(request, "You are on call until this shift ends.")
    return redirect("rota", slug, rota.id)


@require_POST
@member
def take_swap(request: InTenant, slug: str, rota_id: UUID, swap_id: UUID) -> HttpResponse:
    rota = queries.rota(request.tenant.id, rota_id)
    actions.take_swap(swap=queries.swap(rota, swap_id), by=request.user, actor=request.actor, now=timezone.now())
    messages.success(request, "The shift is yours.")
    return redirect("rota", slug, rota.id)


@member
def my_shifts(request: InTenant, slug: str) -> HttpResponse:
    """When I am on call in the next weeks, and what I can offer."""
    now = timezone.now()
    context = {"shifts": queries.shifts_of(request.tenant.id, request.user.id, now), "now": now}
    return render(request, "ownership/mine.html", context)


@require_POST
@member
def offer(request: InTenant, slug: str, rota_id: UUID, version_id: UUID, shift: str) -> HttpResponse:
    rota = queries.rota(request.tenant.id, rota_id)
    version = queries.version(rota, version_id)
    if not shift.removeprefix("-").isdecimal() or len(shift) > 9:
        raise NotFound()
    form = ReasonForm(request.POST)
    actions.offer_swap(
        rota=rota,
        version=version,
        shift=int(shift),
        by=request.user,
        actor=request.actor,
        now=timezone.now(),
        note=form.cleaned_data["reason"] if form.is_valid() else "",
    )
    messages.success(request, "Offered. It stays yours until somebody takes it.")
    return redirect("my_shifts", slug)


@on_workload("see_workload")
def people(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Who answers for a workload: its owner, its team of three, and the rota of its team."""
    may, now = workloads.permissions_on(workload, request.actor), timezone.now()
    told = handover.beside(workload, now)
    named = told.named
    everybody = [(str(m.user_id), m.user.name) for m in tenants.members(request.tenant.id)]
    initial = {job: [person["id"] for person in each] for job, each in named.items()}
    form = TeamForm(request.POST or None, members=everybody, initial=initial)
    if request.method == "POST" and form.is_valid():
        workloads.workload_for(request.tenant.id, request.actor, workload.key, "manage_workload")
        try:
            actions.name_team(workload=workload, named=form.named(), actor=request.actor)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Saved.")
            return redirect("workload_people", slug, workload.key)
    rota = queries.primary(workload)
    context = {
        "workload": workload,
        "named": [(JOBS[Job(job)], each) for job, each in named.items()],
        "problems": team_shortcomings({job: [p["id"] for p in each] for job, each in named.items()}),
        "rota": rota,
        "on_call": queries.now_on_call(request.tenant.id, now, [rota], _named(everybody))[0] if rota else None,
        "form": form if "manage_workload" in may else None,
        "offer": OfferForm(members=everybody, teams=told.teams) if "manage_workload" in may else None,
        "offers": [row for row in handover.handovers(workload)[:PAGE] if row.ended_at is None],
        "periods": told.periods[:PAGE],
        "may_operate": "operate_workload" in may,
        "open_alerts": list(alerts.open_of(workload)[:5]),
        "held_until": told.held_until,
        "maintenance": MaintenanceForm(),
        "now": now,
    }
    return render(request, "ownership/people.html", context, status=400 if form.errors else 200)


@require_POST
@on_workload("manage_workload")
def offer_workload(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Offer it to another owner or another team."""
    people = [(str(m.user_id), m.user.name) for m in tenants.members(request.tenant.id)]
    teams = [(str(team.id), team.name) for team in tenants.teams(request.tenant.id)]
    form = OfferForm(request.POST, members=people, teams=teams)
    if not form.is_valid():
        raise Invalid("to", "Choose whom it is offered to, a person or a team, and say why.")
    handover.offer(
        workload=workload,
        to=form.chosen(),
        reason=form.cleaned_data["reason"],
        by=request.user,
        actor=request.actor,
        now=timezone.now(),
    )
    messages.success(request, "Offered. It changes hands when they accept.")
    return redirect("workload_people", slug, workload.key)


@member
def offers(request: InTenant, slug: str) -> HttpResponse:
    """Workloads that are offered to me or to a team of mine, and those that I offered."""
    rows = handover.offers_to(request.tenant.id, request.actor)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "ownership/offers.html", {"page": page, "now": timezone.now()})


@require_POST
@member
def answer_offer(request: InTenant, slug: str, handover_id: UUID, verb: str) -> HttpResponse:
    row = handover.offered(request.tenant.id, request.actor, handover_id)
    act = handover.accept if verb == "accept" else handover.end
    act(handover=row, by=request.user, actor=request.actor, now=timezone.now())
    messages.success(request, f"{row.workload.key} is yours." if verb == "accept" else "Ended.")
    return redirect("offers", slug)


def _override_form(request: InTenant, rota: Rota, data: Any) -> OverrideForm:
    people = [(str(m.user_id), m.user.name) for m in tenants.members(request.tenant.id)]
    return OverrideForm(data, members=people, zone=rota.zone)


def _override(request: InTenant, rota: Rota, form: OverrideForm) -> bool:
    person, old = form.chosen("person"), form.chosen("instead_of")
    users = User.objects.in_bulk([i for i in (person, old) if i])
    assert person is not None, "the form wants one"
    _, matters = actions.add_override(
        rota=rota,
        change=Change(form.cleaned_data["change"]),
        start=form.instant("start"),
        end=form.instant("end"),
        person=users[person],
        instead_of=users[old] if old else None,
        by=request.user,
        reason=form.cleaned_data["reason"],
        actor=request.actor,
        now=timezone.now(),
    )
    return matters


def _named(everybody: list[tuple[str, str]]) -> dict[UUID, str]:
    return {UUID(i): name for i, name in everybody}


def _by_address(request: InTenant, addresses: list[str]) -> list[UUID]:
    """In the order in which they were written."""
    found = tenants.members_by_email(request.tenant.id, addresses)
    return [found[address].id for address in addresses]


def _form(request: InTenant, form: Any, heading: str, answer: str) -> HttpResponse:
    context = {"form": form, "heading": heading, "answer": answer}
    return render(request, "workloads/form.html", context, status=400 if form.errors else 200)
