"""Everything between the socket and a view.

Order matters. The request gets its id; protocol endpoints (OTLP, OFREP, health) leave the chain at once, since they
need no session and a decision has single-digit milliseconds; pages and the API then get their tenant, from the URL
and never from "the user's current one" (TEN-1), and one transaction bound to it.
"""

import logging
import re
from collections.abc import Callable
from functools import lru_cache
from secrets import token_hex
from typing import cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, get_urlconf, resolve

from portal import pages, problems
from portal.actor import Actor
from portal.directory import TenantLike, directory
from portal.errors import Invalid, NotFound, PortalError, Unauthorised
from portal.logs import client_ip_var, request_id_var
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("portal.request")

Handler = Callable[[HttpRequest], HttpResponseBase]

DECISIONS = ("/api/v1/dispatch", "/api/v1/reserve", "/api/v1/settle", "/ofrep/")
PROTOCOL_PREFIXES = (*DECISIONS, "/v1/", "/v2/", "/widget/", "/healthz", "/readyz", "/metrics")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TENANT_PATH = re.compile(r"/(?P<api>api/v1/)?t/(?P<slug>[^/]+)(?:/|$)")


class RequestMiddleware:
    """Gives each request an id, kept if the caller sent a sound one, and an honest client address."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else token_hex(16)
        tokens = request_id_var.set(request_id), client_ip_var.set(client_ip(request))
        try:
            response = self.get_response(request)
        finally:
            request_id_var.reset(tokens[0])
            client_ip_var.reset(tokens[1])
        # A decision's own is the request that it begins.
        response.headers.setdefault("X-Request-Id", request_id)
        return response


class ProtocolMiddleware:
    """Protocol endpoints skip sessions, cookies and pages; they open their own short transactions."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PROTOCOL_PREFIXES):
            return self.get_response(request)
        try:
            match = _protocol_view(request.path_info, get_urlconf())
        except Resolver404:
            return problems.response(NotFound(), request)
        try:
            return cast(HttpResponseBase, match.func(request, *match.args, **match.kwargs))
        except PortalError as error:
            return problems.response(error, request)
        except Exception:
            log.exception("a protocol endpoint failed", extra={"path": request.path_info})
            return problems.internal_error(request)


class TenantMiddleware:
    """Binds a request under ``/t/<slug>/`` to its tenant, or answers 404 as for a tenant that doesn't exist."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.tenant = request.actor = None  # type: ignore[attr-defined]
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            error = Invalid("nul", "Leave the character NUL out of the address; no value here holds one.")
            return self._refusal(request, error, is_api=request.path_info.startswith("/api/"))
        path = _TENANT_PATH.match(request.path_info)
        if path is None:
            return self.get_response(request)
        is_api = bool(path["api"])
        try:
            return self._inside(request, path["slug"], is_api=is_api)
        except PortalError as error:
            return self._refusal(request, error, is_api=is_api)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if isinstance(error, PortalError):
            return self._refusal(request, error, is_api=request.path_info.startswith("/api/"))
        return None

    def _inside(self, request: HttpRequest, slug: str, *, is_api: bool) -> HttpResponseBase:
        credential = bearer(request) if is_api else None
        if credential is None and not request.user.is_authenticated:
            raise Unauthorised("credential_missing", "Sign in, or send an API token as Authorization: Bearer.")
        actor, tenant = None, None
        if credential is not None:
            tenant, actor = directory().actor_for_token(credential)
        else:
            tenant = directory().find_tenant(slug)
        if tenant is None or tenant.slug != slug:
            raise NotFound()
        return self._transaction(request, tenant, actor)

    def _transaction(self, request: HttpRequest, tenant: TenantLike, actor: Actor | None) -> HttpResponseBase:
        with tenant_transaction(tenant.id):
            actor = actor or directory().actor_for_user(request.user, tenant, directory().sign_in(request))
            if actor is None:
                raise NotFound()
            request.tenant, request.actor = tenant, actor  # type: ignore[attr-defined]
            response = self.get_response(request)
            # An answer that says "no" has changed nothing, whatever the view wrote before it found out.
            if response.status_code >= 400:
                transaction.set_rollback(True)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    def _refusal(self, request: HttpRequest, error: PortalError, *, is_api: bool) -> HttpResponseBase:
        if is_api:
            return problems.response(error, request)
        if isinstance(error, Unauthorised):
            return redirect_to_login(request.get_full_path())
        return pages.error(request, error)


class AdminPolicyMiddleware:
    """The admin's theme needs a wider script policy; it gets one for ``/admin/`` alone."""

    POLICY = (
        "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "object-src 'none'"
    )

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith("/admin/"):
            response.headers["Content-Security-Policy"] = self.POLICY
        return response


@lru_cache(maxsize=1_024)
def _protocol_view(path: str, urlconf: str | None) -> ResolverMatch:
    """Kept, since a walk through all of the portal's patterns is a third of a decision's time."""
    return resolve(path, urlconf)


def bearer(request: HttpRequest) -> str | None:
    """The API token of a request, from ``Authorization: Bearer`` or ``X-API-Key``."""
    # META and not `headers`, which reads every header of the request before it answers for one.
    scheme, _, value = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return str(request.META.get("HTTP_X_API_KEY", "")) or None


def client_ip(request: HttpRequest) -> str:
    """The caller's address: the socket's, or the entry that the outermost trusted proxy appended."""
    chain = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    forwarded = [part.strip() for part in chain if part.strip()]
    if settings.TRUSTED_PROXIES and len(forwarded) >= settings.TRUSTED_PROXIES:
        return forwarded[-settings.TRUSTED_PROXIES]
    return str(request.META.get("REMOTE_ADDR", ""))
