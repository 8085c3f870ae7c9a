"""``POST /api/v1/dispatch``, ``/reserve`` and ``/settle``: the one thin entry point (DISP-1, COST-4, COST-6).

Token, snapshot, assign, reserve, answer: on the hot path, so without session and with one statement that writes. No
business rule and no tool call lives here.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.budgets import alerting, queries, settling
from apps.budgets.disclosure import budget
from apps.budgets.months import month_at, month_named
from apps.budgets.pricing import served_prices
from apps.budgets.rules import Decision as Gate
from apps.dispatch import asking, gate
from apps.dispatch.classify.decide import Classified, classifiers, classify
from apps.dispatch.decision import Decision, decide, of_version
from apps.dispatch.ofrep import caller
from apps.dispatch.snapshot import Flag, Snapshot, snapshots
from portal import faults
from portal.access import credential
from portal.actor import Actor
from portal.connections import drop_dead
from portal.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from portal.ids import uuid7
from portal.pseudonyms import user_key
from portal.tenancy.context import tenant_transaction
from portal.tenancy.early import released_early

MAX_BODY = 64 * 1024
DECLARED = "declared"


@csrf_exempt
@credential
def dispatch(request: HttpRequest) -> HttpResponse:
    """Who answers this request, and what the first call may spend."""
    tenant_id, actor = caller(request)
    said = _document(request)
    _refuse_chained(request, said, tenant_id)
    ask = asking.dispatch(said)
    snapshot = snapshots.get(tenant_id)
    classified = _classified(tenant_id, snapshot, ask)
    if classified.workload is None:
        return _nobodys(classified)
    flag = _flag(snapshot, actor, classified.workload)
    assignment = decide(flag, ask.unit, ask.attributes, is_current=snapshot.is_current)
    return _answer(
        assignment,
        snapshot,
        actor,
        tenant_id,
        user=user_key(tenant_id, ask.user),
        input_tokens=ask.input_tokens,
        most=ask.max_output_tokens,
        request_id=uuid7(),
        session=ask.session,
        idempotency_key=ask.idempotency_key,
        classified=classified,
    )


@csrf_exempt
@credential
def reserve(request: HttpRequest) -> HttpResponse:
    """Another attempt of a request that dispatch began."""
    tenant_id, actor = caller(request)
    ask = asking.again(_document(request))
    snapshot = snapshots.get(tenant_id)
    with _reading(tenant_id):
        first = queries.begun(tenant_id, ask.request_id, _token(actor), timezone.now())
    flag = _flag(snapshot, actor, first.workload.key)
    return _answer(
        of_version(flag, first.version, is_current=snapshot.is_current),
        snapshot,
        actor,
        tenant_id,
        user=first.user_key,
        input_tokens=ask.input_tokens,
        most=ask.max_output_tokens,
        request_id=ask.request_id,
        attempt=ask.attempt,
        session=first.session,
    )


@csrf_exempt
@credential
def settle(request: HttpRequest) -> HttpResponse:
    """What a call really used."""
    tenant_id, actor = caller(request)
    ask = asking.settlement(_document(request))
    now = timezone.now()
    with _writing(tenant_id):
        reservation = queries.reservation_for(tenant_id, ask.reservation, _token(actor))
        prices = served_prices(reservation, ask.model)
        used = settling.Used(ask.input_tokens, ask.output_tokens, settling.Outcome(ask.outcome), ask.model)
        done = settling.settle(reservation=reservation, used=used, prices=prices, now=now)
        state = queries.standing(done.reservation)
    faults.point("budget.settled")
    settled = done.reservation
    body = {
        "reservation": str(settled.id),
        "state": settled.state,
        "input_tokens": settled.used_input,
        "output_tokens": settled.used_output,
        "cost": None if settled.cost is None else format(settled.cost.normalize(), "f"),
        "currency": "USD",
        "over_hold": done.over_hold,
        "repeated": done.is_repeated,
        "budget": budget(state, month_named(settled.month)),
    }
    return _json(body, headers={"X-Request-Id": str(settled.request_id)})


def _answer(
    assignment: Decision,
    snapshot: Snapshot,
    actor: Actor,
    tenant_id: UUID,
    *,
    user: str,
    classified: Classified | None = None,
    **asked: Any,
) -> HttpResponse:
    """Take the hold if an agent answers, and say all of it in body and headers."""
    now = timezone.now()
    month = month_at(now, snapshot.tariff.zone)
    held = None
    if assignment.version is not None:
        held = gate.hold(
            tenant_id=tenant_id,
            assignment=assignment,
            tariff=snapshot.tariff,
            credential=_token(actor),
            user_key=user,
            month=month.key,
            now=now,
            **asked,
        )
        if held.is_exhausted:
            # The refusal stands whatever becomes of the alert; the next one tells.
            with suppress(InterfaceError, OperationalError), tenant_transaction(tenant_id):
                alerting.tell_exhausted(
                    tenant_id=tenant_id,
                    workload_id=assignment.flag.workload_id,
                    user_key=user,
                    tier=held.tier,
                    month=month.key,
                    now=now,
                )
    body = gate.told(assignment, held, month, asked["request_id"])
    if classified is not None:
        body["classification"] = gate.classification(classified)
    headers = gate.headers(body)
    if held is None or held.decision is not Gate.REFUSED:
        return _json(body, headers=headers)
    body = gate.problem(body, held.reason, month.resets_at)
    return _json(body, body["status"], {**headers, "x-should-retry": "false"}, "application/problem+json")


def _classified(tenant_id: UUID, snapshot: Snapshot, ask: asking.Dispatch) -> Classified:
    """Whose it is: as declared, else by the tenant's rules and its classifier (DISP-1)."""
    if ask.workload:
        return Classified(ask.workload, 1.0, DECLARED, None)
    return classify(classifiers.get(tenant_id, snapshot.version), ask.text)


def _nobodys(classified: Classified) -> HttpResponse:
    """No workload is surely meant: nobody guesses, and nothing is held (DISP-3)."""
    body = gate.nobodys(uuid7(), classified)
    return _json(body, headers=gate.headers(body))


def _document(request: HttpRequest) -> dict[str, Any]:
    if request.method != "POST":
        raise Invalid("method", "Send a POST.")
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise TooLarge("too_large", f"The body has at most {MAX_BODY:,} bytes.")
    return asking.document(body)


def _refuse_chained(request: HttpRequest, said: dict[str, Any], tenant_id: UUID) -> None:
    """Agents don't call each other through the portal: no request begins inside another (DISP-4)."""
    found = said.get("request_id") or request.headers.get("X-Request-Id", "")
    try:
        inside = UUID(found) if found and isinstance(found, str) else None
    except ValueError:
        inside = None  # an id of the caller's own, for its logs
    if inside is None:
        return
    with _reading(tenant_id):
        if queries.is_begun(tenant_id, inside):
            raise Conflict(
                "chained_call",
                "This request was begun by dispatch: agents don't call each other through the portal (DISP-4). "
                "Further calls of the same agent are reserved.",
            )


def _flag(snapshot: Snapshot, actor: Actor, key: str) -> Flag:
    flag = snapshot.flags.get(key)
    if flag is None:
        raise NotFound(f"There is no workload {key!r} here.")
    if actor.workloads is not None and flag.workload_id not in actor.workloads:
        raise Forbidden("other_workload", "This token is bound to another workload (DISP-4).")
    return flag


def _token(actor: Actor) -> UUID:
    assert actor.id is not None, "a token has an id"
    return actor.id


@contextmanager
def _reached(transaction: Callable[[UUID], AbstractContextManager[None]], tenant_id: UUID) -> Iterator[None]:
    """A tenant's transaction; where the ledger can't be reached it says so (COST-5)."""
    drop_dead()
    try:
        with transaction(tenant_id):
            yield
    except (InterfaceError, OperationalError) as error:
        raise Unavailable("counters_unreachable", "The ledger can't be reached just now; try again.") from error


_reading = partial(_reached, tenant_transaction)
_writing = partial(_reached, released_early)


def _json(
    body: dict[str, Any],
    status: int = 200,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> HttpResponse:
    # Bytes: for text Django looks the character set up in the header that it has just been given.
    answer = HttpResponse(json.dumps(body).encode(), status=status, content_type=content_type)
    answer.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer
