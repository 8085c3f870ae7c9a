"""Taking a hold: one statement, one round trip (COST-4).

``budgets_reserve`` (migration 0006) locks the user's month, decides, and writes the hold. It is called
through ``budgets_reserve_durably``, which lets the locks go at the commit and answers once the disk has it (decision
0010), so what is answered stands whatever dies next. Where the counters can't be reached the answer is *blocked*
(COST-5).
"""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from apps.budgets.rules import LEAST_OUTPUT, Decision, Offer, Reason
from portal import faults
from portal.connections import drop_dead
from portal.errors import Conflict
from portal.ids import uuid7
from portal.tenancy.context import tenant_transaction


@dataclass(frozen=True, slots=True)
class Ask:
    """One attempt of one model call that wants to be held. ``budget`` is None where no smaller model may answer."""

    tenant_id: UUID
    workload_id: UUID
    id: UUID
    request_id: UUID
    attempt: int
    credential: UUID
    user_key: str
    month: str
    input_tokens: int
    primary: Offer
    budget: Offer | None
    at: datetime
    expires_at: datetime
    session: str = ""
    idempotency_key: str = ""
    version: str = ""

    def document(self) -> str:
        return json.dumps(
            {
                "tenant": str(self.tenant_id),
                "workload": str(self.workload_id),
                "id": str(self.id),
                "entry": str(uuid7()),
                "request": str(self.request_id),
                "attempt": self.attempt,
                "credential": str(self.credential),
                "user": self.user_key,
                "month": self.month,
                "input": self.input_tokens,
                "least": LEAST_OUTPUT,
                "primary": _offer(self.primary),
                "budget": _offer(self.budget) if self.budget else None,
                "at": self.at.isoformat(),
                "expires": self.expires_at.isoformat(),
                "session": self.session,
                "key": self.idempotency_key,
                "version": self.version,
            }
        )


@dataclass(frozen=True, slots=True)
class Held:
    """The answer. ``id`` and ``model`` are empty where nothing is held; the figures are of the user's month."""

    decision: Decision
    reason: Reason
    id: UUID | None = None
    request_id: UUID | None = None
    attempt: int = 0
    model: str = ""
    output: int = 0
    held: int = 0
    expires_at: datetime | None = None
    is_repeated: bool = False
    tier: str = ""
    disclosure: str = ""
    ceiling: int = 0
    settled_total: int = 0
    held_total: int = 0
    is_exhausted: bool = False


def reserve(ask: Ask) -> Held:
    """Hold what this call may spend.

    Raises:
        Conflict: the attempt or the idempotency key was used for something else.
    """
    try:
        found = _call(ask)
    except (InterfaceError, OperationalError):
        return Held(Decision.BLOCKED, Reason.UNREACHABLE)
    if not found.get("is_same", True):
        raise Conflict("idempotency_key", "This attempt, or this idempotency key, was used for another call.")
    return _held(found)


def _call(ask: Ask) -> dict[str, Any]:
    # The function sets the tenant itself, for its own transaction. Inside somebody else's it has to be put back.
    if connection.in_atomic_block:
        with tenant_transaction(ask.tenant_id):
            return _execute("select budgets_reserve(%s::jsonb)", ask)
    drop_dead()
    return _execute("call budgets_reserve_durably(%s::jsonb, null)", ask)


def _execute(statement: str, ask: Ask) -> dict[str, Any]:
    faults.point("budget.asked")
    with connection.cursor() as cursor:
        cursor.execute(statement, [ask.document()])
        # Django has its cursors leave JSON as text.
        found: dict[str, Any] = json.loads(cursor.fetchone()[0])
    faults.point("budget.held")
    return found


def _held(found: dict[str, Any]) -> Held:
    return Held(
        decision=Decision(found["decision"]),
        reason=Reason(found["reason"]),
        id=UUID(found["id"]) if "id" in found else None,
        request_id=UUID(found["request"]) if "request" in found else None,
        attempt=found.get("attempt", 0),
        model=found.get("model", ""),
        output=found.get("output", 0),
        held=found.get("held", 0),
        expires_at=datetime.fromisoformat(found["expires"]) if "expires" in found else None,
        is_repeated=found.get("repeated", False),
        tier=found.get("tier", ""),
        disclosure=found.get("disclosure", ""),
        ceiling=found.get("ceiling", 0),
        settled_total=found.get("settled_total", 0),
        held_total=found.get("held_total", 0),
        is_exhausted=found.get("is_exhausted", False),
    )


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "model": offer.model,
        "output": offer.output,
        "input_price": _text(offer.input_price),
        "output_price": _text(offer.output_price),
    }


def _text(price: Decimal | None) -> str | None:
    return None if price is None else format(price, "f")
