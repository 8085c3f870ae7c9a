"""From a decision to a hold: what the call may cost and say, and what the caller is told (COST-4, COST-6)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.budgets.disclosure import budget
from apps.budgets.months import Month
from apps.budgets.reserving import Ask, Held, reserve
from apps.budgets.rules import FIRST_HELD, Decision, Offer, Reason
from apps.dispatch.classify.decide import Classified
from apps.dispatch.decision import Decision as Assignment
from apps.dispatch.decision import Reason as Assigned
from apps.dispatch.snapshot import Flag, Tariff
from apps.pricing.rules import per_token
from apps.rollouts.assignment import Arm
from portal.ids import uuid7

HOLD_LASTS = timedelta(minutes=10)
# Which status a refusal has, and whether it is a month's matter.
STATUS = {Reason.CLOSED: 403, Reason.RUNAWAY: 429}


def offer(tariff: Tariff, flag: Flag, model: str, most: int | None) -> Offer:
    """What a call to ``model`` would hold: what was learned for it, or less if the caller wants less."""
    price = tariff.prices[model]
    output = tariff.holds.get((flag.workload_id, model), FIRST_HELD)
    return Offer(
        model=model,
        output=output if most is None else min(output, most),
        input_price=None if price.input is None else per_token(price.input),
        output_price=None if price.output is None else per_token(price.output),
    )


def hold(
    *,
    tenant_id: UUID,
    assignment: Assignment,
    tariff: Tariff,
    credential: UUID,
    user_key: str,
    month: str,
    input_tokens: int,
    most: int | None,
    now: datetime,
    request_id: UUID,
    attempt: int = 1,
    session: str = "",
    idempotency_key: str = "",
) -> Held:
    """Reserve for one attempt of the assigned version's call.

    Raises:
        Conflict: the attempt or the key was used for something else.
    """
    flag, version = assignment.flag, assignment.version
    assert version is not None, "a fallback holds nothing"
    return reserve(
        Ask(
            tenant_id=tenant_id,
            workload_id=flag.workload_id,
            id=uuid7(),
            request_id=request_id,
            attempt=attempt,
            credential=credential,
            user_key=user_key,
            month=month,
            input_tokens=input_tokens,
            primary=offer(tariff, flag, version.model, most),
            budget=offer(tariff, flag, flag.budget_model, most) if flag.budget_model else None,
            at=now,
            expires_at=now + HOLD_LASTS,
            session=session,
            idempotency_key=idempotency_key,
            version=version.label,
        )
    )


def told(assignment: Assignment, held: Held | None, month: Month, request_id: UUID) -> dict[str, Any]:
    """The decision as the caller gets it: assignment, gate, hold, disclosure."""
    flag, version, split = assignment.flag, assignment.version, assignment.flag.split
    requested = version.model if version else ""
    decision = held.decision if held else _without(assignment)
    answers = held is not None and held.id is not None
    body = {
        "request_id": str(held.request_id if held and held.request_id else request_id),
        "workload": flag.key,
        "handler": assignment.handler if answers else "fallback",
        "version": version.label if version and answers else "",
        "arm": assignment.arm.value,
        "pilot": assignment.is_pilot and answers,
        "decision": decision.value,
        "reasons": [assignment.reason.value, *([held.reason.value] if held else [])],
        "requested_model": requested,
        "model": held.model if held else "",
        "tier": ("budget" if decision is Decision.DEGRADED else "primary") if answers else "",
        "max_output_tokens": held.output if held and answers else 0,
        "reservation": _reservation(held) if held and answers else None,
        "budget": budget(held, month) if held and held.tier else None,
        "disclosure": held.disclosure if held else "",
        "fallback": flag.fallback,
    }
    return body | ({"rollout": split.rollout_id, "phase": split.step} if split else {})


def nobodys(request_id: UUID, classified: Classified) -> dict[str, Any]:
    """The answer to a text that is nobody's, in the shape of every other."""
    return {
        "request_id": str(request_id),
        "workload": None,
        "handler": "fallback",
        "version": "",
        "arm": Arm.NONE.value,
        "pilot": False,
        "decision": Decision.FALLBACK.value,
        "reasons": ["no_workload"],
        "requested_model": "",
        "model": "",
        "tier": "",
        "max_output_tokens": 0,
        "reservation": None,
        "budget": None,
        "disclosure": "",
        "fallback": {},
        "classification": classification(classified),
    }


def classification(classified: Classified) -> dict[str, Any]:
    return {
        "workload": classified.workload,
        "confidence": round(classified.confidence, 4),
        "by": classified.by,
        "classifier": classified.version,
    }


def headers(body: dict[str, Any]) -> dict[str, str]:
    """The same again, for whoever looks at headers alone, and for streams (COST-6)."""
    found = {
        "X-Gate-Decision": body["decision"],
        "X-Gate-Model-Requested": _line(body["requested_model"]),
        "X-Gate-Model-Served": _line(body["model"]),
        "X-Gate-Reason": ",".join(body["reasons"]),
        "X-Request-Id": body["request_id"],
    }
    if (state := body["budget"]) is not None:
        found["X-Gate-Budget"] = (
            f"workload={body['workload']};tier={state['user_tier']};period={state['month']};"
            f"used={state['used']};held={state['held']};limit={state['limit']}"
        )
    return found


def _line(name: str) -> str:
    """A name that people gave, as one line: no header holds another."""
    return name if name.isprintable() else "".join(each if each.isprintable() else " " for each in name)


def problem(body: dict[str, Any], reason: Reason, resets_at: str) -> dict[str, Any]:
    """What a refusal adds: what it is, and what to do next."""
    status = STATUS.get(reason, 402)
    detail, following = _SAID[reason]
    return {
        **body,
        "type": f"urn:causeway:{reason.value}",
        "title": "The cost gate refuses this call",
        "status": status,
        "code": reason.value,
        "detail": detail,
        "next": following.format(workload=body["workload"], resets_at=resets_at),
    }


_SAID = {
    Reason.HARD_CAP: (
        "This user's budget for the month is used up, or held by calls in flight.",
        "Use the fallback. It begins anew at {resets_at}; the owner of {workload} can raise the ceiling.",
    ),
    Reason.SPEND_CAP: (
        "The workload's spend cap for the month is reached, or held by calls in flight.",
        "Use the fallback. It begins anew at {resets_at}; the owner of {workload} can raise the cap.",
    ),
    Reason.UNKNOWN_PRICE: (
        "Nobody knows what this model costs, so the spend cap can't be kept.",
        "Use the fallback, and have finance set the model's price on the rate card.",
    ),
    Reason.CLOSED: (
        "This token spent more than it held; nothing is admitted for it.",
        "Use the fallback. Whoever manages {workload} opens it again on its cost page, with a reason.",
    ),
    Reason.RUNAWAY: (
        "This request or session has made more calls, or spent more, than its brake allows.",
        "End the loop. A new request or session begins at nothing.",
    ),
}


def _without(assignment: Assignment) -> Decision:
    """The decision where nothing was held: the fallback answers, or nobody could be asked (COST-5)."""
    return Decision.BLOCKED if assignment.reason is Assigned.STALE else Decision.FALLBACK


def _reservation(held: Held) -> dict[str, Any]:
    return {
        "id": str(held.id),
        "attempt": held.attempt,
        "expires_at": held.expires_at.isoformat() if held.expires_at else None,
    }
