"""TEL-1, TEL-2, WORK-2: which spans are action records, what they say, and what one may not say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry import otlp, records
from apps.telemetry.records import ActionRecord, record_id
from tests.telemetry.spans import FRAME, NOW, START_NS, TRACE, Sent, as_json, call, read

ROLLOUT = "0193e0a0-0000-7000-8000-000000000001"


def only(*sent: Sent) -> ActionRecord:
    reading = read(*sent)
    assert reading.rejections == []
    (record,) = reading.records
    return record


def test_everything_that_a_span_says_of_an_action() -> None:
    said = {
        "causeway.version": "3",
        "causeway.request_id": "req-1",
        "causeway.attempt": 2,
        "causeway.tier": "small",
        "causeway.user": "ann",
        "causeway.unit": "case-9",
        "causeway.rollout.id": ROLLOUT,
        "causeway.rollout.arm": "control",
        "causeway.rollout.phase": 4,
        "causeway.outcome": "escalated",
        "causeway.retries": 1,
        "causeway.validator.judged": True,
        "causeway.validator.flagged": False,
        "causeway.action.kind": "refund",
        "causeway.action.amount": "12.50",
        "causeway.action.currency": "EUR",
        "causeway.tenant": "acme",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.conversation.id": "c-1",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 80,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.reasoning.output_tokens": 40,
        "gen_ai.usage.cost.amount": 0.0123,
        "gen_ai.usage.cost.currency": "USD",
        "error.type": "timeout",
    }
    span = call(5)
    span.attributes |= said
    assert only(span) == ActionRecord(
        record_id=record_id(TRACE, f"{5:016x}"),
        workload="W-01",
        started_at=NOW,
        latency_ms=250.0,
        outcome="escalated",
        request_id="req-1",
        trace_id=TRACE,
        span_id=f"{5:016x}",
        attempt=2,
        version="3",
        model_requested="gpt-4o",
        model_served="gpt-4o-2024-08-06",
        provider="openai",
        tier="small",
        user="ann",
        session="c-1",
        unit="case-9",
        tokens_in=1200,
        tokens_out=80,
        tokens_cached=1000,
        tokens_reasoning=40,
        retries=1,
        cost=Decimal("0.01230000"),
        currency="USD",
        error_type="timeout",
        judged=True,
        action_kind="refund",
        action_amount=Decimal("12.50000000"),
        action_currency="EUR",
        rollout=UUID(ROLLOUT),
        arm="control",
        phase=4,
    )


def test_what_is_not_said_is_unknown_and_never_zero() -> None:
    record = only(call(1))
    assert (record.tokens_in, record.tokens_out, record.tokens_cached, record.cost) == (None, None, None, None)
    assert (record.outcome, record.attempt, record.request_id) == ("ok", 1, TRACE)


def test_the_same_span_always_has_the_same_id() -> None:
    assert only(call(1)).record_id == only(call(1)).record_id != only(call(2)).record_id


def test_an_error_is_the_outcome_unless_the_agent_says_otherwise() -> None:
    failed, blocked = call(1), call(2, causeway__outcome="blocked")
    failed.error = blocked.error = True
    assert [r.outcome for r in read(failed, blocked).records] == ["error", "blocked"]


def test_usage_is_counted_on_the_leaf_and_nowhere_above() -> None:
    """A workflow over an agent over a call over a call: one record, and no error for the others."""
    workflow = call(1, gen_ai__operation__name="invoke_workflow", gen_ai__usage__input_tokens=5)
    agent = call(2, 1, gen_ai__operation__name="invoke_agent", gen_ai__usage__input_tokens=5)
    outer = call(3, 2, gen_ai__usage__input_tokens=5)
    inner = call(4, 3, gen_ai__usage__input_tokens=5)
    for order in ((workflow, agent, outer, inner), (inner, outer, agent, workflow)):
        assert only(*order).span_id == inner.id


def test_a_call_in_another_trace_makes_nobody_a_parent() -> None:
    other = call(2, 1)
    other.trace = "a" * 32
    assert len(read(call(1), other).records) == 2


def test_spans_that_are_their_own_ancestors_end_the_search() -> None:
    assert read(call(1, 2), call(2, 1), call(3, 1)).records[0].span_id == call(3).id


def test_an_action_with_consequences_is_a_record_whatever_the_span_is() -> None:
    """WORK-2. A tool's refund counts; an agent's refund counts, and its sums of usage don't."""
    tool = Sent(
        1, {"causeway.workload": "W-01", "gen_ai.operation.name": "execute_tool", "causeway.action.kind": "refund"}
    )
    agent = call(2, gen_ai__operation__name="invoke_agent", causeway__action__kind="refund")
    agent.attributes |= {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.cost": 0.5, "causeway.action.amount": 20}
    inner = call(3, 2, gen_ai__usage__input_tokens=9, gen_ai__usage__cost=0.5)
    found = {r.span_id: (r.action_kind, r.action_amount, r.tokens_in, r.cost) for r in read(tool, agent, inner).records}
    assert found == {
        tool.id: ("refund", None, None, None),
        agent.id: ("refund", Decimal(20), None, None),
        inner.id: ("", None, 9, Decimal("0.5")),
    }


def test_other_spans_are_taken_and_are_no_records() -> None:
    reading = read(Sent(1, {"http.method": "GET"}), call(2, gen_ai__operation__name="retrieval"))
    assert (reading.records, reading.rejections, reading.warnings) == ([], [], [])


def test_tool_calls_are_those_that_share_the_parent() -> None:
    agent = call(1, gen_ai__operation__name="invoke_agent")
    tools = [call(n, 1, gen_ai__operation__name="execute_tool") for n in (3, 4)]
    assert only(agent, call(2, 1), *tools).tool_calls == 2
    assert only(agent, call(2, 1, causeway__tool_calls=5), *tools).tool_calls == 5
    assert only(call(2), call(3, gen_ai__operation__name="execute_tool")).tool_calls == 0


def test_a_flag_is_a_verdict() -> None:
    record = only(call(1, causeway__validator__flagged=True))
    assert (record.judged, record.flagged) == (True, True)


def test_streaming_without_usage_is_said_and_rejects_nothing() -> None:
    reading = read(call(1, gen_ai__request__stream=True), call(2, llm__is_streaming="False"), call(3))
    assert len(reading.records) == 3 and reading.rejections == []
    assert reading.warnings == ["1 streamed calls carry no usage: set stream_options.include_usage"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"causeway.workload": ""}, "it names no workload"),
    ({"causeway.workload": ["W-01"]}, "workload is a list and wants a single value"),
    ({"causeway.tenant": "umbra"}, "it claims the tenant 'umbra', which the token isn't of"),
    ({"causeway.unit": "x" * 201}, "unit has over 200 characters"),
    ({"causeway.request_id": "x" * 201}, "request id has over 200 characters"),
    ({"causeway.user": "a\x00b"}, "user holds a zero byte"),
    ({"causeway.outcome": "splendid"}, "outcome is 'splendid'; one of ok, error, blocked, escalated, overridden"),
    ({"causeway.rollout.arm": "both"}, "arm is 'both'; one of agent, control"),
    ({"causeway.rollout.id": "W-01"}, "rollout is 'W-01' and wants the id of a rollout"),
    ({"causeway.validator.flagged": "maybe"}, "flagged is 'maybe' and wants true or false"),
    ({"gen_ai.usage.input_tokens": -1}, "tokens_in is -1 and wants a whole number of at least 0"),
    ({"gen_ai.usage.input_tokens": 1.5}, "tokens_in is 1.5 and wants a whole number of at least 0"),
    ({"gen_ai.usage.input_tokens": True}, "tokens_in is True and wants a whole number of at least 0"),
    ({"gen_ai.usage.input_tokens": "++5"}, "tokens_in is '++5' and wants a whole number of at least 0"),
    ({"gen_ai.usage.output_tokens": 2**31}, "tokens_out is over 2147483647"),
    ({"gen_ai.usage.cost": "NaN"}, "cost is 'NaN' and wants a number from 0 to 99999999"),
    ({"gen_ai.usage.cost": -0.01}, "cost is -0.01 and wants a number from 0 to 99999999"),
    ({"gen_ai.usage.cost": 10**8}, "cost is 100000000 and wants a number from 0 to 99999999"),
    ({"gen_ai.usage.cost": "free"}, "cost is 'free' and wants a number"),
]


@pytest.mark.parametrize(("said", "reason"), BAD, ids=[f"{next(iter(said))}-{n}" for n, (said, _) in enumerate(BAD)])
def test_what_a_span_may_not_say_rejects_it_alone(said: dict[str, Any], reason: str) -> None:
    bad = call(2)
    bad.attributes |= said
    reading = read(call(1), bad, call(3))
    assert [record.index for record in reading.records] == [0, 2]
    (rejection,) = reading.rejections
    assert (rejection.index, rejection.trace_id, rejection.span_id) == (1, TRACE, bad.id)
    assert rejection.reason.startswith(reason)
    assert set(rejection.attributes) == set(bad.attributes)


@pytest.mark.parametrize(
    ("start", "length_ns", "reason"),
    [
        (FRAME.oldest - timedelta(microseconds=1), 1, "before what is still kept (2026-10-21)"),
        (NOW + timedelta(minutes=5, microseconds=1), 1, "more than 5 minutes ahead of our clock"),
        (NOW, -1, "it ends before it starts"),
        (NOW, 86_400_000_000_001, "its latency is negative or over a day"),
        (datetime(1970, 1, 1, tzinfo=UTC), 1, "or has no times"),
        (datetime(2554, 1, 1, tzinfo=UTC), 0, "more than 5 minutes ahead of our clock"),
    ],
)
def test_times_that_cannot_be_reject_the_span_alone(start: datetime, length_ns: int, reason: str) -> None:
    bad = call(2)
    bad.start_ns = int((start - records.EPOCH) / timedelta(microseconds=1)) * 1000
    bad.length_ns = length_ns
    reading = read(call(1), bad)
    assert [record.index for record in reading.records] == [0]
    assert reason in reading.rejections[0].reason


@pytest.mark.parametrize("start", [FRAME.oldest, NOW + timedelta(minutes=5)])
def test_the_window_of_times_includes_its_ends(start: datetime) -> None:
    edge = call(1)
    edge.start_ns = int(start.timestamp()) * 10**9
    assert only(edge).started_at == start


def test_numbers_are_read_in_every_form_that_clients_send() -> None:
    for said in (12, "12", 12.0):
        assert only(call(1, gen_ai__usage__input_tokens=said)).tokens_in == 12


def test_a_cost_is_kept_to_the_eight_places_that_are_stored() -> None:
    """A number whose exponent no database takes is just very small."""
    for said, kept in ((0.1 + 0.2, "0.30000000"), ("1e-999999", "0"), ("0e99999999", "0"), (99_999_999, "99999999")):
        assert only(call(1, gen_ai__usage__cost=said)).cost == Decimal(kept)


@given(
    st.lists(st.booleans(), min_size=1, max_size=12),
    st.sampled_from([said for said, _ in BAD]),
)
def test_exactly_the_bad_ones_are_rejected(bad: list[bool], said: dict[str, Any]) -> None:
    sent = [call(n + 1) for n in range(len(bad))]
    for span, is_bad in zip(sent, bad, strict=True):
        span.attributes |= said if is_bad else {}
    reading = read(*sent)
    assert [r.index for r in reading.rejections] == [n for n, is_bad in enumerate(bad) if is_bad]
    assert [r.index for r in reading.records] == [n for n, is_bad in enumerate(bad) if not is_bad]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*sorted(records._CHECKS), "tenant"]), VALUES))
def test_no_value_in_any_field_raises_anything_but_a_reason(values: dict[str, Any]) -> None:
    try:
        record = records.make(
            {"workload": "W-01", **values}, FRAME, started_at=NOW, latency_ms=1.0, record_id=UUID(int=1), request_id="r"
        )
    except records.Unacceptable as error:
        assert len(str(error)) <= 300
    else:
        assert all("\x00" not in found for found in _texts(record))
        assert "".join(_texts(record)).encode()


def _texts(record: ActionRecord) -> list[str]:
    return [found for name in record.__slots__ if isinstance(found := getattr(record, name), str)]


def test_the_start_is_kept_to_the_microsecond_and_the_latency_to_the_nanosecond() -> None:
    span = call(1)
    span.start_ns, span.length_ns = START_NS + 1_999, 1_234_567
    good, _ = otlp.spans(as_json(span), otlp.JSON)
    (record,) = records.from_spans(good, FRAME).records
    assert (record.started_at, record.latency_ms) == (NOW + timedelta(microseconds=1), 1.234567)
