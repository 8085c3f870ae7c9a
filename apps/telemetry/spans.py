"""A span as received, in whatever encoding, and the bounds that it has to keep to (TEL-2). Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_DEPTH = 24
MAX_ATTRIBUTES = 512
MAX_TEXT = 100_000
STATUS_ERROR = 2

Attributes = dict[str, Any]


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


# A span in either encoding, what reads it, and the attributes of its resource. Reading raises ValueError with a reason.
Raw = tuple[Callable[[int, Any, Attributes], Span], Any, Attributes]


def unreadable_resource(index: int, raw: Any, resource: Attributes) -> NoReturn:
    raise ValueError("the attributes of its resource can't be read")


TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_NO_PARENT = {"", "0" * 16}
# A tuple: a union of types would be built anew at each look.
_SIZED = (str, list, dict)


def checked_ids(trace_id: str, span_id: str, parent_id: str) -> str:
    """The parent's id, empty where there is no parent, once all three ids are sound."""
    if not trace_id and not span_id:
        raise ValueError("it has no ids; log records belong on /v1/logs")
    if not TRACE_ID.fullmatch(trace_id) or not SPAN_ID.fullmatch(span_id):
        raise ValueError("trace id or span id is invalid")
    if parent_id in _NO_PARENT:
        return ""
    if parent_id == span_id or not SPAN_ID.fullmatch(parent_id):
        raise ValueError("its parent's id is invalid, or its own")
    return parent_id


def check_count(pairs: Sequence[Any]) -> None:
    if len(pairs) > MAX_ATTRIBUTES:
        raise ValueError(f"more than {MAX_ATTRIBUTES} attributes")


def deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise ValueError(f"an attribute is nested more than {MAX_DEPTH} deep")
    return depth + 1


def bounded(attributes: Attributes) -> Attributes:
    for key, value in attributes.items():
        if isinstance(value, _SIZED) and _length(value) > MAX_TEXT:
            raise ValueError(f"attribute {key[:60]!r} has over {MAX_TEXT} characters")
    return attributes


def _length(value: Any) -> int:
    """Characters of a text; of a list or a mapping, those of all that is in it, and one for each thing."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return len(value) + sum(map(_length, value))
    if isinstance(value, dict):
        return sum(len(key) + 1 + _length(item) for key, item in value.items())
    return 0


def shown(value: object) -> str:
    """A sender's value, short enough to be quoted in a reason."""
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
