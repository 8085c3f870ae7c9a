"""What goes over the wire and what comes back, as values: no socket, no clock.

The contract is docs/integrations/dispatch.md of the portal. Both clients and the LiteLLM hook build and read through
here, so that there is one reading of it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from causeway_client.errors import (
    AdmissionsClosed,
    BudgetRefused,
    CausewayError,
    Limited,
    Rejected,
    Runaway,
    Unavailable,
)

Outcome = Literal["ok", "failed", "cancelled", "not_sent"]

HANDED_ON = ("x-gate-", "x-request-id", "x-should-retry", "retry-after")


@dataclass(frozen=True, slots=True)
class Ask:
    """One POST."""

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or none: ``status`` 0. ``unsure``: what was asked may have been done without our hearing of it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider reports them. None is not known, which is not 0 (COST-4)."""

    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def is_known(self) -> bool:
        return self.input_tokens is not None and self.output_tokens is not None


@dataclass(frozen=True, slots=True)
class Reservation:
    id: str
    attempt: int
    expires_at: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who answers, with which model, and how much of the budget is held for it."""

    request_id: str
    decision: str
    handler: str
    reasons: tuple[str, ...]
    workload: str | None
    version: str | None
    requested_model: str | None
    model: str | None
    tier: str | None
    max_output_tokens: int | None
    reservation: Reservation | None
    disclosure: str
    fallback: Mapping[str, Any]
    budget: Mapping[str, Any]
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the portal has recorded for one attempt. ``cost`` None: no price is known."""

    reservation: str
    state: str
    input_tokens: int | None
    output_tokens: int | None
    cost: str | None
    currency: str | None
    over_hold: int
    repeated: bool
    budget: Mapping[str, Any]


class Size(TypedDict):
    """What one model call may take: the tokens it sends, and the most it wants back."""

    input_tokens: int
    max_output_tokens: NotRequired[int | None]


class Question(Size):
    """What a request says of itself. ``user``, ``input_tokens`` and one of ``workload`` and ``text`` are needed."""

    user: str
    workload: NotRequired[str | None]
    text: NotRequired[str | None]
    session: NotRequired[str | None]
    unit: NotRequired[str | None]
    attributes: NotRequired[Mapping[str, Any] | None]
    request_id: NotRequired[str | None]


def dispatch(**question: Unpack[Question]) -> Ask:
    """A first attempt, under a key of its own: sent again after a lost answer, it holds once.

    ``request_id`` is what the caller was itself called with, so that the portal sees a chain (DISP-4).
    """
    body: dict[str, Any] = {**question}
    chained = body.pop("request_id", None)
    return Ask(
        "/api/v1/dispatch",
        given({**body, "idempotency_key": uuid.uuid4().hex}),
        {"X-Request-Id": chained} if chained else {},
    )


def reserve(*, request_id: str, attempt: int, **size: Unpack[Size]) -> Ask:
    return Ask("/api/v1/reserve", given({"request_id": request_id, "attempt": attempt, **size}))


def settle(*, reservation: str, outcome: Outcome, usage: Usage, model: str | None = None) -> Ask:
    body = {"outcome": outcome, "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return Ask("/api/v1/settle", given({"reservation": reservation, **body, "model": model}))


def given(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is None: absent means not known."""
    return {name: value for name, value in body.items() if value is not None}


def decision_of(reply: Reply) -> Decision:
    """Raises a CausewayError for anything but an admission, a fallback or a block."""
    if reply.status != 200:
        raise failure_of(reply)
    try:
        return _decision(reply.body, handed_on(reply.headers))
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("What answered is not Causeway.", status=reply.status, perhaps_held=True) from error


def _decision(body: Mapping[str, Any], headers: Mapping[str, str]) -> Decision:
    return Decision(
        request_id=str(body["request_id"]),
        decision=str(body["decision"]),
        handler=str(body["handler"]),
        reasons=tuple(body.get("reasons") or ()),
        workload=body.get("workload"),
        version=body.get("version"),
        requested_model=body.get("requested_model"),
        model=body.get("model"),
        tier=body.get("tier"),
        max_output_tokens=body.get("max_output_tokens"),
        reservation=_reservation_of(body.get("reservation")),
        disclosure=str(body.get("disclosure") or ""),
        fallback=body.get("fallback") or {},
        budget=body.get("budget") or {},
        body=body,
        headers=headers,
    )


def _reservation_of(found: Mapping[str, Any] | None) -> Reservation | None:
    if not found:
        return None
    return Reservation(str(found["id"]), int(found["attempt"]), str(found.get("expires_at") or ""))


def settlement_of(reply: Reply) -> Settlement:
    """Of an answer with status 200."""
    body = reply.body
    return Settlement(
        reservation=str(body.get("reservation")),
        state=str(body.get("state")),
        input_tokens=body.get("input_tokens"),
        output_tokens=body.get("output_tokens"),
        cost=body.get("cost"),
        currency=body.get("currency"),
        over_hold=int(body.get("over_hold") or 0),
        repeated=bool(body.get("repeated")),
        budget=body.get("budget") or {},
    )


def handed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of the portal's headers that disclose something to whoever asked (COST-6)."""
    return {name: value for name, value in headers.items() if name.lower().startswith(HANDED_ON)}


def failure_of(reply: Reply) -> CausewayError:
    """The kind of error an answer stands for."""
    body = reply.body
    code = str(body.get("code") or "")
    detail = str(body.get("detail") or body.get("title") or reply.error or f"The portal answered {reply.status}.")
    about: dict[str, Any] = {"status": reply.status or None, "code": code, "body": body}
    about |= {"headers": handed_on(reply.headers), "perhaps_held": reply.unsure and reply.status != 402}
    if reply.status == 402:
        return BudgetRefused(detail, **about)
    if reply.status == 429 and may_not_be_repeated(reply):
        return Runaway(detail, **about)
    if reply.status == 429:
        return Limited(detail, retry_after=seconds(reply.headers.get("retry-after")), **about)
    if reply.status == 403 and code == "admissions_closed":
        return AdmissionsClosed(detail, **about)
    if 400 <= reply.status < 500:
        return Rejected(detail, **about)
    return Unavailable(detail, **about)


def may_not_be_repeated(reply: Reply) -> bool:
    return reply.headers.get("x-should-retry", "").strip().lower() == "false"


def seconds(value: str | None) -> float | None:
    """Retry-After in seconds; the portal sends no dates, and what can't be read is as if it weren't there."""
    try:
        found = float(value) if value is not None else None
    except ValueError:
        return None
    return found if found is not None and 0 <= found < float("inf") else None
