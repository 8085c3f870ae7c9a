"""OTLP/HTTP trace exports to spans, protobuf and JSON (TEL-2). Pure.

One unreadable span is rejected alone, with its reason; a body that can't be read at all raises. The size limit counts
after decompression, and a bomb is never inflated past it.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtobufSpan

from apps.telemetry import otlpjson
from apps.telemetry.spans import (
    MAX_TEXT,
    SPAN_ID,
    STATUS_ERROR,
    TRACE_ID,
    Attributes,
    Raw,
    Rejection,
    Span,
    bounded,
    check_count,
    checked_ids,
    deeper,
    unreadable_resource,
)
from portal.errors import Invalid, TooLarge

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MAX_REASON = 300
_WINDOW = {"gzip": 31, "deflate": 15}
_REASONS_SHOWN = 20


class Unsupported(Invalid):
    """A media type or an encoding that this endpoint doesn't speak."""

    status = 415
    title = "That format is not spoken here"


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
    return _read(_from_protobuf(body) if kind == PROTOBUF else otlpjson.raw_spans(body))


def success(kind: str, rejected: int = 0, message: str = "") -> bytes:
    """The answer in the sender's own format; a message without a rejection is a warning."""
    if kind == JSON:
        partial = {"rejectedSpans": str(rejected), "errorMessage": message}
        return json.dumps({"partialSuccess": partial} if rejected or message else {}).encode()
    answer = ExportTraceServiceResponse()
    if rejected or message:
        answer.partial_success.CopyFrom(ExportTracePartialSuccess(rejected_spans=rejected, error_message=message))
    return answer.SerializeToString()


def status(kind: str, code: int, message: str) -> bytes:
    """A ``google.rpc.Status`` for a refusal: field 1 is the code, field 2 the message."""
    if kind == JSON:
        return json.dumps({"code": code, "message": message}).encode()
    text = message[:1000].encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def explain(rejections: list[Rejection], warnings: list[str]) -> str:
    """What the client is told: the first reasons by span, then warnings; far below the 4 MiB of an answer."""
    first = [f"span {r.index} ({r.span_id or 'no id'}): {r.reason[:MAX_REASON]}" for r in rejections[:_REASONS_SHOWN]]
    more = [f"and {len(rejections) - _REASONS_SHOWN} more"] if len(rejections) > _REASONS_SHOWN else []
    return "; ".join([*first, *more, *warnings])


def _inflate(raw: bytes, window: int, limit: int) -> bytes:
    if not raw:
        return b""
    reader = zlib.decompressobj(window)
    try:
        body = reader.decompress(raw, limit + 1)
    except zlib.error as error:
        raise Invalid("compression", f"The body isn't in its Content-Encoding: {error}.") from error
    if len(body) > limit:
        return body
    if not reader.eof:
        raise Invalid("compression", "The compressed body ends too early.")
    # A second compressed member would otherwise be lost in silence.
    if reader.unused_data:
        raise Invalid("compression", "The compressed body goes on after its end; compress it as one piece.")
    return body


def _read(raws: Iterable[Raw]) -> tuple[list[Span], list[Rejection]]:
    good: list[Span] = []
    bad: list[Rejection] = []
    for index, (read, raw, resource) in enumerate(raws):
        try:
            good.append(read(index, raw, resource))
        except (ValueError, OverflowError) as error:
            bad.append(Rejection(index, str(error)[:MAX_REASON], *_ids(raw)))
    return good, bad


def _ids(raw: Any) -> tuple[str, str]:
    """The ids of a span that wasn't taken, as far as they can be read."""
    if isinstance(raw, ProtobufSpan):
        found: tuple[Any, Any] = raw.trace_id.hex(), raw.span_id.hex()
    else:
        found = (raw.get("traceId"), raw.get("spanId")) if isinstance(raw, dict) else ("", "")
    return _if_sound(found[0], TRACE_ID), _if_sound(found[1], SPAN_ID)


def _if_sound(value: Any, pattern: re.Pattern[str]) -> str:
    return value.lower() if isinstance(value, str) and pattern.fullmatch(value.lower()) else ""


def _from_protobuf(body: bytes) -> Iterator[Raw]:
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise Invalid("unreadable", "The body is no ExportTraceServiceRequest.") from error
    for group in request.resource_spans:
        read: Callable[[int, Any, Attributes], Span] = _protobuf_span
        resource: Attributes = {}
        try:
            resource = _protobuf_attributes(group.resource)
        except ValueError:
            read = unreadable_resource
        for scope in group.scope_spans:
            for span in scope.spans:
                yield read, span, resource


def _protobuf_span(index: int, span: ProtobufSpan, resource: Attributes) -> Span:
    trace_id, span_id, parent_id = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    return Span(
        index,
        trace_id,
        span_id,
        checked_ids(trace_id, span_id, parent_id),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == STATUS_ERROR,
        _protobuf_attributes(span),
        resource,
    )


def _protobuf_attributes(holder: ProtobufSpan | Resource) -> Attributes:
    check_count(holder.attributes)
    attributes = {pair.key: _protobuf_value(pair.value) for pair in holder.attributes}
    # Bytes become twice as many hex digits and nothing else grows, so a small message needs no closer look.
    return attributes if 2 * holder.ByteSize() <= MAX_TEXT else bounded(attributes)


def _protobuf_value(value: AnyValue, depth: int = 0) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_protobuf_value(item, deeper(depth)) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _protobuf_value(pair.value, deeper(depth)) for pair in value.kvlist_value.values}
    found = getattr(value, kind)
    return found.hex() if kind == "bytes_value" else found


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
