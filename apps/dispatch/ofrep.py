"""OFREP 0.3: a flag key is a workload's key, its value says who answers (single and bulk evaluation).

On the hot path: no session, no database while the snapshot is young. The ETag covers the context, so a client that
becomes somebody else never keeps an old answer.
"""

import hashlib
import json
import threading
import time
from typing import Any
from uuid import UUID

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.dispatch.decision import Decision, Reason, decide, needs_unit, ungated, value
from apps.dispatch.snapshot import Flag, Snapshot, snapshots
from apps.rollouts.assignment import Arm
from portal.access import credential
from portal.actor import Actor
from portal.connections import drop_dead
from portal.directory import directory
from portal.errors import Forbidden, Unauthorised, Unavailable
from portal.middleware import bearer

MAX_BODY = 64 * 1024
TOKEN_FOR = 1.0
MAX_TOKENS = 10_000
# How long a client may keep an answer, in seconds: as long as we do.
CACHE_SECONDS = 1

_Credential = tuple[float, UUID, Actor]
_credentials: dict[str, _Credential] = {}
_lock = threading.Lock()


class BadEvaluation(Exception):
    """A 400 of the protocol: its error code, and a sentence."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code, self.details = code, details


@csrf_exempt
@credential
def evaluate(request: HttpRequest, key: str) -> HttpResponse:
    """``POST /ofrep/v1/evaluate/flags/{key}``."""
    tenant_id, actor = caller(request)
    try:
        context = _context(request)
        snapshot = snapshots.get(tenant_id)
        flag = snapshot.flags.get(key)
        if flag is None or not _covers(actor, flag):
            return _json({"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": f"No workload {key!r}."}, 404)
        return _json(_success(_decide(flag, context, snapshot)))
    except BadEvaluation as error:
        return _json({"key": key, "errorCode": error.code, "errorDetails": error.details}, 400)


@csrf_exempt
@credential
def evaluate_all(request: HttpRequest) -> HttpResponse:
    """``POST /ofrep/v1/evaluate/flags``: every workload that the token covers, with an ETag."""
    tenant_id, actor = caller(request)
    try:
        context = _context(request)
    except BadEvaluation as error:
        return _json({"errorCode": error.code, "errorDetails": error.details}, 400)
    snapshot = snapshots.get(tenant_id)
    etag = _etag(tenant_id, actor, snapshot, context)
    if etag in request.headers.get("If-None-Match", ""):
        return _headers(HttpResponse(status=304), etag)
    flags = [_one_of_many(flag, context, snapshot) for flag in snapshot.flags.values() if _covers(actor, flag)]
    return _headers(_json({"flags": flags, "metadata": {"configuration": snapshot.version}}), etag)


def caller(request: HttpRequest) -> tuple[UUID, Actor]:
    """Tenant and actor of the token; kept for a second, so a revoked one counts that long at most."""
    raw = bearer(request)
    if raw is None:
        raise Unauthorised("credential_missing", "Send an API token with the scope decide.")
    found = _credentials.get(raw)
    if found is None or time.monotonic() - found[0] > TOKEN_FOR:
        found = _ask(raw, found)
    if not found[2].allows("decide"):
        raise Forbidden("scope_missing", "This token lacks the scope decide.")
    return found[1], found[2]


def _ask(raw: str, known: _Credential | None) -> _Credential:
    """What the token stands for now. Without a database what was known goes on to count, since all that it gets then is
    the fallback.
    """
    drop_dead()
    try:
        tenant, actor = directory().actor_for_token(raw)
    except Error as error:
        if known is None:
            raise Unavailable("database", "The token can't be checked just now; use the fallback.") from error
        return known
    except Unauthorised:
        _credentials.pop(raw, None)
        raise
    found = (time.monotonic(), tenant.id, actor)
    with _lock:
        if len(_credentials) >= MAX_TOKENS:
            _credentials.clear()
        _credentials[raw] = found
    return found


def _context(request: HttpRequest) -> dict[str, Any]:
    if request.method != "POST":
        raise BadEvaluation("GENERAL", "Send a POST.")
    try:
        body = json.loads(request.read(MAX_BODY + 1))
    except (ValueError, RecursionError) as error:
        raise BadEvaluation("PARSE_ERROR", f"The body is no JSON of at most {MAX_BODY} bytes.") from error
    context = body.get("context") if isinstance(body, dict) else None
    if not isinstance(context, dict):
        raise BadEvaluation("INVALID_CONTEXT", 'Send {"context": {"targetingKey": "...", ...}}.')
    return context


def _decide(flag: Flag, context: dict[str, Any], snapshot: Snapshot) -> Decision:
    unit = context.get("targetingKey")
    if unit is not None and not isinstance(unit, str):
        raise BadEvaluation("INVALID_CONTEXT", "targetingKey wants a string.")
    if not unit and needs_unit(flag):
        raise BadEvaluation("TARGETING_KEY_MISSING", "Who answers depends on who asks: send a targetingKey.")
    found = decide(flag, unit, context, is_current=snapshot.is_current)
    # Dispatch would refuse the call of a model without a price, so no evaluation sends anybody to it.
    is_refused = found.version is not None and not snapshot.tariff.has_price(found.version.model)
    return ungated(flag) if is_refused else found


# The protocol's own words for ours.
_REASONS = {
    Reason.IN_ROLLOUT: "SPLIT",
    Reason.CONTROL: "SPLIT",
    Reason.NOT_IN_ROLLOUT: "SPLIT",
    Reason.STALE: "UNKNOWN",
    Reason.PILOT: "TARGETING_MATCH",
    Reason.SHADOW: "SPLIT",
    Reason.NOT_IN_PILOT: "DEFAULT",
}


def _success(decision: Decision) -> dict[str, Any]:
    found = value(decision)
    metadata = {k: v for k, v in found.items() if not isinstance(v, dict)}
    return {
        "key": decision.flag.key,
        "reason": _REASONS.get(decision.reason, "STATIC"),
        "variant": decision.arm.value if decision.arm is not Arm.NONE else decision.handler,
        "value": found,
        "metadata": {**metadata, "cache_seconds": CACHE_SECONDS},
    }


def _one_of_many(flag: Flag, context: dict[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    try:
        return _success(_decide(flag, context, snapshot))
    except BadEvaluation as error:
        return {"key": flag.key, "errorCode": error.code, "errorDetails": error.details}


def _covers(actor: Actor, flag: Flag) -> bool:
    return actor.workloads is None or flag.workload_id in actor.workloads


def _etag(tenant_id: UUID, actor: Actor, snapshot: Snapshot, context: dict[str, Any]) -> str:
    """Strong: over tenant, token's workloads, configuration and the whole context."""
    covered = sorted(map(str, actor.workloads)) if actor.workloads is not None else "all"
    # A pilot's time ends without anything being set.
    state = [snapshot.version, snapshot.is_current, str(snapshot.until)]
    identity = [str(tenant_id), covered, *state, context]
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:40]}"'


def _headers(response: HttpResponse, etag: str) -> HttpResponse:
    response.headers["ETag"] = etag
    return response


def _json(body: dict[str, Any], status: int = 200) -> HttpResponse:
    # Bytes: for text Django looks the character set up in the header that it has just been given.
    answer = HttpResponse(json.dumps(body).encode(), status=status, content_type="application/json")
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["Vary"] = "Authorization, X-API-Key"
    return answer
