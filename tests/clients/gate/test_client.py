"""The Python client: what is held, what is settled, and what happens when something breaks (COST-4)."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from causeway_client import (
    AdmissionsClosed,
    BudgetRefused,
    Client,
    Limited,
    Outbox,
    Rejected,
    Retries,
    Runaway,
    Unavailable,
)
from causeway_client.wire import Ask, Reply
from tests.clients.gate.both import LoopClient
from tests.clients.gate.serving import Portal

QUESTION = {"workload": "W-01", "user": "u42", "input_tokens": 30}
QUICK = Retries(first=0.01, longest=0.05)
Maker = Callable[..., Any]


@pytest.fixture(params=[Client, LoopClient], ids=["threads", "loop"])
def connect(request: pytest.FixtureRequest) -> Iterator[Maker]:
    """A client of either kind on a portal; closed at the end, and quickly."""
    made = []

    def make(portal: Portal, **options: Any) -> Any:
        made.append(request.param(portal.address, portal.token, **{"retries": QUICK, **options}))
        return made[-1]

    yield make
    for client in made:
        client.close(0.5)


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def test_a_call_is_admitted_held_and_settled(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal(ceiling=1000)
    with connect(portal).request(**QUESTION, max_output_tokens=100) as call:
        assert (call.decision.decision, call.is_agent, call.model) == ("admitted", True, "sonnet-4.5")
        assert (call.max_output_tokens, call.request_id, call.disclosure) == (100, "req-1", "")
        assert (portal.book().settled, portal.book().held) == (0, 130)
        call.used(input_tokens=28, output_tokens=61)
    assert (portal.book().settled, portal.book().held) == (89, 0)
    assert (call.settlement.state, call.settlement.over_hold) == ("settled", 0)


def test_near_the_ceiling_the_limit_is_lowered_to_what_is_left(open_portal: Maker, connect: Maker) -> None:
    with connect(open_portal(ceiling=50)).request(**QUESTION, max_output_tokens=100) as call:
        assert call.max_output_tokens == 20
        call.not_sent()


def test_a_monthly_cap_is_refused_once_with_what_to_do_next(open_portal: Maker, connect: Maker) -> None:
    """COST-6: never retried."""
    portal = open_portal(ceiling=30)
    with pytest.raises(BudgetRefused) as refused, connect(portal).request(**QUESTION):
        pass
    assert (refused.value.status, refused.value.code) == (402, "budget_refused")
    assert refused.value.next == "Ask the owner of the budget."
    assert refused.value.budget["resets_at"] == "2026-12-01T00:00:00+01:00"
    assert refused.value.headers["x-gate-decision"] == "refused"
    assert len(portal.ledger.asked) == 1


def test_past_a_soft_cap_a_smaller_model_answers_and_says_so(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal(ceiling=30, overage="soft_cap")
    with connect(portal).request(**QUESTION) as call:
        assert (call.decision.decision, call.model, call.disclosure) == (
            "degraded",
            "haiku-4.5",
            "A smaller model answers.",
        )
        call.used(input_tokens=30, output_tokens=4)
    assert portal.book().settled == 34


def test_a_fallback_holds_nothing_and_settles_nothing(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal(handler="fallback")
    with connect(portal).request(**QUESTION) as call:
        assert not call.is_agent
        assert call.fallback["address"] == "https://old.example/form"
    assert [path for path, _, _ in portal.ledger.asked] == ["/api/v1/dispatch"]


def test_a_shadow_run_is_held_and_is_no_answer(open_portal: Maker, connect: Maker) -> None:
    """DISP-2."""
    portal = open_portal(handler="shadow")
    with connect(portal).request(**QUESTION) as call:
        assert (call.is_agent, call.is_shadow, call.is_pilot, portal.book().held) == (False, True, False, 42)
        call.used(input_tokens=30, output_tokens=1)
    assert portal.book().settled == 31


def test_an_exception_keeps_the_hold(open_portal: Maker, connect: Maker) -> None:
    """What may have been spent is not given back, whatever the exception says."""
    portal = open_portal()
    with pytest.raises(TimeoutError), connect(portal).request(**QUESTION):
        raise TimeoutError
    assert portal.book().outcomes() == [(1, "failed", None)]
    assert portal.book().held == 42


def test_an_exception_after_the_usage_is_known_settles_it(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    with pytest.raises(ValueError), connect(portal).request(**QUESTION) as call:
        call.used(input_tokens=30, output_tokens=5)
        raise ValueError
    assert portal.book().outcomes() == [(1, "ok", (30, 5))]


def test_only_the_caller_can_say_that_nothing_was_sent(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    with pytest.raises(ConnectionError), connect(portal).request(**QUESTION) as call:
        call.not_sent()
        raise ConnectionError
    assert (portal.book().outcomes(), portal.book().held) == ([(1, "not_sent", None)], 0)


def test_zero_is_zero_and_absent_is_not_known(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    client = connect(portal)
    with client.request(**QUESTION) as call:
        call.failed(input_tokens=0, output_tokens=0)
    with client.request(**QUESTION) as call:
        call.used(input_tokens=30, output_tokens=None)
    assert portal.book().outcomes() == [(1, "failed", (0, 0)), (1, "ok", None)]
    assert portal.ledger.asked[-1][1] == {"reservation": "res-2", "outcome": "ok", "input_tokens": 30}


def test_a_retry_is_another_attempt_with_a_hold_of_its_own(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        call.failed()
        call.again(input_tokens=40, max_output_tokens=9)
        assert (call.max_output_tokens, call.decision.reservation.attempt, call.request_id) == (9, 2, "req-1")
        call.used(input_tokens=40, output_tokens=9, model="sonnet-4.5-eu")
    assert portal.book().outcomes() == [(1, "failed", None), (2, "ok", (40, 9))]
    assert portal.ledger.asked[-1][1]["model"] == "sonnet-4.5-eu"


def test_a_refused_further_attempt_leaves_the_first_settled(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal(ceiling=60)
    with pytest.raises(BudgetRefused), connect(portal).request(**QUESTION) as call:
        call.used(input_tokens=30, output_tokens=10)
        call.again(input_tokens=30)
    assert (portal.book().outcomes(), portal.book().held) == ([(1, "ok", (30, 10))], 0)


def test_the_runaway_brake_is_not_retried(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal(attempts=1)
    with pytest.raises(Runaway), connect(portal).request(**QUESTION) as call:
        call.used(input_tokens=30, output_tokens=1)
        call.again(input_tokens=30)
    assert [path for path, _, _ in portal.ledger.asked].count("/api/v1/reserve") == 1


def test_more_than_was_held_closes_admissions(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    client = connect(portal)
    with client.request(**QUESTION, max_output_tokens=5) as call:
        call.used(input_tokens=30, output_tokens=9)
    assert call.settlement.over_hold == 4
    with pytest.raises(AdmissionsClosed), client.request(**QUESTION):
        pass


def test_a_wrong_question_says_which(open_portal: Maker, connect: Maker) -> None:
    with pytest.raises(Rejected) as refused, connect(open_portal()).request(**{**QUESTION, "input_tokens": 0}):
        pass
    assert (refused.value.code, refused.value.body["field"]) == ("invalid", "input_tokens")


def test_a_call_inside_a_call_is_seen(open_portal: Maker, connect: Maker) -> None:
    """DISP-4."""
    client = connect(open_portal())
    with client.request(**QUESTION) as call:
        with pytest.raises(Rejected) as refused, client.request(**QUESTION, request_id=call.request_id):
            pass
        call.not_sent()
    assert refused.value.code == "chained_call"


# What is lost on the way


@pytest.mark.parametrize("fault", ["lost", "lost_after", "502", "502_after", "503", "504", "429"])
def test_a_lost_answer_is_asked_for_again_and_holds_once(open_portal: Maker, connect: Maker, fault: str) -> None:
    portal = open_portal()
    portal.ledger.faults.extend([fault, fault])
    with connect(portal).request(**QUESTION) as call:
        assert [row.held for row in portal.book().rows] == [42]
        call.used(input_tokens=30, output_tokens=2)
    assert portal.book().outcomes() == [(1, "ok", (30, 2))]


@pytest.mark.parametrize("fault", ["lost", "lost_after", "502_after", "503"])
def test_a_further_attempt_whose_answer_is_lost_holds_once(open_portal: Maker, connect: Maker, fault: str) -> None:
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        call.used(input_tokens=30, output_tokens=1)
        portal.ledger.faults.extend(["", fault])
        call.again(input_tokens=30)
        call.used(input_tokens=30, output_tokens=2)
    assert portal.book().outcomes() == [(1, "ok", (30, 1)), (2, "ok", (30, 2))]


@pytest.mark.parametrize("fault", ["lost", "lost_after", "502_after", "503"])
def test_a_settlement_that_is_lost_arrives_once_in_the_background(
    open_portal: Maker, connect: Maker, fault: str
) -> None:
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        portal.ledger.faults.extend([fault])
        call.used(input_tokens=30, output_tokens=2)
    assert call.settlement is None
    eventually(lambda: portal.book().settled == 32)
    assert portal.book().outcomes() == [(1, "ok", (30, 2))]


def test_a_hold_whose_answer_never_came_is_given_back(open_portal: Maker, connect: Maker) -> None:
    """The portal had admitted it, and nobody heard: on a hard cap it would count for the rest of the month."""
    portal = open_portal()
    portal.ledger.faults.extend(["lost_after"] * 4)
    with pytest.raises(Unavailable) as gone, connect(portal).request(**QUESTION):
        pass
    assert gone.value.perhaps_held
    eventually(lambda: portal.book().outcomes() == [(1, "not_sent", None)])
    assert (portal.book().held, len(portal.book().rows)) == (0, 1)


@pytest.mark.parametrize("faults", [["lost_after", "blocked"], ["lost_after", "blocked", "blocked", "blocked"]])
def test_a_lost_hold_is_given_back_when_the_counters_are_reached_again(
    open_portal: Maker, connect: Maker, faults: list[str]
) -> None:
    """The first answer was lost, then nobody could look: that it is blocked now doesn't mean that nothing is held."""
    portal = open_portal()
    portal.ledger.faults.extend(faults)
    with connect(portal, outbox=Outbox(patience=QUICK)).request(**QUESTION) as call:
        assert (call.decision.decision, call.is_agent) == ("blocked", False)
    eventually(lambda: portal.book().outcomes() == [(1, "not_sent", None)])
    assert (portal.book().held, list(portal.ledger.faults)) == (0, [])


def test_closing_delivers_what_is_left_without_waiting_for_its_turn(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    client = connect(portal, outbox=Outbox(patience=Retries(first=60.0, longest=60.0)))
    with client.request(**QUESTION) as call:
        portal.ledger.faults.extend(["503", "503"])
        call.used(input_tokens=30, output_tokens=2)
    eventually(lambda: not portal.ledger.faults)
    client.close(5.0)
    assert portal.book().settled == 32


def test_what_is_under_way_when_the_client_closes_comes_back_soon() -> None:
    outbox = Outbox(patience=Retries(first=60.0, longest=60.0))
    outbox.put(Ask("/settle", {}), undo=False, now=0.0)
    errand = outbox.take()
    outbox.hasten(1.0)
    outbox.answered(errand, Reply(status=503), now=1.0, chance=1.0)
    assert outbox.wait(1.0) == 0.5


def test_closing_does_not_wait_for_ever_and_says_what_is_left(
    open_portal: Maker, connect: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    portal = open_portal()
    client = connect(portal)
    with client.request(**QUESTION) as call:
        portal.ledger.faults.extend(["503"] * 100)
        call.used(input_tokens=30, output_tokens=2)
    started = time.monotonic()
    client.close(0.3)
    assert time.monotonic() - started < 2
    assert "1 errands were not delivered" in caplog.text
    assert portal.book().held == 42


def test_a_portal_that_is_not_there_is_unavailable_and_nothing_is_owed(open_portal: Maker, connect: Maker) -> None:
    client = connect(Portal("http://127.0.0.1:1", "secret", open_portal().ledger))
    with pytest.raises(Unavailable) as gone, client.request(**QUESTION):
        pass
    assert (gone.value.status, gone.value.perhaps_held) == (None, False)


def test_what_is_not_causeway_admits_nothing(open_portal: Maker) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>Sign in</html>"))
    client = Client("https://portal.example", "secret", transport=transport)
    with pytest.raises(Unavailable, match="not Causeway"), client.request(**QUESTION):
        pass
    client.close(0.1)


def test_a_limit_by_the_minute_longer_than_a_person_waits_is_raised() -> None:
    waited: list[float] = []
    transport = httpx.MockTransport(lambda request: httpx.Response(429, headers={"Retry-After": "30"}, json={}))
    client = Client("https://portal.example", "secret", transport=transport, sleep=waited.append)
    with pytest.raises(Limited) as limited, client.request(**QUESTION):
        pass
    assert (limited.value.retry_after, waited) == (30.0, [])
    client.close()


def test_pauses_are_those_of_the_policy() -> None:
    """Time and chance are the caller's to give."""
    waited: list[float] = []
    transport = httpx.MockTransport(lambda request: httpx.Response(503, json={}))
    client = Client(
        "https://portal.example",
        "secret",
        transport=transport,
        retries=Retries(most=3, first=0.1, longest=0.3),
        sleep=waited.append,
        chance=lambda: 0.5,
    )
    with pytest.raises(Unavailable), client.request(**QUESTION):
        pass
    assert waited == pytest.approx([0.075, 0.15, 0.225])
    client.close(0.0)


# Streams


def chunk(word: str = "", usage: dict[str, int] | None = None, choices: int = 1) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": word}}] * choices, "usage": usage}


FINAL = chunk(usage={"prompt_tokens": 30, "completion_tokens": 2}, choices=0)
SO_FAR = chunk("a", usage={"prompt_tokens": 30, "completion_tokens": 1})


def test_a_stream_is_settled_with_the_usage_of_its_last_chunk(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        assert len(list(call.stream([chunk("a"), chunk("b"), FINAL]))) == 3
    assert portal.book().outcomes() == [(1, "ok", (30, 2))]


def test_a_stream_broken_off_keeps_its_hold(open_portal: Maker, connect: Maker) -> None:
    """Also if a chunk said how much it was so far: the provider may have gone on."""
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        assert next(call.stream([SO_FAR, chunk("b"), FINAL])) == SO_FAR
    assert (portal.book().outcomes(), portal.book().held) == ([(1, "cancelled", None)], 42)


def test_a_stream_broken_off_after_its_usage_is_settled(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        assert next(call.stream([FINAL, chunk("never read")])) == FINAL
    assert portal.book().outcomes() == [(1, "ok", (30, 2))]


def test_a_whole_stream_that_reports_beside_its_choices_is_settled(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        list(call.stream([chunk("a"), SO_FAR]))
    assert portal.book().outcomes() == [(1, "ok", (30, 1))]


def test_a_stream_that_reports_nothing_keeps_its_hold(open_portal: Maker, connect: Maker) -> None:
    portal = open_portal()
    with connect(portal).request(**QUESTION) as call:
        list(call.stream([chunk("a"), chunk("b")]))
    assert (portal.book().outcomes(), portal.book().held) == ([(1, "ok", None)], 42)


def test_a_stream_whose_provider_fails_keeps_its_hold(open_portal: Maker, connect: Maker) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield SO_FAR
        raise ConnectionError

    portal = open_portal()
    with pytest.raises(ConnectionError), connect(portal).request(**QUESTION) as call:
        list(call.stream(broken()))
    assert (portal.book().outcomes(), portal.book().held) == ([(1, "cancelled", None)], 42)
