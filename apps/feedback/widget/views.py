"""What the widget on somebody else's page asks: ``/widget/v1/<key>/...``. No cookie is read or set.

Three things have to hold, each of them alone would not do: the page's origin is one that the widget was made for
(browsers say it and scripts can't change it), the widget isn't revoked, and the page carries a ticket that the
application's own server asked for. An answer to any other origin carries no permission to read it.
"""

import base64
import binascii
import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.feedback import actions, queries, tickets
from apps.feedback.actions import Person, Told
from apps.feedback.models import Report, ReportEvent, Source, Widget
from apps.feedback.widget.actions import actor_of, person_of
from portal import problems
from portal.access import credential
from portal.errors import Forbidden, Invalid, NotFound, PortalError, TooLarge, Unauthorised
from portal.middleware import bearer
from portal.tenancy.context import tenant_transaction

LIMIT = 8 * 1024 * 1024
SHOWN = 20
View = Callable[..., HttpResponse]


def _for_pages(*methods: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """Checks the origin, answers the browser's question before the request, and lets the page read the answer."""

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        @csrf_exempt
        @credential
        @wraps(view)
        def answered(request: HttpRequest, key: str) -> HttpResponseBase:
            widget = queries.known_widget(key)
            if widget is None:
                raise NotFound("There is no widget of this key, or it was revoked.")
            origin = request.headers.get("Origin", "")
            if origin not in widget.origins:
                raise Forbidden("origin", "This page's origin isn't among those that the widget was made for.")
            response = _response(view, widget, request, methods)
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
            response.headers["Cache-Control"] = "no-store"
            return response

        return answered

    return decorate


def _response(view: View, widget: Widget, request: HttpRequest, methods: tuple[str, ...]) -> HttpResponseBase:
    if request.method == "OPTIONS":
        allowed = {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "600",
        }
        return HttpResponse(status=204, headers=allowed)
    try:
        if request.method not in methods:
            raise Invalid("method", f"Send {' or '.join(methods)}.")
        ticket = tickets.read(widget.id, bearer(request) or "")
        if ticket is None:
            raise Unauthorised("ticket", "The ticket is missing, over or another widget's: load the page anew.")
        with tenant_transaction(widget.tenant_id):
            return view(request, queries.widget_for(widget.tenant_id, widget.key), person_of(widget, ticket), ticket)
    except DataError as error:
        return problems.response(Invalid("unstorable", f"A value can't be stored: {str(error)[:200]}"), request)
    except PortalError as error:
        # The page may read why; so this is answered here, where the origin is known to be allowed.
        return problems.response(error, request)


@_for_pages("GET", "POST")
def reports(request: HttpRequest, widget: Widget, person: Person, ticket: tickets.Ticket) -> HttpResponse:
    """What this user reported here, or a new report."""
    if request.method == "GET":
        rows = list(_mine(widget, person)[:SHOWN])
        answers = queries.last_answers(rows)
        return JsonResponse({"reports": [_shown(row, answers) for row in rows]})
    said = _document(request)
    report = actions.file_report(
        workload=widget.workload,
        told=Told(
            what_happened=_text(said, "what_happened"),
            would_help=_text(said, "would_help"),
            category=_text(said, "category") or "unhelpful",
            severity=_text(said, "severity") or "medium",
            request_id=_text(said, "request_id"),
            screenshot=picture(said.get("screenshot")),
        ),
        person=person,
        source=Source.WIDGET,
        actor=actor_of(widget),
        now=timezone.now(),
    )
    return JsonResponse(_shown(report, {}), status=201)


@_for_pages("POST")
def reactions(request: HttpRequest, widget: Widget, person: Person, ticket: tickets.Ticket) -> HttpResponse:
    """One click: it was used as it is, re-checked, or redone."""
    said = _document(request)
    new = actions.react(
        workload=widget.workload,
        said=[(_text(said, "request_id"), _text(said, "kind"), ticket.user)],
        actor=actor_of(widget),
        is_own=True,
        now=timezone.now(),
    )
    return JsonResponse({"new": new}, status=201)


def picture(encoded: Any) -> bytes | None:
    """The bytes of a picture that was sent in base64, with or without the prefix of a data address.

    Raises:
        Invalid: it is something else.
    """
    if encoded in (None, ""):
        return None
    try:
        return base64.b64decode(str(encoded).rpartition("base64,")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("screenshot", "Send the screenshot in base64.") from error


def _mine(widget: Widget, person: Person) -> Any:
    if person.member is not None:
        # What they reported here: the application's word for who they are opens nothing of the portal's.
        mine = queries.mine(widget.tenant_id, person.member.id)
        return mine.filter(workload=widget.workload_id, source=Source.WIDGET)
    return queries.of_key(widget.tenant_id, widget.workload_id, person.key)


def _shown(report: Report, answers: dict[UUID, ReportEvent]) -> dict[str, Any]:
    """A report as its own reporter reads it: what they said, and what became of it."""
    led = report.duplicate_of or report
    answer = answers.get(led.id)
    return {
        "id": str(report.id),
        "at": report.created_at.isoformat(),
        "what_happened": report.what_happened,
        "category": report.category,
        "category_words": report.get_category_display(),
        "state": led.state,
        "answer": answer.text if answer else "",
        "fixed_in": led.fixed_in.label if led.fixed_in else "",
    }


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
        raise Invalid(name, f"{name} is a text, of whole characters.")
    return value


def _document(request: HttpRequest) -> dict[str, Any]:
    length = request.headers.get("Content-Length") or "0"
    raw = request.read(LIMIT + 1) if length.isdecimal() and int(length) <= LIMIT else b" " * (LIMIT + 1)
    if len(raw) > LIMIT:
        raise TooLarge("body_too_large", "It is too large; leave the screenshot out, or make it smaller.")
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Invalid("json", "The body has to be JSON.") from error
    if not isinstance(said, dict):
        raise Invalid("json", "The body has to be a JSON object.")
    return said
