"""TEL-2: what can be read is read the same in both encodings; what can't be is said, and costs nobody else."""

import base64
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from apps.telemetry import otlp, records
from apps.telemetry.spans import Rejection
from portal.errors import Invalid, PortalError, TooLarge
from tests.telemetry.spans import FRAME, Sent, as_json, as_protobuf, call, json_span, json_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
SPANS = st.builds(
    Sent,
    number=st.integers(1, 1000),
    attributes=st.dictionaries(TEXTS, VALUES, max_size=6),
    parent=st.integers(1001, 2000) | st.just(0),
    start_ns=st.integers(0, 2**62),
    length_ns=st.integers(0, 2**40),
    error=st.booleans(),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)


@given(sent=st.lists(SPANS, max_size=5), resource=st.dictionaries(TEXTS, VALUES, max_size=3))
def test_both_encodings_of_the_same_spans_read_the_same(sent: list[Sent], resource: dict[str, Any]) -> None:
    from_json = otlp.spans(as_json(*sent, resource=resource), otlp.JSON)
    from_protobuf = otlp.spans(as_protobuf(*sent, resource=resource), otlp.PROTOBUF)
    assert from_json == from_protobuf
    assert [span.attributes for span in from_json[0]] == [one.attributes for one in sent]


def test_bytes_are_hex_in_both_encodings() -> None:
    span = json_span(call(1)) | {
        "attributes": [{"key": "k", "value": {"bytesValue": base64.b64encode(b"\xab\x01").decode()}}]
    }
    message = ExportTraceServiceRequest.FromString(as_protobuf(Sent(1)))
    message.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.bytes_value = b"\xab\x01"
    (from_json,), _ = otlp.spans(as_json(span), otlp.JSON)
    (from_protobuf,), _ = otlp.spans(message.SerializeToString(), otlp.PROTOBUF)
    assert from_json.attributes == from_protobuf.attributes == {"k": "ab01"}


@given(st.binary(max_size=300), st.sampled_from([otlp.PROTOBUF, otlp.JSON]), st.sampled_from(["", "gzip", "deflate"]))
def test_no_bytes_raise_anything_but_typed_errors(raw: bytes, kind: str, encoding: str) -> None:
    try:
        otlp.spans(otlp.inflate(raw, encoding, 10_000), kind)
    except PortalError as error:
        assert error.status in {400, 413}


@given(where=st.integers(0, 10_000), to=st.binary(min_size=1, max_size=4))
def test_a_damaged_export_is_read_or_refused_and_never_a_fault(where: int, to: bytes) -> None:
    whole = as_protobuf(call(1, gen_ai__usage__input_tokens=3), call(2, parent=1, tags=["a", {"b": 1}]))
    at = where % len(whole)
    _take(whole[:at] + to + whole[at + len(to) :], otlp.PROTOBUF)


@given(ANY_JSON, st.sampled_from(["resourceSpans", "resource", "scopeSpans", "spans"]))
def test_any_json_in_any_place_is_read_or_refused_and_never_a_fault(found: Any, place: str) -> None:
    scope: dict[str, Any] = {"spans": [json_span(call(1))]}
    group: dict[str, Any] = {"scopeSpans": [scope]}
    document: dict[str, Any] = {"resourceSpans": [group]}
    holder = {"resourceSpans": document, "spans": scope}.get(place, group)
    holder[place] = found
    _take(json.dumps(document).encode(), otlp.JSON)


@given(ANY_JSON, st.sampled_from([*json_span(call(1)), "key", "value", "intValue", "arrayValue", "kvlistValue"]))
def test_anything_in_a_field_of_one_span_leaves_the_others_alone(found: Any, place: str) -> None:
    odd = json_span(call(1))
    if place in odd:
        odd[place] = found
    elif place in {"key", "value"}:
        odd["attributes"][0][place] = found
    else:
        odd["attributes"][0]["value"] = {place: found}
    document = json.loads(as_json(call(2), call(3)))
    document["resourceSpans"][0]["scopeSpans"][0]["spans"].insert(1, odd)
    raw = json.dumps(document, allow_nan=False) if _finite(found) else "{}"
    if raw != "{}":
        good, bad = otlp.spans(raw.encode(), otlp.JSON)
        assert len(good) + len(bad) == 3 and [r.index for r in bad] in ([], [1])


def _finite(found: Any) -> bool:
    try:
        json.dumps(found, allow_nan=False)
    except ValueError:
        return False
    return True


def _take(raw: bytes, kind: str) -> None:
    """All that an export goes through before it is stored, and the answer."""
    try:
        spans, bad = otlp.spans(raw, kind)
    except PortalError as error:
        assert error.status == 400
        return
    reading = records.from_spans(spans, FRAME)
    otlp.success(kind, len(bad), otlp.explain([*bad, *reading.rejections], reading.warnings))


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no ids": ({"traceId": "", "spanId": ""}, "log records belong on /v1/logs"),
    "a zero trace id": ({"traceId": "0" * 32}, "trace id or span id is invalid"),
    "a base64 trace id": ({"traceId": "W47/95gDgQPSabYzgT/GDA=="}, "trace id or span id is invalid"),
    "its own parent": ({"parentSpanId": f"{7:016x}"}, "its parent's id is invalid, or its own"),
    "an odd parent": ({"parentSpanId": "abc"}, "its parent's id is invalid, or its own"),
    "a name for a status": ({"status": {"code": "STATUS_CODE_ERROR"}}, "'STATUS_CODE_ERROR' is no whole number"),
    "an absurd time": ({"endTimeUnixNano": 10**400}, "is no whole number of 64 bits"),
    "attributes of no shape": ({"attributes": {"a": 1}}, "attributes is no list"),
    "half a character": ({"attributes": [{"key": "k", "value": {"stringValue": "\ud800"}}]}, "holds half a character"),
    "a number as text": ({"attributes": [{"key": "k", "value": {"stringValue": 1}}]}, "1 is no text"),
    "a huge attribute": ({"attributes": [{"key": "k", "value": json_value("x" * 100_001)}]}, "over 100000 characters"),
    "a huge list": ({"attributes": [{"key": "k", "value": json_value(["x" * 60_000] * 2)}]}, "over 100000 characters"),
    "too many": ({"attributes": [{"key": str(n), "value": {}} for n in range(513)]}, "more than 512 attributes"),
}


@pytest.mark.parametrize(("change", "reason"), BAD.values(), ids=BAD.keys())
def test_one_bad_span_is_rejected_alone_with_its_place_and_reason(change: dict[str, Any], reason: str) -> None:
    good, bad = otlp.spans(as_json(call(1), json_span(call(7)) | change, call(3)), otlp.JSON)
    assert [(span.index, span.span_id) for span in good] == [(0, f"{1:016x}"), (2, f"{3:016x}")]
    assert [r.index for r in bad] == [1] and reason in bad[0].reason


def test_a_rejected_span_is_named_by_the_ids_that_can_be_read() -> None:
    _, bad = otlp.spans(as_json(json_span(call(7)) | {"attributes": 5}), otlp.JSON)
    assert (bad[0].trace_id, bad[0].span_id) == (call(7).trace, call(7).id)


def test_nesting_is_bounded_in_both_encodings() -> None:
    deep: Any = "x"
    for _ in range(25):
        deep = [deep]
    for kind, raw in (
        (otlp.JSON, as_json(call(1, a=deep), call(2))),
        (otlp.PROTOBUF, as_protobuf(call(1, a=deep), call(2))),
    ):
        good, bad = otlp.spans(raw, kind)
        assert len(good) == 1 and bad[0].reason == "an attribute is nested more than 24 deep"


def test_json_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(Invalid):
        otlp.spans(b'{"resourceSpans":' + b"[" * 200_000, otlp.JSON)


def test_a_resource_that_cannot_be_read_costs_its_own_spans_alone() -> None:
    document = json.loads(as_json(call(1)))
    document["resourceSpans"] += [{**document["resourceSpans"][0], "resource": {"attributes": [1]}}]
    good, bad = otlp.spans(json.dumps(document).encode(), otlp.JSON)
    assert [span.index for span in good] == [0]
    assert bad == [Rejection(1, "the attributes of its resource can't be read", call(1).trace, call(1).id)]


def test_json_is_forgiving_where_the_encoding_is() -> None:
    """Numbers of 64 bits as numbers or as texts, upper-case hex, unknown fields, nulls."""
    span = json_span(call(1)) | {
        "traceId": call(1).trace.upper(),
        "startTimeUnixNano": 1.5e18,
        "colour": "red",
        "status": None,
        "attributes": [
            {"key": "n", "value": {"intValue": 7}},
            {"key": "m", "value": {"intValue": "-7"}},
            {"key": "later", "value": {"uuidValue": "x"}},
            {"key": "unset", "value": {"stringValue": None, "boolValue": True}},
        ],
    }
    (read,), bad = otlp.spans(as_json(span), otlp.JSON)
    assert bad == [] and (read.trace_id, read.start_ns, read.is_error) == (call(1).trace, 15 * 10**17, False)
    assert read.attributes == {"n": 7, "m": -7, "later": None, "unset": True}


@pytest.mark.parametrize(
    "raw", [b"[]", b"{", b'{"resourceSpans": NaN}', b'{"resourceSpans": 5}', b'{"resourceSpans": [5]}', b"\xff"]
)
def test_a_body_out_of_shape_is_refused_whole(raw: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        otlp.spans(raw, otlp.JSON)
    assert refused.value.status == 400


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate"])
@pytest.mark.parametrize("kind", [otlp.JSON, otlp.PROTOBUF])
def test_an_empty_body_is_an_empty_request(kind: str, encoding: str) -> None:
    assert otlp.spans(otlp.inflate(b"", encoding, 100), kind) == ([], [])


@pytest.mark.parametrize("asked", ["application/json; charset=utf-8", " Application/JSON", "application/json"])
def test_parameters_of_the_media_type_are_ignored(asked: str) -> None:
    assert otlp.media_type(asked) == "application/json"


def test_other_media_types_and_encodings_are_refused_with_what_is_spoken() -> None:
    with pytest.raises(otlp.Unsupported, match="Send application/x-protobuf or application/json, not 'nothing'"):
        otlp.media_type("")
    with pytest.raises(otlp.Unsupported, match="Send gzip or deflate, not 'br'") as refused:
        otlp.inflate(b"x", "br", 10)
    assert refused.value.status == 415


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("", bytes)])
def test_the_limit_counts_after_decompression_and_is_exact(encoding: str, pack: Any) -> None:
    assert otlp.inflate(pack(b"x" * 1000), encoding, 1000) == b"x" * 1000
    with pytest.raises(TooLarge) as refused:
        otlp.inflate(pack(b"x" * 1001), encoding, 1000)
    assert refused.value.status == 413


def test_a_bomb_is_never_inflated_past_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Watched:
        def __init__(self, window: int) -> None:
            self.reader = real(window)

        def decompress(self, raw: bytes, most: int) -> bytes:
            asked.append(most)
            return self.reader.decompress(raw, most)

    real = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with pytest.raises(TooLarge):
        otlp.inflate(zlib.compress(b" " * 20_000_000), "deflate", 1000)
    assert asked == [1001]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"no gzip", "isn't in its Content-Encoding"),
        (gzip.compress(b"x" * 500)[:-9], "ends too early"),
        (gzip.compress(b"{}") + gzip.compress(b"{}"), "goes on after its end"),
    ],
    # gzip writes the time into its header: as an id the bytes would differ between two who collect.
    ids=["none", "cut", "two"],
)
def test_compression_that_loses_anything_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        otlp.inflate(raw, "gzip", 10_000)


def test_answers_are_in_the_senders_own_format() -> None:
    assert (otlp.success(otlp.PROTOBUF), otlp.success(otlp.JSON)) == (b"", b"{}")
    partial = ExportTraceServiceResponse.FromString(otlp.success(otlp.PROTOBUF, 2, "why")).partial_success
    assert (partial.rejected_spans, partial.error_message) == (2, "why")
    assert json.loads(otlp.success(otlp.JSON, 0, "mind")) == {
        "partialSuccess": {"rejectedSpans": "0", "errorMessage": "mind"}
    }
    assert json.loads(otlp.status(otlp.JSON, 3, "no")) == {"code": 3, "message": "no"}


@given(st.integers(0, 16), st.text(st.characters(exclude_categories=["Cs"]), max_size=1200))
def test_a_status_is_a_google_rpc_status(code: int, message: str) -> None:
    """Field 1 is a varint, field 2 a text, in UTF-8 whatever is cut off."""
    text = message[:1000].encode()
    raw = otlp.status(otlp.PROTOBUF, code, message)
    assert raw[:3] == bytes([0x08, code, 0x12])
    assert raw[len(raw) - len(text) :] == text and len(raw) - len(text) in {4, 5}


def test_an_answer_keeps_to_the_first_twenty_reasons_and_says_how_many_more() -> None:
    bad = [Rejection(n, "\U000e0001" * 100_000, "", "") for n in range(500)]
    message = otlp.explain(bad, ["mind the gap"])
    assert message.count("(no id)") == 20 and message.endswith("; and 480 more; mind the gap")
    assert len(otlp.success(otlp.JSON, 500, message)) < 4 * 2**20
