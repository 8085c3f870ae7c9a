"""The policy of retries and the outbox, as values: what is asked again, when, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway_client import AdmissionsClosed, BudgetRefused, Limited, Rejected, Runaway, Unavailable
from causeway_client.outbox import Outbox
from causeway_client.retry import AGAIN, Retries, asked
from causeway_client.wire import Ask, Reply, dispatch, failure_of

CHANCES = st.floats(0, 1, exclude_max=True)
ASK = Ask("/api/v1/settle", {"reservation": "r"})


@given(st.integers(100, 599), st.integers(1, 3), CHANCES)
def test_only_what_may_pass_is_asked_again(status: int, tried: int, chance: float) -> None:
    wait = Retries().pause(Reply(status), tried, chance)
    assert (wait is not None) == (status in {429, 502, 503, 504})


@given(st.sampled_from(sorted(AGAIN)), CHANCES)
def test_x_should_retry_false_ends_it(status: int, chance: float) -> None:
    assert Retries().pause(Reply(status, {"x-should-retry": "false"}), 1, chance) is None


@given(st.integers(1, 10_000), CHANCES)
def test_pauses_double_to_the_longest_with_the_upper_half_by_chance(tried: int, chance: float) -> None:
    retries = Retries(first=0.1, longest=5.0)
    full = min(5.0, 0.1 * 2 ** min(tried - 1, 60))
    assert full / 2 <= retries.backoff(tried, chance) <= full


@given(st.floats(0, 5), CHANCES)
def test_retry_after_is_waited_for_in_full(asked_for: float, chance: float) -> None:
    wait = Retries().pause(Reply(429, {"retry-after": repr(asked_for)}), 1, chance)
    assert wait is not None and wait >= asked_for


@given(st.floats(5.001, 1e9), CHANCES)
def test_one_longer_than_the_longest_pause_is_handed_to_the_caller(asked_for: float, chance: float) -> None:
    reply = Reply(429, {"retry-after": repr(asked_for)})
    assert Retries(longest=5.0).pause(reply, 1, chance) is None
    error = failure_of(reply)
    assert isinstance(error, Limited) and error.retry_after == asked_for


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_nobody_can_read_is_as_if_it_were_not_there(value: str) -> None:
    assert Retries(first=0.1).pause(Reply(503, {"retry-after": value}), 1, 0.0) == 0.05


@given(st.lists(st.sampled_from([0, 200, 402, 409, 429, 500, 503]), min_size=1, max_size=8), st.integers(0, 5))
def test_a_conversation_asks_the_same_until_it_is_final(statuses: list[int], most: int) -> None:
    """The number of questions is the first final answer's place, or one more than the retries."""
    talk = asked(ASK, Retries(most=most), lambda: 0.0)
    sent, step = 0, next(talk)
    with pytest.raises(StopIteration) as ended:
        while True:
            if isinstance(step, Ask):
                assert step == ASK
                status = statuses[min(sent, len(statuses) - 1)]
                sent, reply = sent + 1, Reply(status, unsure=status == 0)
                step = talk.send(reply)
            else:
                step = talk.send(None)
    final = next((place for place, status in enumerate(statuses) if status not in AGAIN), len(statuses) + most)
    assert sent == min(final, most) + 1
    assert ended.value.value.unsure == (0 in [statuses[min(n, len(statuses) - 1)] for n in range(sent)])


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(402, body={"code": "budget_refused"}), BudgetRefused),
        (Reply(429, {"x-should-retry": "false"}, {"code": "runaway"}), Runaway),
        (Reply(429, {"retry-after": "7"}), Limited),
        (Reply(403, body={"code": "admissions_closed"}), AdmissionsClosed),
        (Reply(403, body={"code": "scope_missing"}), Rejected),
        (Reply(409, body={"code": "chained_call"}), Rejected),
        (Reply(404), Rejected),
        (Reply(500), Unavailable),
        (Reply(0, error="ConnectError: refused"), Unavailable),
    ],
)
def test_each_answer_is_one_kind_of_error(reply: Reply, kind: type[Exception]) -> None:
    assert type(failure_of(reply)) is kind


def test_each_dispatch_has_a_key_of_its_own_and_no_empty_fields() -> None:
    first, second = (dispatch(user="u", input_tokens=1, workload="W-01", text=None) for _ in range(2))
    assert first.body["idempotency_key"] != second.body["idempotency_key"]
    assert set(first.body) == {"user", "input_tokens", "workload", "idempotency_key"}


def test_what_the_caller_was_called_with_goes_along_as_a_header() -> None:
    """DISP-4: a chained call can only be seen if it says so."""
    ask = dispatch(user="u", input_tokens=1, workload="W-01", request_id="req-1")
    assert ask.headers == {"X-Request-Id": "req-1"} and "request_id" not in ask.body


def test_a_full_outbox_refuses_more(caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox(limit=2)
    assert [outbox.put(ASK, undo=False, now=0.0) for _ in range(3)] == [True, True, False]
    assert len(outbox) == 2
    assert "the hold of this one stands until it expires" in caplog.text


@given(st.lists(st.sampled_from([0, 503, 429]), min_size=1, max_size=300), CHANCES)
def test_an_errand_is_tried_for_its_life_and_no_longer(statuses: list[int], chance: float) -> None:
    outbox, now = Outbox(life=100.0), 0.0
    outbox.put(ASK, undo=False, now=now)
    for status in statuses:
        wait = outbox.wait(now)
        if wait is None:
            break
        now += wait
        outbox.answered(outbox.take(), Reply(status), now=now, chance=chance)
    assert now < 100.0 + 30.0
    assert (len(outbox) == 0) == (now >= 100.0)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 500])
def test_a_final_answer_ends_an_errand(status: int) -> None:
    outbox = Outbox()
    outbox.put(ASK, undo=False, now=0.0)
    outbox.answered(outbox.take(), Reply(status), now=0.0, chance=0.0)
    assert outbox.wait(0.0) is None


def test_what_has_to_wait_comes_after_what_is_due_and_closing_makes_all_of_it_due() -> None:
    outbox = Outbox()
    outbox.put(ASK, undo=False, now=0.0)
    outbox.answered(outbox.take(), Reply(503), now=0.0, chance=0.0)
    assert outbox.wait(0.0) == 0.25
    outbox.hasten(0.0)
    assert outbox.wait(0.0) == 0.0
