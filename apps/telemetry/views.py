"""``POST /v1/traces``: OTLP/HTTP in, from unmodified exporters (TEL-2). The credential says which tenant."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import DataError, Error
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.telemetry import ingest, otlp, records
from portal.access import credential
from portal.directory import TenantLike, directory
from portal.errors import Forbidden, Invalid, PortalError, TooLarge, Unauthorised, Unavailable
from portal.middleware import bearer

# google.rpc codes for the refusals that exporters log.
_RPC = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 503: 14}


def speaks_otlp(view: Callable[..., bytes]) -> Callable[..., HttpResponse]:
    """Answer errors in OTLP's own shape, in the sender's own encoding, retryable only where a retry can help."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.content_type or ""
        kind = otlp.JSON if asked.lower().startswith(otlp.JSON) else otlp.PROTOBUF
        try:
            body = view(request, *args, kind=kind, **kwargs)
        except DataError as error:
            # A value that no column takes: sending it again can't help.
            return _refusal(kind, Invalid("unstorable", f"A value can't be stored: {str(error)[:200]}"))
        except Error:
            return _refusal(kind, Unavailable("database", "The records could not be stored just now; send them again."))
        except PortalError as error:
            return _refusal(kind, error)
        return HttpResponse(body, content_type=kind)

    return answered


@csrf_exempt
@credential
@speaks_otlp
def traces(request: HttpRequest, kind: str) -> bytes:
    if request.method != "POST":
        raise Invalid("method", "Send a POST.")
    tenant, actor = sender(request)
    kind = otlp.media_type(request.content_type or "")
    body = otlp.inflate(raw_body(request), request.headers.get("Content-Encoding", ""), settings.TELEMETRY_BODY_LIMIT)
    spans, unreadable = otlp.spans(body, kind)
    now = timezone.now()
    reading = records.from_spans(spans, frame(tenant, now))
    reading.rejections[:0] = unreadable
    stored = ingest.store(tenant_id=tenant.id, reading=reading, actor=actor, source="otlp", now=now)
    return otlp.success(kind, len(stored.rejections), otlp.explain(stored.rejections, reading.warnings))


def sender(request: HttpRequest) -> tuple[TenantLike, Any]:
    """The tenant and the actor of a token with the scope ``telemetry``."""
    raw = bearer(request)
    if raw is None:
        raise Unauthorised(
            "credential_missing", "Send an API token with the scope telemetry, as Authorization: Bearer."
        )
    tenant, actor = directory().actor_for_token(raw)
    if not actor.allows("telemetry"):
        raise Forbidden("scope_missing", "This token lacks the scope telemetry.")
    return tenant, actor


def raw_body(request: HttpRequest) -> bytes:
    """The body as sent, bounded before it is read."""
    limit = settings.TELEMETRY_BODY_LIMIT
    if int(request.headers.get("Content-Length") or 0) > limit:
        raise TooLarge("body_too_large", f"The body is over {limit} bytes; send smaller batches.")
    raw: bytes = request.read(limit + 1)
    if len(raw) > limit:
        raise TooLarge("body_too_large", f"The body is over {limit} bytes; send smaller batches.")
    return raw


def frame(tenant: TenantLike, now: Any) -> records.Frame:
    oldest = now - timedelta(days=settings.TELEMETRY_RETENTION_DAYS)
    return records.Frame(tenant=tenant.slug, now=now, oldest=oldest)


def _refusal(kind: str, error: PortalError) -> HttpResponse:
    body = otlp.status(kind, _RPC.get(error.status, 3), error.message)
    answer = HttpResponse(body, status=error.status, content_type=kind)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = "1"
    if isinstance(error, Unauthorised):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="causeway"'
    return answer
