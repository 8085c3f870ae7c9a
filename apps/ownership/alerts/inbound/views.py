"""The three ways in: ``/v1/alerts/alertmanager``, ``/v2/enqueue`` (Events API v2) and ``/v1/alerts/webhook/<key>``.

An answer of 2xx means that it is stored: it is given after the commit. What can pass by itself is 503, so that the
sender sends it again.
"""

import json
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.db import DataError, Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.ownership.alerts.inbound import integrations, parse, receive
from apps.ownership.channels import signing
from apps.ownership.models import Integration
from apps.ownership.models.alerts import Source
from portal.access import credential
from portal.errors import Invalid, PortalError, TooLarge, Unauthorised, Unavailable
from portal.middleware import bearer
from portal.tenancy.context import tenant_transaction

LIMIT = 1024 * 1024
View = Callable[..., HttpResponse]


def _accepts(view: View) -> View:
    """POST alone, a body of bounded length, and an answer that tells the sender whether a retry can help."""

    @csrf_exempt
    @credential
    @wraps(view)
    def answered(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            if request.method != "POST":
                raise Invalid("method", "Send a POST.")
            return view(request, body=_body(request), **kwargs)
        except DataError as error:
            raise Invalid("unstorable", f"A value can't be stored: {str(error)[:200]}") from error
        except Error as error:
            raise Unavailable("database", "It could not be stored just now; send it again.") from error

    return answered


@_accepts
def alertmanager(request: HttpRequest, body: bytes) -> HttpResponse:
    found = integrations.known(bearer(request) or "", Source.ALERTMANAGER)
    group = parse.alertmanager(parse.document(body))
    with tenant_transaction(found.tenant_id):
        outcome = receive.group(integration=_whole(found), found=group, now=timezone.now())
    return JsonResponse({"status": outcome})


@_accepts
def pagerduty(request: HttpRequest, body: bytes) -> HttpResponse:
    """Errors in the shape that clients of Events v2 read."""
    try:
        sent = parse.document(body)
        raw = sent.get("routing_key")
        found = integrations.known(raw if isinstance(raw, str) else "", Source.PAGERDUTY)
        event = parse.pagerduty(sent)
    except Unauthorised as error:
        return _invalid(error, 400)
    except PortalError as error:
        return _invalid(error, error.status)
    with tenant_transaction(found.tenant_id):
        _, key = receive.event(integration=_whole(found), found=event, now=timezone.now())
    return JsonResponse({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)


@_accepts
def webhook(request: HttpRequest, body: bytes, key: str) -> HttpResponse:
    found = integrations.named(key, Source.WEBHOOK)
    sent = {name.lower(): value for name, value in request.headers.items() if name.lower().startswith("webhook-")}
    # An unknown address and a wrong signature look the same.
    secret = integrations.signing_secret(found) if found else b"nobody's"
    problem = signing.problem(secret, sent, body, time.time())
    if problem or found is None:
        raise Unauthorised("unsigned", problem or "The signature doesn't fit.")
    event = parse.own(parse.document(body))
    with tenant_transaction(found.tenant_id):
        outcome, known_as = receive.event(
            integration=_whole(found), found=event, now=timezone.now(), event_id=sent["webhook-id"]
        )
    return JsonResponse({"status": outcome, "key": known_as}, status=202)


def _whole(found: Integration) -> Integration:
    """With its team and its workload, inside the tenant."""
    return integrations.integration(found.tenant_id, UUID(str(found.id)))


def _invalid(error: PortalError, status: int) -> HttpResponse:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": [error.message]}
    return HttpResponse(json.dumps(said), status=status, content_type="application/json")


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > LIMIT:
        raise TooLarge("body_too_large", f"The body is over {LIMIT} bytes; send fewer alerts at once.")
    raw: bytes = request.read(LIMIT + 1)
    if len(raw) > LIMIT:
        raise TooLarge("body_too_large", f"The body is over {LIMIT} bytes; send fewer alerts at once.")
    return raw
