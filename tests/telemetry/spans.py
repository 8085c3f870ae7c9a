"""Spans for tests, said once and written in both encodings of OTLP."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from apps.telemetry import otlp, records
from apps.telemetry.records import Frame, Reading

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FRAME = Frame(tenant="acme", now=NOW, oldest=NOW - timedelta(days=30))
START_NS = int(NOW.timestamp()) * 10**9
TRACE = "5b8efff798038103d269b633813fc60c"


@dataclass
class Sent:
    """A span as a client means it."""

    number: int
    attributes: dict[str, Any] = field(default_factory=dict)
    parent: int = 0
    trace: str = TRACE
    start_ns: int = START_NS
    length_ns: int = 250_000_000
    error: bool = False

    @property
    def id(self) -> str:
        return f"{self.number:016x}"


def call(number: int, parent: int = 0, **attributes: Any) -> Sent:
    """A model call of W-01; ``a__b`` is the attribute ``a.b``."""
    known = {"gen_ai.operation.name": "chat", "causeway.workload": "W-01"}
    return Sent(number, known | {key.replace("__", "."): value for key, value in attributes.items()}, parent)


def read(*sent: Sent) -> Reading:
    """What becomes of these spans, all of which can be decoded."""
    good, bad = otlp.spans(as_json(*sent), otlp.JSON)
    assert bad == []
    return records.from_spans(good, FRAME)


def as_json(*sent: Sent | dict[str, Any], resource: dict[str, Any] | None = None) -> bytes:
    spans = [json_span(one) if isinstance(one, Sent) else one for one in sent]
    group = {"resource": {"attributes": _json_pairs(resource or {})}, "scopeSpans": [{"spans": spans}]}
    return json.dumps({"resourceSpans": [group]}).encode()


def json_span(sent: Sent) -> dict[str, Any]:
    return {
        "traceId": sent.trace,
        "spanId": sent.id,
        "parentSpanId": f"{sent.parent:016x}" if sent.parent else "",
        "name": "chat",
        "startTimeUnixNano": str(sent.start_ns),
        "endTimeUnixNano": sent.start_ns + sent.length_ns,
        "status": {"code": 2} if sent.error else {},
        "attributes": _json_pairs(sent.attributes),
    }


def as_protobuf(*sent: Sent, resource: dict[str, Any] | None = None) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(_pairs(resource or {}))
    spans = group.scope_spans.add().spans
    for one in sent:
        span = spans.add(
            trace_id=bytes.fromhex(one.trace),
            span_id=bytes.fromhex(one.id),
            parent_span_id=one.parent.to_bytes(8, "big") if one.parent else b"",
            name="chat",
            start_time_unix_nano=one.start_ns,
            end_time_unix_nano=one.start_ns + one.length_ns,
            attributes=_pairs(one.attributes),
        )
        span.status.code = 2 if one.error else 0  # type: ignore[assignment]
    return request.SerializeToString()


def _json_pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": json_value(value)} for key, value in attributes.items()]


def json_value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [json_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _json_pairs(value)}}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"intValue": str(value)}
    return {{bool: "boolValue", float: "doubleValue", str: "stringValue"}[type(value)]: value}


def _pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any(value)) for key, value in attributes.items()]


def _any(value: Any) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_any(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=_pairs(value)))
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
    return AnyValue(**{kinds[type(value)]: value})
