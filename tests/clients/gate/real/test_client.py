"""The clients that are shipped, against the real portal: what is held and said, the swap, and what is lost."""

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from apps.budgets.rules import Pattern
from causeway_client import BudgetRefused, Client
from tests.clients.gate.both import LoopClient
from tests.clients.gate.test_client import FINAL, chunk
from tests.clients.gate.test_faults import FAULTS, QUICK, impatient, several

Maker = Callable[..., Any]
KINDS = pytest.mark.parametrize("kind", [Client, LoopClient], ids=["threads", "loop"])
QUESTION = {"workload": "W-01", "user": "u", "input_tokens": 30, "max_output_tokens": 100}
# Of a decision, and the header that says the same.
SAID_TWICE = {
    "decision": "x-gate-decision",
    "requested_model": "x-gate-model-requested",
    "model": "x-gate-model-served",
    "request_id": "x-request-id",
}


def says_the_same(call: Any) -> None:
    """COST-6: body and headers, each field."""
    body, headers = call.decision.body, call.decision.headers
    assert {name: headers[header] for name, header in SAID_TWICE.items()} == {name: body[name] for name in SAID_TWICE}
    assert headers["x-gate-reason"] == ",".join(call.decision.reasons)
    budget = body["budget"]
    assert headers["x-gate-budget"] == (
        f"workload=W-01;tier={budget['user_tier']};period={budget['month']};"
        f"used={budget['used']};held={budget['held']};limit={budget['limit']}"
    )


@KINDS
def test_the_swap_is_disclosed_in_body_and_headers_also_of_a_stream(open_portal: Maker, kind: Any) -> None:
    """Past a soft cap the smaller model answers, a whole answer or a stream; each says so before its first word."""
    portal = open_portal(ceiling=150, pattern=Pattern.SOFT)
    client = kind(portal.address, portal.token)
    with client.request(**QUESTION) as call:
        assert (call.decision.decision, call.model, call.disclosure) == ("admitted", "sonnet-4.5", "")
        says_the_same(call)
        call.used(input_tokens=30, output_tokens=100)
    for stream in (False, True):
        with client.request(**QUESTION) as call:
            assert (call.decision.decision, call.decision.requested_model, call.model, call.decision.tier) == (
                "degraded",
                "sonnet-4.5",
                "haiku-4.5",
                "budget",
            )
            assert (call.disclosure, call.decision.reasons[-1]) == ("A smaller model answered.", "soft_cap")
            says_the_same(call)
            if stream:
                assert len(list(call.stream([chunk("a"), chunk("b"), FINAL]))) == 3
            else:
                call.used(input_tokens=30, output_tokens=2)
        assert (call.settlement.state, call.settlement.output_tokens) == ("settled", 2)
    client.close()
    assert [row.usage for row in portal.book().rows] == [(30, 100), (30, 2), (30, 2)]


@KINDS
def test_a_policy_that_forbids_the_smaller_model_answers_402_and_never_swaps(open_portal: Maker, kind: Any) -> None:
    """COST-7"""
    portal = open_portal(ceiling=130, pattern=Pattern.SOFT, may_degrade=False)
    client = kind(portal.address, portal.token)
    with client.request(**QUESTION) as call:
        call.used(input_tokens=30, output_tokens=100)
    with pytest.raises(BudgetRefused) as refused, client.request(**QUESTION):
        pass
    client.close()
    error = refused.value
    assert (error.status, error.code, error.body["model"], error.body["disclosure"]) == (402, "hard_cap", "", "")
    assert {name: error.headers[name] for name in ("x-gate-decision", "x-gate-model-served", "x-should-retry")} == {
        "x-gate-decision": "refused",
        "x-gate-model-served": "",
        "x-should-retry": "false",
    }
    assert error.budget["resets_at"] in error.next
    assert (portal.book().settled, portal.book().held, len(portal.book().rows)) == (130, 0, 1)


@KINDS
def test_any_mixture_of_faults_settles_everything_once(open_door: Maker, kind: Any) -> None:
    """Answers of the real portal are lost before, after and in the middle: each attempt is held and settled once."""
    portal = open_door(ceiling=100_000)
    portal.ledger.user = "u42"
    portal.ledger.faults.extend(random.Random(1).choices(FAULTS, k=100))
    client = kind(portal.address, portal.token, retries=QUICK, outbox=impatient())
    used: list[int] = []
    callers = [threading.Thread(target=several, args=(client, used, number)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    client.close(20.0)
    book = portal.book()
    assert len(used) > 20 and not portal.ledger.faults
    assert (book.settled, book.held, book.is_closed) == (sum(used), 0, False)
    assert sorted(row.settled for row in book.rows if row.outcome != "not_sent") == sorted(used)
