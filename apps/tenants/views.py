"""Where to work; who belongs to a tenant, who is asked in, and where its members are signed in."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.accounts.sessions import name_of
from apps.accounts.signin import read
from apps.tenants import actions, invitations, queries
from apps.tenants.forms import InviteForm, RolesForm
from apps.tenants.roles import has_right
from portal.access import requires, signed_in
from portal.actor import Actor
from portal.errors import NotFound, PortalError
from portal.requests import InTenant, SignedIn

PAGE = 50


def may_manage_members(actor: Actor) -> bool:
    return has_right(actor, "member.manage")


def may_manage_signin(actor: Actor) -> bool:
    return has_right(actor, "signin.manage")


@signed_in
def home(request: SignedIn) -> HttpResponse:
    """Straight into the only tenant, or the choice between several (TEN-2); a limited session knows of one alone."""
    sign_in = read(request)
    memberships = [each for each in queries.memberships_of(request.user.id) if sign_in.reaches(each.tenant_id)]
    if len(memberships) == 1:
        return redirect("tenant_home", memberships[0].tenant.slug)
    return render(request, "tenants/choose.html", {"memberships": memberships})


@requires(may_manage_members, "member.manage")
def people(request: InTenant, slug: str) -> HttpResponse:
    """Who belongs here and who was asked in, with the form that asks."""
    tenant_id, now = request.tenant.id, timezone.now()
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            common: dict[str, Any] = {"by": request.user, "actor": request.actor, "now": now}
            invitations.invite(tenant_id=tenant_id, **form.cleaned_data, **common)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
            return redirect("people", slug)
    context = {
        "page": Paginator(queries.members(tenant_id), PAGE).get_page(request.GET.get("page")),
        "invitations": Paginator(queries.invitations(tenant_id), PAGE).get_page(request.GET.get("sent")),
        "form": form,
    }
    return render(request, "tenants/people.html", context, status=400 if form.errors else 200)


@requires(may_manage_members, "member.manage")
def person_page(request: InTenant, slug: str, member_id: UUID) -> HttpResponse:
    """One member: their roles, and where they are signed in."""
    found = queries.member(request.tenant.id, member_id)
    form = RolesForm(request.POST or None, initial={"roles": found.roles})
    if request.method == "POST" and form.is_valid():
        try:
            actions.set_roles(member=found, roles=form.cleaned_data["roles"], actor=request.actor)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, f"{found.user.name} has these roles from now on.")
            return redirect("people", slug)
    ended = queries.ended_here(request.tenant.id)
    rows = [(name_of(row.session_key), row) for row in queries.sessions_here(request.tenant.id, found.user_id)[:PAGE]]
    context = {"found": found, "form": form, "sessions": [pair for pair in rows if pair[0] not in ended]}
    return render(request, "tenants/person.html", context, status=400 if form.errors else 200)


@require_POST
@requires(may_manage_members, "member.manage")
def end_membership(request: InTenant, slug: str, member_id: UUID) -> HttpResponse:
    found = queries.member(request.tenant.id, member_id)
    actions.end_membership(member=found, actor=request.actor, now=timezone.now())
    messages.success(request, f"{found.user.name} is no longer a member.")
    return redirect("people", slug)


@require_POST
@requires(may_manage_members, "member.manage")
def end_member_session(request: InTenant, slug: str, member_id: UUID, session: str) -> HttpResponse:
    """End one of a member's sessions, for this tenant alone."""
    found = queries.member(request.tenant.id, member_id)
    for row in queries.sessions_here(request.tenant.id, found.user_id):
        if name_of(row.session_key) == session:
            actions.end_session_here(tenant_id=request.tenant.id, session=row, actor=request.actor)
            messages.success(request, "That session counts in this tenant no more.")
            return redirect("person", slug, member_id)
    raise NotFound("This session is over.")


@require_POST
@requires(may_manage_members, "member.manage")
def act_on_invitation(request: InTenant, slug: str, invitation_id: UUID, verb: str) -> HttpResponse:
    found = queries.invitation(request.tenant.id, invitation_id)
    act = {"resend": invitations.resend, "revoke": invitations.revoke}[verb]
    act(invitation=found, actor=request.actor, now=timezone.now())
    done = "sent anew; the former link counts no more" if verb == "resend" else "revoked"
    messages.success(request, f"The invitation of {found.email} is {done}.")
    return redirect("people", slug)
