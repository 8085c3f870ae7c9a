"""What a caller and a user are told about a budget, in the same fields everywhere: in a decision's body, in a
settlement's, and on the user's own page (COST-6).
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.budgets.models import Reservation
from apps.budgets.months import Month, month_named
from apps.budgets.reserving import Held
from apps.budgets.rules import Decision, Reason

# Why a smaller model answered, in words.
BECAUSE = {
    Reason.SOFT_CAP: _("What was left of the month's tokens was too little for a call to the usual model."),
}


def budget(held: Held, month: Month) -> dict[str, Any]:
    return {
        "user_tier": held.tier,
        "month": month.key,
        "unit": "tokens",
        "limit": held.ceiling,
        "used": held.settled_total,
        "held": held.held_total,
        "resets_at": month.resets_at,
    }


def moved(call: Reservation) -> dict[str, Any]:
    """A call that a smaller model answered, read with where its user's month stood then
    (:func:`apps.budgets.usage.queries.own_moved`). Limit and disclosure are the gate's own, as it stands now.
    """
    known: Any = call
    state = Held(
        Decision(call.decision),
        Reason(call.reason),
        tier=call.tier.slug,
        ceiling=known.limit or 0,
        settled_total=known.then_settled,
        held_total=known.then_held,
    )
    return {
        "request_id": str(call.request_id),
        "attempt": call.attempt,
        "at": call.created_at,
        "workload": call.workload.key,
        "version": call.version,
        "decision": call.decision,
        "reasons": [call.reason],
        "requested_model": call.requested_model,
        "model": call.served_model or call.model,
        "tier": "budget",
        "max_output_tokens": call.output,
        "budget": budget(state, month_named(call.month)),
        "disclosure": known.disclosure or "",
    }
