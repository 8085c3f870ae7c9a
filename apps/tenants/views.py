from django.http import HttpResponse
from django.shortcuts import redirect, render

from apps.tenants import queries
from portal.access import signed_in
from portal.requests import SignedIn


@signed_in
def home(request: SignedIn) -> HttpResponse:
    """Straight into the only tenant, or the choice between several (TEN-2)."""
    memberships = queries.memberships_of(request.user.id)
    if len(memberships) == 1:
        return redirect("tenant_home", memberships[0].tenant.slug)
    return render(request, "tenants/choose.html", {"memberships": memberships})
