"""One's own account: where one is signed in, the second factor, the address. Sign-in itself is allauth's."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import record_authentication
from allauth.core import ratelimit
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from apps.accounts import actions, emails, queries
from apps.accounts.forms import EmailForm
from apps.accounts.models import Session
from apps.accounts.sessions import name_of
from apps.accounts.signin import own_account, read, safe_next
from portal.access import public
from portal.directory import directory
from portal.errors import PortalError
from portal.requests import SignedIn

GO_ON = "signin.go_on"


@own_account
def session_list(request: SignedIn) -> HttpResponse:
    """Where one is signed in; this browser is marked."""
    here = request.session.session_key
    rows = [_shown(row, here) for row in queries.sessions(request.user.id)[:100]]
    return render(request, "account/sessions.html", {"rows": rows})


@require_POST
@own_account
def end_session(request: SignedIn, name: str) -> HttpResponse:
    actions.end_session(user=request.user, name=name)
    messages.success(request, "That session has ended.")
    return redirect("account_sessions")


@require_POST
@own_account
def end_other_sessions(request: SignedIn) -> HttpResponse:
    ended = actions.end_sessions(user=request.user, keep=request.session.session_key)
    directory().note_account(request.user, "person.sessions_ended", {"sessions_ended": ended})
    messages.success(request, f"{ended} other session{'s' if ended != 1 else ''} ended. This one goes on.")
    return redirect("account_sessions")


@own_account
def second_factor(request: SignedIn) -> HttpResponse:
    """Get a second factor, or show the one that there is, and go on to where it was asked for."""
    wanted = safe_next(request)
    if read(request).is_strong:
        return redirect(wanted)
    request.session[GO_ON] = wanted
    if is_mfa_enabled(request.user):
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': wanted})}")
    return render(request, "account/second_factor.html", {"back": wanted})


@own_account
def go_on(request: SignedIn) -> HttpResponse:
    """Back to where a second factor was asked for."""
    return redirect(request.session.pop(GO_ON, "/"))


class _Noted:
    """A change of somebody's second factors, in the trail of each of their tenants."""

    action = ""
    request: HttpRequest

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        directory().note_account(self.request.user, self.action, {})
        return answer


class _Added(_Noted):
    """Whoever sets a device up has just shown it: the session counts as strong from here on."""

    action = "person.second_factor_added"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        record_authentication(self.request, self.request.user, "mfa", type="added")
        return answer


class ActivateCodes(_Added, ActivateTOTPView):  # type: ignore[misc]
    pass


class AddKey(_Added, AddWebAuthnView):  # type: ignore[misc]
    pass


class DeactivateCodes(_Noted, DeactivateTOTPView):  # type: ignore[misc]
    action = "person.second_factor_removed"


class RemoveKey(_Noted, RemoveWebAuthnView):  # type: ignore[misc]
    action = "person.second_factor_removed"


@own_account
@reauthentication_required  # type: ignore[untyped-decorator]
def email_page(request: SignedIn) -> HttpResponse:
    """Ask for another address; the answer is the same whether somebody has it or not."""
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        limited = ratelimit.consume_or_429(request, action="manage_email", user=request.user)
        if limited:
            return limited  # type: ignore[no-any-return]
        try:
            emails.ask(user=request.user, address=form.cleaned_data["address"], now=timezone.now())
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "A link is on its way to the new address. Open it here within a day.")
            return redirect("account_email")
    return render(request, "account/email.html", {"form": form}, status=400 if form.errors else 200)


@own_account
def confirm_email(request: SignedIn, token: str) -> HttpResponse:
    """Opening a link changes nothing, since mail scanners open links too."""
    if request.method == "POST":
        here = request.session.session_key
        done = emails.confirm(token=token, user=request.user, keep=here, now=timezone.now())
        messages.success(request, f"You now sign in with {done.new}. All other sessions have ended.")
        return redirect("account_sessions")
    return render(request, "account/confirm_email.html")


@public
def undo_email(request: HttpRequest, token: str) -> HttpResponse:
    if request.method == "POST":
        done = emails.undo(token=token, now=timezone.now())
        return render(request, "account/undo_email.html", {"done": done})
    return render(request, "account/undo_email.html")


@public
def signup_closed(request: HttpRequest) -> HttpResponse:
    return render(request, "account/signup_closed.html")


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "account/too_many.html", status=429)


def _shown(row: Session, here: str | None) -> dict[str, Any]:
    return {"row": row, "name": name_of(row.session_key), "is_here": row.session_key == here}
