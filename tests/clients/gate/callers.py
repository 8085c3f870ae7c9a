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
    """``limit``: the output the caller asks for, None to leave it to the portal. ``obeys``: the model stops there.

    ``is_patient``: a caller ends when nothing is left and nothing is held by others, not at five refusals in a row.
    """

    callers: int = 64
    limit: int | None = SAID
    seconds: float = REPLY_SECONDS
    obeys: bool = True
    is_patient: bool = False

    @property
    def pause(self) -> float:
        """Of a refused caller."""
        return 0.1 if self.is_patient else 2 * self.seconds


def use_up(address: str, token: str, plan: Plan) -> Counter[str]:
    """Runs until every caller was refused for good; how often each thing happened."""
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
        except BudgetRefused as error:
            refused, happened = still_refused(refused, error, plan), "refused"
            time.sleep(plan.pause)
        except AdmissionsClosed:
            refused, happened = 5, "closed"
        seen[happened] += 1


def still_refused(times: int, error: BudgetRefused, plan: Plan) -> int:
    """How often in a row, where five times is for good."""
    if plan.is_patient:
        return 0 if error.budget["held"] else 5
    return times + 1


def _call(client: Client, plan: Plan) -> None:
    with client.request(workload="W-01", user="u", input_tokens=SENT, max_output_tokens=plan.limit) as call:
        time.sleep(plan.seconds)
        assert call.max_output_tokens is not None
        said = min(SAID, call.max_output_tokens) if plan.obeys else SAID
        call.used(input_tokens=SENT, output_tokens=said)
