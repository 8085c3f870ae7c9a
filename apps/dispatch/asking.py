"""What a client sends to dispatch, reserve and settle, read and checked. Pure: values in, a small frozen thing out.

Each mistake names its field and what it wants; nothing is guessed, nothing is cut.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from portal.errors import Invalid

MOST_TOKENS = 10_000_000
MOST_ATTEMPTS = 1_000
LONGEST_TEXT = 8_000
LONGEST_NAME = 200
LONGEST_KEY = 100


@dataclass(frozen=True, slots=True)
class Dispatch:
    """``workload`` or ``text``, never both and never none."""

    workload: str
    text: str
    user: str
    unit: str
    session: str
    input_tokens: int
    max_output_tokens: int | None
    idempotency_key: str
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """A further attempt of a request that dispatch has begun."""

    request_id: UUID
    attempt: int
    input_tokens: int
    max_output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Settlement:
    reservation: UUID
    outcome: str
    input_tokens: int | None
    output_tokens: int | None
    model: str


OUTCOMES = ("ok", "failed", "cancelled", "not_sent")


def document(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        Invalid: it is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("invalid", "The body is no JSON.") from error
    if not isinstance(found, dict):
        raise Invalid("invalid", "Send a JSON object.")
    return found


def dispatch(said: Mapping[str, Any]) -> Dispatch:
    """
    Raises:
        Invalid: the first field that is wrong, and what it wants.
    """
    workload, text = _text(said, "workload", LONGEST_KEY), _text(said, "text", LONGEST_TEXT)
    if bool(workload) == bool(text):
        raise _wrong("workload", "Name a workload, or send a text to be classified: one of both.")
    user = _text(said, "user", LONGEST_NAME)
    if not user:
        raise _wrong("user", "Say who asks, as your application knows them: whose budget it is.")
    attributes = said.get("attributes")
    if attributes is not None and not isinstance(attributes, dict):
        raise _wrong("attributes", "attributes wants an object.")
    return Dispatch(
        workload=workload,
        text=text,
        user=user,
        unit=_text(said, "unit", LONGEST_NAME) or user,
        session=_text(said, "session", LONGEST_KEY),
        input_tokens=_input(said),
        max_output_tokens=_output(said),
        idempotency_key=_text(said, "idempotency_key", LONGEST_KEY),
        attributes=attributes or {},
    )


def again(said: Mapping[str, Any]) -> Again:
    """
    Raises:
        Invalid: the first field that is wrong, and what it wants.
    """
    attempt = _whole(said, "attempt", 2, MOST_ATTEMPTS)
    if attempt is None:
        raise _wrong("attempt", f"Number this attempt, from 2 to {MOST_ATTEMPTS:,}.")
    return Again(_id(said, "request_id"), attempt, _input(said), _output(said))


def settlement(said: Mapping[str, Any]) -> Settlement:
    """
    Raises:
        Invalid: the first field that is wrong, and what it wants.
    """
    outcome = _text(said, "outcome", LONGEST_KEY) or "ok"
    if outcome not in OUTCOMES:
        raise _wrong("outcome", f"outcome is one of {', '.join(OUTCOMES)}.")
    return Settlement(
        reservation=_id(said, "reservation"),
        outcome=outcome,
        input_tokens=_whole(said, "input_tokens", 0, 100 * MOST_TOKENS),
        output_tokens=_whole(said, "output_tokens", 0, 100 * MOST_TOKENS),
        model=_text(said, "model", 120),
    )


def _input(said: Mapping[str, Any]) -> int:
    found = _whole(said, "input_tokens", 1, MOST_TOKENS)
    if found is None:
        raise _wrong("input_tokens", f"Say how many tokens the call sends, from 1 to {MOST_TOKENS:,}.")
    return found


def _output(said: Mapping[str, Any]) -> int | None:
    return _whole(said, "max_output_tokens", 1, MOST_TOKENS)


def _whole(said: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    found = said.get(name)
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise _wrong(name, f"{name} wants a whole number from {least:,} to {most:,}.")
    return found


def _text(said: Mapping[str, Any], name: str, longest: int) -> str:
    found = said.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or len(found) > longest or "\x00" in found or not _is_written(found):
        raise _wrong(name, f"{name} wants a text of at most {longest:,} characters.")
    return found


def _is_written(text: str) -> bool:
    """Half a character (a lone surrogate) is valid JSON and can't be written down."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _id(said: Mapping[str, Any], name: str) -> UUID:
    try:
        return UUID(_text(said, name, LONGEST_KEY))
    except ValueError as error:
        raise _wrong(name, f"{name} wants the id that dispatch answered.") from error


def _wrong(name: str, message: str) -> Invalid:
    return Invalid("invalid", message, field=name)
