"""The books of a portal in memory, by the contract (docs/integrations/dispatch.md): exact, under one lock.

It stands in for the server where only the client is looked at, and where answers have to be lost on purpose.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PRIMARY, SMALLER = "sonnet-4.5", "haiku-4.5"


class Refusal(Exception):
    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None, **body: Any) -> None:
        super().__init__(code)
        self.status, self.headers = status, dict(headers or {})
        self.body = {"code": code, "title": code, "status": status, **body}


@dataclass(frozen=True)
class Gate:
    """One workload's budget. ``learned`` is the output that is held where the caller names none."""

    ceiling: int = 1000
    learned: int = 12
    overage: str = "hard_cap"
    handler: str = "agent"
    attempts: int = 1000


@dataclass
class Row:
    id: str
    request_id: str
    attempt: int
    user: str
    held: int
    usage: tuple[int, int] | None = None
    outcome: str | None = None

    @property
    def settled(self) -> int:
        return sum(self.usage) if self.usage is not None else 0

    @property
    def stands(self) -> bool:
        return self.usage is None and self.outcome != "not_sent"


@dataclass(frozen=True)
class Book:
    """What the portal would show: tokens settled and held, and each reservation with what became of it."""

    settled: int
    held: int
    rows: tuple[Row, ...]
    is_closed: bool

    def outcomes(self) -> list[tuple[int, str | None, tuple[int, int] | None]]:
        return [(row.attempt, row.outcome, row.usage) for row in self.rows]


@dataclass
class Ledger:
    gate: Gate = field(default_factory=Gate)
    faults: deque[str] = field(default_factory=deque)
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._answers: dict[str, tuple[dict[str, Any], tuple[int, dict[str, str], dict[str, Any]]]] = {}
        self._requests: dict[str, str] = {}
        self._closed = False

    def book(self) -> Book:
        with self._lock:
            rows = tuple(self._rows.values())
            held = sum(row.held for row in rows if row.stands)
            return Book(sum(row.settled for row in rows), held, rows, self._closed)

    def answer(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        """Status, headers, body."""
        with self._lock:
            self.asked.append((path, body, headers))
            try:
                return self._answer(path, body, headers)
            except Refusal as refusal:
                return refusal.status, refusal.headers, refusal.body

    def _answer(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if headers.get("authorization") != "Bearer secret":
            raise Refusal(401, "unauthenticated")
        if path == "/api/v1/dispatch":
            if headers.get("x-request-id") in self._requests:
                raise Refusal(409, "chained_call")
            return self._once(body["idempotency_key"], body, f"req-{len(self._requests) + 1}", 1)
        if path == "/api/v1/reserve":
            if body["request_id"] not in self._requests:
                raise Refusal(404, "not_found")
            return self._once(f"{body['request_id']}/{body['attempt']}", body, body["request_id"], body["attempt"])
        if path == "/api/v1/settle":
            return self._settle(body)
        raise Refusal(404, "not_found")

    def _once(self, key: str, body: dict[str, Any], request_id: str, attempt: int) -> tuple[int, dict[str, str], Any]:
        if key in self._answers:
            first, answer = self._answers[key]
            if first != body:
                raise Refusal(409, "idempotency_key")
            return answer
        self._check(body)
        self._requests.setdefault(request_id, body.get("user", ""))
        if attempt > self.gate.attempts:
            raise Refusal(429, "runaway", {"x-should-retry": "false"})
        answer = self._decide(body, request_id, attempt)
        self._answers[key] = body, answer
        return answer

    def _check(self, body: dict[str, Any]) -> None:
        if self._closed:
            raise Refusal(403, "admissions_closed")
        tokens = body.get("input_tokens")
        if not isinstance(tokens, int) or not 1 <= tokens <= 10_000_000:
            raise Refusal(400, "invalid", field="input_tokens")

    def _decide(self, body: dict[str, Any], request_id: str, attempt: int) -> tuple[int, dict[str, str], Any]:
        if self.gate.handler == "fallback":
            return self._said(request_id, "fallback", "fallback", None, None)
        user, sent = self._requests[request_id], body["input_tokens"]
        wanted = body.get("max_output_tokens") or self.gate.learned
        left = self.gate.ceiling - sum(row.held if row.stands else row.settled for row in self._of(user))
        output = min(wanted, left - sent)
        if output >= 1:
            return self._held(Row(self._next(), request_id, attempt, user, sent + output), "admitted", PRIMARY, output)
        if self.gate.overage == "soft_cap":
            return self._held(Row(self._next(), request_id, attempt, user, sent + wanted), "degraded", SMALLER, wanted)
        fields = self._said(request_id, "refused", "fallback", None, None)[2]
        after = {**fields, "next": "Ask the owner of the budget."}
        raise Refusal(402, "budget_refused", {"x-should-retry": "false", "x-gate-decision": "refused"}, **after)

    def _of(self, user: str) -> list[Row]:
        return [row for row in self._rows.values() if row.user == user]

    def _next(self) -> str:
        return f"res-{len(self._rows) + 1}"

    def _held(self, row: Row, decision: str, model: str, output: int) -> tuple[int, dict[str, str], Any]:
        self._rows[row.id] = row
        return self._said(row.request_id, decision, self.gate.handler, row, (model, output))

    def _said(
        self, request_id: str, decision: str, handler: str, row: Row | None, served: tuple[str, int] | None
    ) -> tuple[int, dict[str, str], Any]:
        model, output = served or (None, None)
        body = {
            "request_id": request_id,
            "workload": "W-01",
            "handler": handler,
            "decision": decision,
            "reasons": [decision],
            "requested_model": PRIMARY,
            "model": model,
            "tier": {PRIMARY: "primary", SMALLER: "budget"}.get(model or ""),
            "max_output_tokens": output,
            "reservation": row and {"id": row.id, "attempt": row.attempt, "expires_at": "2026-11-20T12:10:00Z"},
            "budget": {"limit": self.gate.ceiling, "resets_at": "2026-12-01T00:00:00+01:00"},
            "disclosure": "A smaller model answers." if decision == "degraded" else "",
            "fallback": {"kind": "system", "description": "The old form", "address": "https://old.example/form"},
        }
        headers = {"X-Gate-Decision": decision, "X-Gate-Model-Served": model or "", "X-Request-Id": request_id}
        return 200, headers, body

    def _settle(self, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        row = self._rows.get(body["reservation"])
        if row is None:
            raise Refusal(404, "not_found")
        outcome, usage = body.get("outcome", "ok"), _usage_of(body)
        repeated = (row.outcome, row.usage) == (outcome, usage)
        if not repeated and (row.usage is not None or row.outcome == "not_sent"):
            raise Refusal(409, "already_settled")
        row.outcome, row.usage = outcome, usage
        over = max(0, row.settled - row.held)
        self._closed = self._closed or over > 0
        figures = {"input_tokens": body.get("input_tokens"), "output_tokens": body.get("output_tokens"), "cost": None}
        state = "released" if outcome == "not_sent" else "settled" if usage else "held"
        about = {"reservation": row.id, "state": state, "currency": "USD", "over_hold": over, "repeated": repeated}
        return 200, {}, {**about, **figures, "budget": {}}


def _usage_of(body: Mapping[str, Any]) -> tuple[int, int] | None:
    sent, got = body.get("input_tokens"), body.get("output_tokens")
    return None if sent is None or got is None else (sent, got)
