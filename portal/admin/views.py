from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from portal.admin import session
from portal.directory import TenantLike, directory
from portal.errors import NotFound, SecondFactorNeeded
from portal.requests import SignedIn
from portal.signin import SignIn
from portal.tenancy.context import tenant_transaction


class ChooseForm(forms.Form):
    slug = forms.SlugField(max_length=40, label="Tenant", help_text="Its address, as in /t/<address>/.")
    reason = forms.CharField(max_length=300, help_text="Stands in the tenant's audit trail, beside your name.")


@login_required
def choose_tenant(request: SignedIn) -> HttpResponse:
    """Open one tenant for an hour. Where you may not, it is the 404 of a tenant that doesn't exist."""
    form = ChooseForm(request.POST or None)
    sign_in = directory().sign_in(request)
    operates = directory().operates(request.user, sign_in)
    if not (operates or directory().administers(request.user, sign_in)):
        raise NotFound()
    refuse_weak(sign_in)
    if request.method == "POST" and form.is_valid():
        tenant = may_open(request, form.cleaned_data["slug"])
        reason, now = form.cleaned_data["reason"], timezone.now()
        with tenant_transaction(tenant.id):
            directory().note_admin_session(tenant, session.operator(request.user), "opened", reason)
        session.begin(request, slug=tenant.slug, tenant_id=tenant.id, reason=reason, now=now)
        return redirect("admin:index")
    context = {"form": form, "open": session.read(request, timezone.now()), "operates": operates}
    return render(request, "admin_choose.html", context, status=400 if form.errors else 200)


@require_POST
@login_required
def leave_tenant(request: SignedIn) -> HttpResponse:
    found = session.read(request, timezone.now())
    if found is not None:
        tenant = may_open(request, found.slug)
        with tenant_transaction(tenant.id):
            directory().note_admin_session(tenant, session.operator(request.user), "closed", found.reason)
    session.end(request)
    return redirect("home")


def may_open(request: HttpRequest, slug: str) -> TenantLike:
    """The tenant, if the person behind the request may administer it.

    Raises:
        NotFound: there is none, or they may not.
        SecondFactorNeeded: they may, but not with this session.
    """
    tenant = directory().find_tenant(slug)
    if tenant is None:
        raise NotFound()
    with tenant_transaction(tenant.id):
        refuse_others(request, tenant)
    return tenant


def refuse_others(request: HttpRequest, tenant: TenantLike) -> None:
    """Inside the tenant's transaction: whoever may not administer it.

    Raises:
        NotFound: they may not.
        SecondFactorNeeded: they may, but not with this session.
    """
    sign_in = directory().sign_in(request)
    if not directory().may_administer(request.user, tenant, sign_in):
        raise NotFound()
    refuse_weak(sign_in)


def refuse_weak(sign_in: SignIn) -> None:
    """
    Raises:
        SecondFactorNeeded: the session shows none, where the installation requires it.
    """
    if directory().lacks_second_factor(sign_in):
        raise SecondFactorNeeded("The admin opens with a second factor alone.")
