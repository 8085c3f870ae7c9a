"""What every page knows, and how an error looks to a person."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
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
        **navigation.context(request),
        "now": timezone.now(),
        "request_id": request_id_var.get(),
        # Asked for by the pages that show an instant: the others needn't know who reads them.
        "reader_zone": partial(reader_zone, request),
        "second_factor": settings.SECOND_FACTOR,
    }


def reader_zone(request: HttpRequest) -> ZoneInfo:
    """The clock that the reader goes by: their own, or their tenant's, or UTC."""
    person, tenant = getattr(request, "user", None), getattr(request, "tenant", None)
    return ZoneInfo(getattr(person, "time_zone", "") or getattr(tenant, "time_zone", "") or "UTC")


def error(request: HttpRequest, problem: PortalError) -> HttpResponse:
    """A refusal as a page, or as a banner when htmx asked for a fragment."""
    htmx = getattr(request, "htmx", False)
    template = "partials/error.html" if htmx else problem.page
    return render(request, template, {"problem": problem, "back": _back(request)}, status=problem.status)


def _back(request: HttpRequest) -> str:
    """The page to come back to: this one, or where the form stood."""
    if request.method == "GET":
        return request.get_full_path()
    sent_from = urlsplit(request.headers.get("Referer", ""))
    return sent_from.path if sent_from.netloc == request.get_host() else "/"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "500.html", status=500)
