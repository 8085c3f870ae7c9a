"""A tenant's own sign-in: its settings, and the way through it."""

import hmac
import secrets
from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.models import User
from apps.accounts.sessions import PROVIDER
from apps.accounts.signin import refuse_limited, safe_next
from apps.tenants import invitations, oidc, provider, queries
from apps.tenants.forms import AcceptForm, AddressForm, ProviderForm
from apps.tenants.models import Invitation, SignInProvider, Tenant
from apps.tenants.views import PAGE, may_manage_signin
from portal.access import public, requires
from portal.errors import Invalid, NotFound, PortalError, Refused
from portal.requests import InTenant
from portal.secrets import unseal
from portal.tenancy.context import tenant_transaction

ATTEMPT = "signin.attempt"
# What the page before the way out has put into its link, for this browser and one tenant.
WAY_OUT = "signin.way_out"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@requires(may_manage_signin, "signin.manage")
def settings_page(request: InTenant, slug: str) -> HttpResponse:
    """How members sign in: the provider's settings, and whom it has vouched for."""
    found = queries.provider(request.tenant.id)
    form = ProviderForm(request.POST or None, initial=ProviderForm.initial_of(found))
    if request.method == "POST" and form.is_valid():
        try:
            provider.set_provider(tenant_id=request.tenant.id, actor=request.actor, **form.values())
        except PortalError as error:
            form.add_error(error.code if error.code in form.fields else None, error.message)
        else:
            messages.success(request, "Set. Test it before you tell people.")
            return redirect("signin_provider", slug)
    context = {
        "found": found,
        "form": form,
        "callback": _callback(slug),
        "start": f"{settings.PUBLIC_URL}{reverse('provider_start', args=[slug])}",
        "page": Paginator(queries.identities(request.tenant.id), PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "tenants/provider.html", context, status=400 if form.errors else 200)


@require_POST
@requires(may_manage_signin, "signin.manage")
def test_provider(request: InTenant, slug: str) -> HttpResponse:
    """Fetch the discovery document and say what is wrong with it."""
    found = _of(queries.provider(request.tenant.id))
    try:
        metadata = oidc.discover(found.issuer)
    except PortalError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"It answers, and sends people to {metadata.authorization}.")
    return redirect("signin_provider", slug)


@require_POST
@requires(may_manage_signin, "signin.manage")
def remove_provider(request: InTenant, slug: str) -> HttpResponse:
    provider.remove_provider(found=_of(queries.provider(request.tenant.id)), actor=request.actor)
    messages.success(request, "Removed. People sign in with their passwords.")
    return redirect("signin_provider", slug)


@require_POST
@requires(may_manage_signin, "signin.manage")
def unbind(request: InTenant, slug: str, identity_id: UUID) -> HttpResponse:
    found = queries.identities(request.tenant.id).filter(id=identity_id).first()
    if found is None:
        raise NotFound("There is no such identity here.")
    provider.unbind(identity=found, actor=request.actor)
    messages.success(request, f"{found.user.name} is bound anew at the next sign-in.")
    return redirect("signin_provider", slug)


@public
def choose(request: HttpRequest) -> HttpResponse:
    """Which tenant's sign-in? A link leads on, since a form that left this site would be stopped by the browser."""
    form = AddressForm(request.GET or None)
    if form.is_valid():
        return redirect("provider_start", form.cleaned_data["tenant"])
    return render(request, "account/provider_choose.html", {"form": form})


@public
@require_GET
@never_cache
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """The page from which alone one leaves for the provider.

    Its link holds a word that this browser's session keeps, since a bare address would let any site sign its visitors
    in at a tenant of its own. A form with a token would do as well, and the browser would stop it at the provider.
    """
    tenant, _ = _open(slug)
    asked = {"pass": _pass(request, slug), **_carried(request)}
    context = {"tenant": tenant, "way": f"{reverse('provider_login', args=[slug])}?{urlencode(asked)}"}
    return render(request, "account/provider_start.html", context)


@public
@require_GET
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Off to the provider, with a new state, nonce and verifier in the session.

    Only by the link of :func:`start`, and once; whoever comes otherwise is shown that page.
    """
    limited = ratelimit.consume_or_429(request, action="login", limit_get=True)
    if limited:
        return limited  # type: ignore[no-any-return]
    tenant, found = _open(slug)
    if not _has_pass(request, slug):
        carried = _carried(request)
        return redirect(f"{reverse('provider_start', args=[slug])}{f'?{urlencode(carried)}' if carried else ''}")
    del request.session[WAY_OUT]
    attempt = oidc.Attempt.new()
    request.session[ATTEMPT] = {
        "tenant": str(tenant.id),
        "parts": [attempt.state, attempt.nonce, attempt.verifier],
        "next": safe_next(request, reverse("tenant_home", args=[slug])),
        "invitation": request.GET.get("invitation", "")[:100],
    }
    metadata = oidc.discover(found.issuer)
    return HttpResponseRedirect(oidc.leave_for(metadata, _client(slug, found), attempt))


@public
@require_GET
def come_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Back from the provider: who is it, does this tenant know them, and a session that counts here alone."""
    kept = request.session.pop(ATTEMPT, None)
    tenant, found = _open(slug)
    attempt = _same_attempt(request, kept, tenant, found)
    claims = oidc.come_back(_client(slug, found), attempt, request.GET["code"])
    invitation = _invitation(kept["invitation"], tenant)
    with tenant_transaction(tenant.id):
        admitted = provider.admit(found=found, claims=claims, invitation=invitation, now=timezone.now())
    _begin(request, tenant, admitted)
    return HttpResponseRedirect(kept["next"])


@public
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation's link: a new account, or the one that is signed in, or the tenant's own sign-in."""
    found, now = invitations.by_link(token, timezone.now()), timezone.now()
    form = AcceptForm(request.POST or None)
    if request.method == "POST" and request.user.is_authenticated:
        return _accept_as(request, token)
    if request.method == "POST" and form.is_valid():
        try:
            invitations.accept_as_new(token=token, now=now, **form.cleaned_data)
        except Invalid as error:
            form.add_error(error.code, error.data.get("errors", error.message))
        else:
            messages.success(request, "Your account is ready. Sign in with your address and the password.")
            return redirect("account_login")
    context = {"found": found, "form": form, "token": token, **_ways_in(found)}
    return render(request, "account/invitation.html", context, status=400 if form.errors else 200)


def _accept_as(request: HttpRequest, token: str) -> HttpResponse:
    done = invitations.accept_as(token=token, user=_own(request), now=timezone.now())
    messages.success(request, f"Welcome to {done.tenant.name}.")
    return redirect("tenant_home", done.tenant.slug)


def _own(request: HttpRequest) -> Any:
    """The signed-in person, if the session is theirs and not a tenant's word for it."""
    refuse_limited(request)
    return request.user


def _ways_in(found: Invitation) -> dict[str, bool]:
    with tenant_transaction(found.tenant_id):
        has_provider = queries.provider(found.tenant_id) is not None
    return {"has_provider": has_provider, "has_account": User.objects.filter(email=found.email).exists()}


def _same_attempt(request: HttpRequest, kept: Any, tenant: Tenant, found: SignInProvider) -> oidc.Attempt:
    """The attempt that left from this browser for this tenant, if it is what comes back."""
    if kept is None or kept["tenant"] != str(tenant.id):
        raise Refused("signin_over", "This sign-in is over, or began in another browser. Begin again.")
    attempt = oidc.Attempt(*kept["parts"])
    if not hmac.compare_digest(attempt.state.encode(), request.GET.get("state", "").encode()):
        raise Refused("signin_over", "This sign-in is over, or began in another browser. Begin again.")
    # RFC 9207: a provider that names itself has to be the one that was left for.
    if request.GET.get("error") or not request.GET.get("code") or request.GET.get("iss", found.issuer) != found.issuer:
        raise Refused("signin_declined", "The provider didn't sign you in. Begin again, or ask a tenant admin.")
    return attempt


def _pass(request: HttpRequest, slug: str) -> str:
    """The same until it is used: a second tab doesn't spoil the first one's link."""
    kept = request.session.get(WAY_OUT)
    if kept is None or kept["slug"] != slug:
        kept = request.session[WAY_OUT] = {"slug": slug, "word": secrets.token_urlsafe(32)}
    return str(kept["word"])


def _has_pass(request: HttpRequest, slug: str) -> bool:
    kept, sent = request.session.get(WAY_OUT), request.GET.get("pass", "")
    return kept is not None and kept["slug"] == slug and hmac.compare_digest(kept["word"].encode(), sent.encode())


def _carried(request: HttpRequest) -> dict[str, str]:
    """Where to go on afterwards, and the invitation one came by."""
    found = {"next": safe_next(request, ""), "invitation": request.GET.get("invitation", "")[:100]}
    return {name: value for name, value in found.items() if value}


def _invitation(token: str, tenant: Tenant) -> Invitation | None:
    found = invitations.by_link(token, timezone.now()) if token else None
    return found if found is not None and found.tenant_id == tenant.id else None


def _begin(request: HttpRequest, tenant: Tenant, admitted: provider.Admitted) -> None:
    """In a new session, which carries its tenant from the first moment on."""
    request.session.flush()
    login(request, admitted.user, backend=BACKEND)
    request.session[PROVIDER] = {
        "tenant": str(tenant.id),
        "identity": str(admitted.identity.id),
        "is_strong": admitted.is_strong,
    }


def _open(slug: str) -> tuple[Tenant, SignInProvider]:
    """The tenant and its provider; one without looks like none at all."""
    tenant = queries.tenant_by_slug(slug)
    if tenant is None:
        raise NotFound("No tenant with a sign-in of its own has this address.")
    with tenant_transaction(tenant.id):
        found = queries.provider(tenant.id)
    if found is None:
        raise NotFound("No tenant with a sign-in of its own has this address.")
    return tenant, found


def _of(found: SignInProvider | None) -> SignInProvider:
    if found is None:
        raise NotFound("No sign-in is set up here.")
    return found


def _callback(slug: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('provider_callback', args=[slug])}"


def _client(slug: str, found: SignInProvider) -> oidc.Client:
    return oidc.Client(found.issuer, found.client_id, unseal(found.sealed_secret), _callback(slug))
