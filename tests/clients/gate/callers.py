"""Callers who use up a budget: each asks, waits for its reply, settles, and asks again until nothing is left.

Imported by processes of their own, so nothing of Django is in here.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass

from causeway_client import AdmissionsClosed, BudgetRefused, Client

SENT, SAID = 10, 10  # what a call sends and what its model wants to say
REPLY_SECONDS = 0.02


@dataclass(frozen=True)
class Plan:
    """``limit``: the output the caller asks for, None to leave it to the portal. ``obeys``: the model stops there."""

    callers: int = 64
    limit: int | None = SAID
    seconds: float = REPLY_SECONDS
    obeys: bool = True


def use_up(address: str, token: str, plan: Plan) -> Counter[str]:
    """Runs until every caller was refused five times in a row; how often each thing happened."""
    seen: Counter[str] = Counter()
    with Client(address, token, timeout=20.0) as client:
        threads = [threading.Thread(target=_caller, args=(client, plan, seen)) for _ in range(plan.callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return seen


def _caller(client: Client, plan: Plan, seen: Counter[str]) -> None:
    refused = 0
    while refused < 5:
        try:
            _call(client, plan)
            refused, happened = 0, "answered"
        except BudgetRefused:
            refused, happened = refused + 1, "refused"
            time.sleep(2 * plan.seconds)
        except AdmissionsClosed:
            refused, happened = 5, "closed"
        seen[happened] += 1


def _call(client: Client, plan: Plan) -> None:
    with client.request(workload="W-01", user="u", input_tokens=SENT, max_output_tokens=plan.limit) as call:
        time.sleep(plan.seconds)
        assert call.max_output_tokens is not None
        said = min(SAID, call.max_output_tokens) if plan.obeys else SAID
        call.used(input_tokens=SENT, output_tokens=said)
