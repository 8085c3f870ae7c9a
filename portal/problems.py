"""Errors as ``application/problem+json`` (RFC 9457), for the API and the protocol endpoints: the one place."""

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.response import Response

from portal.errors import Invalid, NotFound, PortalError, TooLarge, Unauthorised, Unavailable
from portal.logs import request_id_var


def body(error: PortalError) -> dict[str, Any]:
    """The problem document: type, title, status, detail, code, request id and the error's own data."""
    return {
        "type": f"urn:causeway:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "request_id": request_id_var.get(),
        **error.data,
    }


def headers(error: PortalError) -> dict[str, str]:
    if isinstance(error, Unauthorised):
        return {"WWW-Authenticate": 'Bearer realm="causeway"'}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(error.data.get("retry_after", 1))}
    return {}


def response(error: PortalError, request: HttpRequest) -> HttpResponseBase:
    return JsonResponse(
        body(error), status=error.status, content_type="application/problem+json", headers=headers(error)
    )


def internal_error(request: HttpRequest) -> HttpResponseBase:
    """A fault of ours: say so, name the request, tell nothing of the inside."""
    document = {
        "type": "urn:causeway:internal_error",
        "title": "Something went wrong on our side",
        "status": 500,
        "detail": "Nothing was changed. Give the request id to whoever runs this portal.",
        "code": "internal_error",
        "request_id": request_id_var.get(),
    }
    return JsonResponse(document, status=500, content_type="application/problem+json")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler."""
    problem = _as_portal_error(error)
    if problem is None:
        return None
    answer = Response(body(problem), status=problem.status, headers=headers(problem))
    answer.content_type = "application/problem+json"
    return answer


def _as_portal_error(error: Exception) -> PortalError | None:
    if isinstance(error, PortalError):
        return error
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, exceptions.ValidationError):
        return Invalid("invalid", "Some fields are wrong; each is named with what it wants.", errors=error.detail)
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    return None


def _from_drf(error: exceptions.APIException) -> PortalError:
    known: dict[int, type[PortalError]] = {400: Invalid, 401: Unauthorised, 404: NotFound, 413: TooLarge}
    kind = known.get(error.status_code)
    if kind is NotFound:
        return NotFound()
    code = str(getattr(error, "default_code", "error"))
    problem = (kind or PortalError)(code, str(error.detail))
    if kind is None:
        problem.status = error.status_code  # type: ignore[misc]
    return problem
