"""OTLP/HTTP trace exports to spans, protobuf and JSON (TEL-2). Pure.

One unreadable span is rejected alone, with its reason; a body that can't be read at all raises. JSON follows the
OTLP encoding: lowerCamelCase, ids in hex, enums as numbers, 64-bit integers as strings or numbers, unknown fields
ignored. The size limit counts after decompression, and a bomb is never inflated past it.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from portal.errors import Invalid, TooLarge

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MAX_DEPTH = 24
MAX_ATTRIBUTES = 512
MAX_TEXT = 100_000
_STATUS_ERROR = 2
_WINDOW = {"gzip": 31, "deflate": 15}
_REASONS_SHOWN = 20

Attributes = dict[str, Any]


class Unsupported(Invalid):
    """A media type or an encoding that this endpoint doesn't speak."""

    status = 415
    title = "That format is not spoken here"


@dataclass(frozen=True, slots=True)
class Span:
    """A span as received. Ids are lower-case hex, times nanoseconds since 1970; ``index`` is its place in the body."""

    index: int
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    is_error: bool
    attributes: Attributes
    resource: Attributes


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was not taken, and why, in words for whoever sent it."""

    index: int
    reason: str
    trace_id: str = ""
    span_id: str = ""
    attributes: tuple[str, ...] = ()


class _BadSpan(Exception):
    """The reason for one span's rejection."""


def media_type(content_type: str) -> str:
    """The media type alone, parameters ignored.

    Raises:
        Unsupported: neither protobuf nor JSON.
    """
    name = content_type.partition(";")[0].strip().lower()
    if name not in {PROTOBUF, JSON}:
        raise Unsupported("media_type", f"Send {PROTOBUF} or {JSON}, not {name or 'nothing'!r}.")
    return name


def inflate(raw: bytes, encoding: str, limit: int) -> bytes:
    """The body without its compression.

    Raises:
        TooLarge: more than ``limit`` bytes after decompression.
        Unsupported, Invalid: an unknown encoding; bytes that aren't in it.
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        body = raw
    elif encoding in _WINDOW:
        body = _inflate(raw, _WINDOW[encoding], limit)
    else:
        raise Unsupported("encoding", f"Send gzip or deflate, not {encoding!r}.")
    if len(body) > limit:
        raise TooLarge("body_too_large", f"The body is over {limit} bytes after decompression; send smaller batches.")
    return body


def spans(body: bytes, kind: str) -> tuple[list[Span], list[Rejection]]:
    """All spans of a body, and those that can't be read.

    Raises:
        Invalid: the body as a whole can't be read.
    """
    return _read(_from_protobuf(body) if kind == PROTOBUF else _from_json(body))


def success(kind: str, rejected: int = 0, message: str = "") -> bytes:
    """The answer in the sender's own format; a message without a rejection is a warning."""
    if kind == JSON:
        partial = {"rejectedSpans": str(rejected), "errorMessage": message}
        return json.dumps({"partialSuccess": partial} if message else {}).encode()
    answer = ExportTraceServiceResponse()
    if message:
        answer.partial_success.CopyFrom(ExportTracePartialSuccess(rejected_spans=rejected, error_message=message))
    return answer.SerializeToString()


def status(kind: str, code: int, message: str) -> bytes:
    """A ``google.rpc.Status`` for a refusal: field 1 is the code, field 2 the message."""
    if kind == JSON:
        return json.dumps({"code": code, "message": message}).encode()
    text = message.encode()[:4000]
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def explain(rejections: list[Rejection], warnings: list[str]) -> str:
    """What the client is told: the first reasons by span, then warnings."""
    shown = [f"span {r.index} ({r.span_id or 'no id'}): {r.reason}" for r in rejections[:_REASONS_SHOWN]]
    more = [f"and {len(rejections) - _REASONS_SHOWN} more"] if len(rejections) > _REASONS_SHOWN else []
    return "; ".join([*shown, *more, *warnings])


def _inflate(raw: bytes, window: int, limit: int) -> bytes:
    reader = zlib.decompressobj(window)
    try:
        body = reader.decompress(raw, limit + 1)
        if len(body) <= limit:
            body += reader.flush()
    except zlib.error as error:
        raise Invalid("compression", f"The body isn't in its Content-Encoding: {error}.") from error
    if len(body) <= limit and not reader.eof:
        raise Invalid("compression", "The compressed body ends too early.")
    return body


@dataclass(slots=True)
class _Raw:
    """One span in either encoding, before it is checked."""

    read: Any
    resource: Attributes


def _read(raws: Iterable[_Raw]) -> tuple[list[Span], list[Rejection]]:
    good: list[Span] = []
    bad: list[Rejection] = []
    for index, raw in enumerate(raws):
        try:
            good.append(raw.read(index, raw.resource))
        except _BadSpan as error:
            bad.append(Rejection(index, str(error)))
    return good, bad


def _from_protobuf(body: bytes) -> Iterator[_Raw]:
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise Invalid("unreadable", "The body is no ExportTraceServiceRequest.") from error
    for group in request.resource_spans:
        resource = _protobuf_attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield _Raw(_protobuf_reader(span), resource)


def _protobuf_reader(span: Any) -> Any:
    def read(index: int, resource: Attributes) -> Span:
        if len(span.attributes) > MAX_ATTRIBUTES:
            raise _BadSpan(f"more than {MAX_ATTRIBUTES} attributes")
        trace_id, span_id = span.trace_id.hex(), span.span_id.hex()
        _check_ids(trace_id, span_id)
        return Span(
            index,
            trace_id,
            span_id,
            span.parent_span_id.hex(),
            span.name,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            span.status.code == _STATUS_ERROR,
            _bounded(_protobuf_attributes(span.attributes)),
            resource,
        )

    return read


def _protobuf_attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _protobuf_value(pair.value) for pair in pairs}


def _protobuf_value(value: AnyValue, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or depth > MAX_DEPTH:
        return None
    if kind == "array_value":
        return [_protobuf_value(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _protobuf_value(pair.value, depth + 1) for pair in value.kvlist_value.values}
    found = getattr(value, kind)
    return found.hex() if kind == "bytes_value" else found


def _from_json(body: bytes) -> Iterator[_Raw]:
    document = _json(body)
    for group in _items(document, "resourceSpans"):
        resource = _json_attributes(_object(group.get("resource", {})).get("attributes", []))
        for scope in _items(group, "scopeSpans"):
            for span in scope.get("spans") or []:
                yield _Raw(_json_reader(span), resource)


def _json(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("unreadable", f"The body is no JSON: {str(error)[:200]}.") from error
    return _object(document)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("unreadable", "The body isn't shaped like an ExportTraceServiceRequest.")
    return value


def _items(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = holder.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Invalid("unreadable", f"{key} isn't a list of objects.")
    return found


def _json_reader(span: Any) -> Any:
    def read(index: int, resource: Attributes) -> Span:
        if not isinstance(span, dict):
            raise _BadSpan("no object")
        trace_id, span_id = str(span.get("traceId", "")).lower(), str(span.get("spanId", "")).lower()
        _check_ids(trace_id, span_id)
        try:
            return Span(
                index,
                trace_id,
                span_id,
                str(span.get("parentSpanId") or "").lower(),
                str(span.get("name", "")),
                _integer(span.get("startTimeUnixNano", 0)),
                _integer(span.get("endTimeUnixNano", 0)),
                (span.get("status") or {}).get("code") == _STATUS_ERROR,
                _bounded(_json_attributes(span.get("attributes") or [])),
                resource,
            )
        except (TypeError, ValueError, AttributeError, KeyError, RecursionError, Invalid) as error:
            raise _BadSpan(f"an attribute or a field can't be read ({error})") from error

    return read


def _json_attributes(pairs: Any) -> Attributes:
    if not isinstance(pairs, list):
        raise ValueError("attributes isn't a list")
    return {str(pair["key"]): _json_value(pair.get("value")) for pair in pairs}


def _json_value(value: Any, depth: int = 0) -> Any:
    if value is None or depth > MAX_DEPTH:
        return None
    (kind, found), *_ = value.items() or [("", None)]
    if kind == "intValue":
        return _integer(found)
    if kind == "doubleValue":
        return float(found)
    if kind == "arrayValue":
        return [_json_value(item, depth + 1) for item in found.get("values", [])]
    if kind == "kvlistValue":
        return {str(pair["key"]): _json_value(pair.get("value"), depth + 1) for pair in found.get("values", [])}
    return found


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")


def _check_ids(trace_id: str, span_id: str) -> None:
    if not trace_id and not span_id:
        raise _BadSpan("it has no ids; log records belong on /v1/logs")
    if not _TRACE_ID.fullmatch(trace_id) or not _SPAN_ID.fullmatch(span_id):
        raise _BadSpan("trace id or span id is invalid")


def _bounded(attributes: Attributes) -> Attributes:
    if len(attributes) > MAX_ATTRIBUTES:
        raise _BadSpan(f"more than {MAX_ATTRIBUTES} attributes")
    for key, value in attributes.items():
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise _BadSpan(f"attribute {key[:60]!r} has over {MAX_TEXT} characters")
    return attributes


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
