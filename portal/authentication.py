"""How DRF learns who calls: the credential was checked once, in the middleware, for pages and API alike."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from portal.actor import Actor


class SessionOrToken(SessionAuthentication):
    """The actor that the middleware found. Sessions need the CSRF token, API tokens don't."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        actor: Actor | None = getattr(request._request, "actor", None)
        if actor is None:
            return None
        if actor.scopes is None:
            self.enforce_csrf(request)
        return request._request.user, actor


class SessionOrTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.authentication.SessionOrToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
