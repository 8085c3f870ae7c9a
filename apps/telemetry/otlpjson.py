"""The JSON encoding of OTLP (TEL-2): lowerCamelCase, ids in hex, enums as numbers, 64-bit integers as strings or
numbers, unknown fields ignored. What is wrong with one span is its own affair; what holds spans has to be in shape.
Pure.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from apps.telemetry.spans import (
    STATUS_ERROR,
    Attributes,
    Raw,
    Span,
    bounded,
    check_count,
    checked_ids,
    deeper,
    shown,
    unreadable_resource,
)
from portal.errors import Invalid

_INTEGER = re.compile(r"-?[0-9]{1,20}")


def raw_spans(body: bytes) -> Iterator[Raw]:
    """Each span of a body, not read yet.

    Raises:
        Invalid: no JSON, or not in the shape of a trace export.
    """
    for group in _groups(_json(body), "resourceSpans"):
        read: Callable[[int, Any, Attributes], Span] = _json_span
        resource: Attributes = {}
        try:
            resource = _json_attributes(_object(group.get("resource"), "resource"))
        except (ValueError, OverflowError):
            read = unreadable_resource
        for scope in _groups(group, "scopeSpans"):
            for span in _whole_list(scope, "spans"):
                yield read, span, resource


def _json(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        return _object(json.loads(body, parse_constant=_no_constant), "the body")
    except (ValueError, RecursionError) as error:
        raise Invalid("unreadable", f"The body is no JSON that OTLP knows: {str(error)[:300]}.") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _groups(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [_whole_object(item, key) for item in _whole_list(holder, key)]


def _whole_list(holder: dict[str, Any], key: str) -> list[Any]:
    """A list that the whole body hangs on."""
    try:
        return _list(holder.get(key), key)
    except ValueError as error:
        raise Invalid("unreadable", f"The body isn't shaped like a trace export: {error}.") from error


def _whole_object(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("unreadable", f"The body isn't shaped like a trace export: {key} isn't a list of objects.")
    return value


def _json_span(index: int, raw: Any, resource: Attributes) -> Span:
    span = _object(raw, "it")
    trace_id, span_id = _text(span.get("traceId")).lower(), _text(span.get("spanId")).lower()
    return Span(
        index,
        trace_id,
        span_id,
        checked_ids(trace_id, span_id, _text(span.get("parentSpanId")).lower()),
        _text(span.get("name")),
        _integer(span.get("startTimeUnixNano")),
        _integer(span.get("endTimeUnixNano")),
        _integer(_object(span.get("status"), "status").get("code")) == STATUS_ERROR,
        _json_attributes(span),
        resource,
    )


def _json_attributes(holder: dict[str, Any]) -> Attributes:
    pairs = _list(holder.get("attributes"), "attributes")
    check_count(pairs)
    return bounded(_json_pairs(pairs, 0))


def _json_pairs(pairs: list[Any], depth: int) -> Attributes:
    objects = (_object(pair, "an attribute") for pair in pairs)
    return {_text(pair.get("key")): _json_value(pair.get("value"), depth) for pair in objects}


def _json_value(value: Any, depth: int) -> Any:
    for kind, found in _object(value, "an attribute's value").items():
        if kind in _SCALARS and found is not None:
            return _SCALARS[kind](found)
        if kind == "arrayValue":
            return [_json_value(item, deeper(depth)) for item in _list(_object(found, kind).get("values"), kind)]
        if kind == "kvlistValue":
            return _json_pairs(_list(_object(found, kind).get("values"), kind), deeper(depth))
    return None


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is no text")
    if not value.isascii():
        _check_encodable(value)
    return value


def _check_encodable(value: str) -> None:
    """JSON can carry half a surrogate pair, which no database takes."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{shown(value)} holds half a character") from error


def _integer(value: Any) -> int:
    if value is None:
        return 0
    readable = _INTEGER.fullmatch(value) if isinstance(value, str) else isinstance(value, float) and value.is_integer()
    number = int(value) if readable else value
    if isinstance(number, bool) or not isinstance(number, int) or not -(2**63) <= number < 2**64:
        raise ValueError(f"{shown(value)} is no whole number of 64 bits")
    return number


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{shown(value)} is no number")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false")
    return value


def _bytes(value: Any) -> str:
    return base64.b64decode(_text(value), validate=True).hex()


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "stringValue": _text,
    "intValue": _integer,
    "doubleValue": _double,
    "boolValue": _boolean,
    "bytesValue": _bytes,
}
