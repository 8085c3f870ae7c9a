"""Reading a session: who vouched for it, and how well; and the fence around one's own account."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from apps.accounts import secondfactor
from apps.accounts.sessions import PROVIDER, name_of
from portal.errors import Forbidden
from portal.signin import SignIn


def read(request: HttpRequest) -> SignIn:
    name, provider = name_of(request.session.session_key), request.session.get(PROVIDER)
    if provider:
        return SignIn(name, UUID(provider["tenant"]), UUID(provider["identity"]), provider["is_strong"])
    records = get_authentication_records(request, request.user)
    return SignIn(name, is_strong=secondfactor.is_shown(records, time.time()))


def own_account(view: Callable[..., Any]) -> Callable[..., Any]:
    """For pages about the account itself, which belongs to the person and not to any tenant.

    A session that a tenant's provider vouched for is kept out: it could set a password, or take the address, and so
    reach what the provider has no say in.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        refuse_limited(request)
        return view(request, *args, **kwargs)

    return login_required(checked)


def refuse_limited(request: HttpRequest) -> None:
    """
    Raises:
        Forbidden: a tenant's provider vouched for this session.
    """
    if read(request).is_limited:
        raise Forbidden(
            "account_out_of_reach",
            "You signed in through a tenant's own sign-in, which counts in that tenant alone. For this, sign out and "
            "sign in with your address and password.",
        )


def safe_next(request: HttpRequest, default: str = "/") -> str:
    """Where to go on, if that is a page of ours."""
    wanted = request.GET.get("next") or request.POST.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else default
