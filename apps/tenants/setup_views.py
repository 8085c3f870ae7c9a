"""A tenant is set up: made, its first admin asked in, teams, people in their roles, and what is missing after that.

By a platform operator, in the admin; each step is a plain form and goes through the product's own actions. Once the
tenant has an admin of its own, people are invited by them.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.tenants import actions, importing, invitations, queries
from apps.tenants.forms import FirstAdminForm, ImportForm, NewTenantForm, TeamsForm
from apps.tenants.roles import Role
from portal.admin import checklist, pages, session
from portal.admin.pages import Page
from portal.admin.views import refuse_weak
from portal.directory import directory
from portal.errors import NotFound, PortalError
from portal.requests import InTenant, SignedIn
from portal.tenancy.context import tenant_transaction


@login_required
def new_tenant(request: SignedIn) -> HttpResponse:
    """Step 1. It exists from here on, and is open in the admin for the other steps."""
    sign_in = directory().sign_in(request)
    if not directory().operates(request.user, sign_in):
        raise NotFound()
    refuse_weak(sign_in)
    form = NewTenantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _made(request, form)
        except PortalError as error:
            form.add_error(None, error.message)
    return render(request, "tenants/new.html", {"form": form}, status=400 if form.errors else 200)


def _made(request: SignedIn, form: NewTenantForm) -> HttpResponse:
    values, now = dict(form.cleaned_data), timezone.now()
    reason, operator = values.pop("reason"), session.operator(request.user)
    with transaction.atomic():
        tenant = actions.create_tenant(**values, actor=operator)
        with tenant_transaction(tenant.id):
            directory().note_admin_session(tenant, operator, "opened", reason)
    session.begin(request, slug=tenant.slug, tenant_id=tenant.id, reason=reason, now=now)
    return redirect("admin:set_up_admin")


def first_admin(request: InTenant) -> HttpResponse:
    form = FirstAdminForm(request.POST or None)

    def act(common: dict[str, Any]) -> str:
        email = form.cleaned_data["email"]
        invitations.invite(tenant_id=request.tenant.id, email=email, roles=[Role.ADMIN], by=request.user, **common)
        return f"An invitation is on its way to {email}."

    return _step(request, form, 2, "Who is its first admin?", act, "admin:set_up_teams")


def teams(request: InTenant) -> HttpResponse:
    form = TeamsForm(request.POST or None)

    def act(common: dict[str, Any]) -> str:
        made = [
            actions.create_team(tenant_id=request.tenant.id, slug=slug, name=name, actor=common["actor"])
            for slug, name in form.cleaned_data["teams"]
        ]
        return f"Made: {', '.join(team.name for team in made)}."

    return _step(request, form, 3, "Which teams answer for its workloads?", act, "admin:set_up_people")


def people(request: InTenant) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None)

    def act(common: dict[str, Any]) -> str:
        made = importing.invite_all(
            tenant_id=request.tenant.id, lines=form.cleaned_data["lines"], by=request.user, **common
        )
        return f"{len(made)} invitation{'s are' if len(made) > 1 else ' is'} on the way."

    return _step(request, form, 4, "Who works there, in which roles?", act, "admin:set_up")


def checklist_page(request: InTenant) -> HttpResponse:
    """Step 5: what is missing, and where it is made."""
    found = checklist.points(request.tenant, timezone.now())
    missing = [point for point in found if not point.is_there]
    context = {"title": "What is missing", "points": found, "missing": missing}
    return pages.shown(request, "admin/set_up.html", context)


@require_POST
def finish(request: InTenant) -> HttpResponse:
    """Leave the tenant to its admin; there has to be one, or one who was asked."""
    invitations.refuse_without_admin(request.tenant.id, timezone.now())
    open_session = request.admin_session  # type: ignore[attr-defined]
    directory().note_admin_session(request.tenant, session.operator(request.user), "closed", open_session.reason)
    session.end(request)
    messages.success(request, f"{request.tenant.name} is set up. Its admin goes on from here.")
    return redirect("admin:choose_tenant")


def _step(request: InTenant, form: forms.Form, step: int, question: str, act: Any, following: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        common = {"actor": session.member(request), "now": timezone.now(), "reason": _why(request)}
        try:
            with transaction.atomic():
                said = act(common)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, said)
            return redirect(following)
    context = {"title": question, "form": form, "step": step, "following": following}
    return pages.shown(request, "admin/set_up_step.html", context, status=400 if form.errors else 200)


def _why(request: HttpRequest) -> str:
    """The steps are one piece of work, done for the reason for which the tenant was opened."""
    return str(request.admin_session.reason)  # type: ignore[attr-defined]


pages.register(
    Page("tenant/new/", "new_tenant", new_tenant, is_outside=True),
    Page("set-up/", "set_up", checklist_page, "What is missing", order=20),
    Page("set-up/admin/", "set_up_admin", first_admin),
    Page("set-up/teams/", "set_up_teams", teams),
    Page("set-up/people/", "set_up_people", people, "Invite many", order=30),
    Page("set-up/finish/", "set_up_finish", finish),
)
checklist.register(
    checklist.Check(
        10,
        "An admin of its own",
        lambda tenant_id, now: queries.has_admin(tenant_id),
        "The first admin opens the link in their invitation.",
        "people",
    ),
    checklist.Check(
        20,
        "A team",
        lambda tenant_id, now: queries.teams(tenant_id).exists(),
        "Name teams in the set-up's third step.",
        "rotas",
    ),
)
