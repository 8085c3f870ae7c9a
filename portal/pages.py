"""What every page knows, and how an error looks to a person."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal import navigation
from portal.errors import PortalError
from portal.logs import request_id_var


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the current tenant, always visible (TEN-2), the way around, and the as-of time."""
    return {
        "actor": getattr(request, "actor", None),
        "nav": navigation.entries(request),
        "now": timezone.now(),
        "request_id": request_id_var.get(),
    }


def error(request: HttpRequest, problem: PortalError) -> HttpResponse:
    """A refusal as a page, or as a banner when htmx asked for a fragment."""
    htmx = getattr(request, "htmx", False)
    template = "partials/error.html" if htmx else "error.html"
    return render(request, template, {"problem": problem}, status=problem.status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "500.html", status=500)
