"""Spans and JSON records to action records (TEL-1, TEL-2). Pure.

Usage is counted on leaf inference spans only: what has a model call below it carries sums. Missing usage is missing
and an unknown cost is unknown; neither is ever 0. A span that carries ``causeway.action.kind`` is the record of an
action with consequences (WORK-2) whatever else it is, but has usage and cost only if it is such a leaf.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from uuid import UUID

from apps.telemetry import fields
from apps.telemetry.spans import Rejection, Span, shown

OUTCOMES = ("ok", "error", "blocked", "escalated", "overridden")
ARMS = ("agent", "control")
MAX_ID = 200
MAX_TOKENS = 2**31 - 1
MAX_MONEY = 99_999_999
# A tuple: a union of types would be built anew at each look.
_MANY = (list, dict)
_DIGITS = re.compile(r"[0-9]{1,20}")
_SMALLEST_MONEY = Decimal("0.00000001")
AHEAD = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action of an agent. ``user`` is as it came: the ingest makes it a pseudonym before anything is stored.

    ``started_at`` is in UTC; ``index`` is the record's place in what was sent, for whoever has to refuse it later.
    """

    record_id: UUID
    workload: str
    started_at: datetime
    latency_ms: float
    outcome: str
    request_id: str
    trace_id: str = ""
    span_id: str = ""
    attempt: int = 1
    version: str = ""
    model_requested: str = ""
    model_served: str = ""
    provider: str = ""
    tier: str = ""
    user: str = ""
    session: str = ""
    unit: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    tool_calls: int = 0
    retries: int = 0
    cost: Decimal | None = None
    currency: str = ""
    error_type: str = ""
    judged: bool = False
    flagged: bool = False
    action_kind: str = ""
    action_amount: Decimal | None = None
    action_currency: str = ""
    rollout: UUID | None = None
    arm: str = ""
    phase: int | None = None
    index: int = 0


@dataclass(slots=True)
class Reading:
    """What a batch held: records, what was rejected alone, and warnings for whoever sent it."""

    records: list[ActionRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a batch is read against: the credential's tenant and the window of times that are taken."""

    tenant: str
    now: datetime
    oldest: datetime


class Unacceptable(ValueError):
    """The reason why one record isn't taken."""


def from_spans(spans: Sequence[Span], frame: Frame) -> Reading:
    """The action records of a trace export."""
    reading = Reading()
    every = [(span, fields.read(span)) for span in spans]
    inner = _with_calls_below(every)
    tools = Counter((span.trace_id, span.parent_id) for span, values in every if fields.is_tool(values))
    for span, values in every:
        is_call = fields.is_inference(values) and (span.trace_id, span.span_id) not in inner
        if not is_call and "action_kind" not in values:
            continue
        if span.parent_id:
            values.setdefault("tool_calls", tools[(span.trace_id, span.parent_id)])
        try:
            reading.records.append(_from_span(span, values, is_call, frame))
        except Unacceptable as error:
            names = tuple(sorted(span.attributes))[:60]
            reading.rejections.append(Rejection(span.index, str(error), span.trace_id, span.span_id, names))
    _warn(reading, every)
    return reading


def record_id(*parts: str) -> UUID:
    """The same record always has the same id, so a repeat is seen (TEL-2)."""
    return UUID(bytes=hashlib.blake2b("\n".join(parts).encode(), digest_size=16).digest())


def make(
    values: Mapping[str, Any], frame: Frame, *, started_at: datetime, latency_ms: float, **ids: Any
) -> ActionRecord:
    """An action record from values by field name, each checked.

    Raises:
        Unacceptable: with the reason.
    """
    if values.get("tenant") not in (None, frame.tenant):
        raise Unacceptable(f"it claims the tenant {shown(values['tenant'])}, which the token isn't of")
    if values.get("workload") in (None, ""):
        raise Unacceptable("it names no workload: set causeway.workload, gen_ai.workflow.name or service.name")
    _check_times(started_at, latency_ms, frame)
    checked: dict[str, Any] = {"outcome": "ok"}
    for name, value in values.items():
        check = _CHECKS.get(name)
        if check and value is not None and value != "":
            checked[name] = check(value, name)
    checked["attempt"] = checked.get("attempt") or 1
    checked["judged"] = checked.get("judged", False) or checked.get("flagged", False)
    return ActionRecord(started_at=started_at, latency_ms=latency_ms, **checked, **ids)


_USAGE = frozenset({"tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning", "cost", "currency"})


def _from_span(span: Span, values: dict[str, Any], is_call: bool, frame: Frame) -> ActionRecord:
    if span.is_error:
        values.setdefault("outcome", "error")
    if not is_call:
        values = {name: value for name, value in values.items() if name not in _USAGE}
    if not 0 < span.start_ns <= span.end_ns:
        raise Unacceptable("it ends before it starts, or has no times")
    return make(
        values,
        frame,
        started_at=EPOCH + timedelta(microseconds=span.start_ns // 1_000),
        latency_ms=(span.end_ns - span.start_ns) / 1e6,
        record_id=record_id(span.trace_id, span.span_id),
        request_id=text(values.get("request_id", span.trace_id), "request id"),
        trace_id=span.trace_id,
        span_id=span.span_id,
        index=span.index,
    )


def _with_calls_below(every: Sequence[tuple[Span, Mapping[str, Any]]]) -> set[tuple[str, str]]:
    """The spans of this batch that have a model call somewhere below them."""
    parents = {(span.trace_id, span.span_id): span.parent_id for span, _ in every}
    found: set[tuple[str, str]] = set()
    for span, values in every:
        if not fields.is_inference(values):
            continue
        above = (span.trace_id, span.parent_id)
        while above[1] and above not in found:
            found.add(above)
            above = (span.trace_id, parents.get(above, ""))
    return found


def _warn(reading: Reading, every: Sequence[tuple[Span, Mapping[str, Any]]]) -> None:
    blind = sum(
        fields.is_streamed(values) and fields.is_inference(values) and "tokens_out" not in values for _, values in every
    )
    if blind:
        reading.warnings.append(f"{blind} streamed calls carry no usage: set stream_options.include_usage")


def _check_times(started_at: datetime, latency_ms: float, frame: Frame) -> None:
    if started_at < frame.oldest:
        raise Unacceptable(f"it started on {started_at:%Y-%m-%d}, before what is still kept ({frame.oldest:%Y-%m-%d})")
    if started_at > frame.now + AHEAD:
        raise Unacceptable("it starts more than 5 minutes ahead of our clock")
    if not 0 <= latency_ms <= 86_400_000:
        raise Unacceptable("its latency is negative or over a day")


def text(value: Any, name: str) -> str:
    """An id or a short name.

    Raises:
        Unacceptable: it is too long, or holds what a database doesn't take.
    """
    found = str(_single(value, name))
    if len(found) > MAX_ID:
        raise Unacceptable(f"{name} has over {MAX_ID} characters")
    if "\x00" in found:
        raise Unacceptable(f"{name} holds a zero byte")
    if not found.isascii() and any("\ud800" <= character <= "\udfff" for character in found):
        raise Unacceptable(f"{name} holds half a character")
    return found


def _single(value: Any, name: str) -> Any:
    if isinstance(value, _MANY):
        raise Unacceptable(f"{name} is {shown(value)} and wants a single value")
    return value


def _whole(value: Any, name: str) -> int:
    readable = _DIGITS.fullmatch(value) if isinstance(value, str) else isinstance(value, float) and value.is_integer()
    number = int(value) if readable else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise Unacceptable(f"{name} is {shown(value)} and wants a whole number of at least 0")
    if number > MAX_TOKENS:
        raise Unacceptable(f"{name} is over {MAX_TOKENS}")
    return number


def _money(value: Any, name: str) -> Decimal:
    """To eight places, as it is stored."""
    try:
        amount = Decimal(str(_single(value, name)))
    except InvalidOperation as error:
        raise Unacceptable(f"{name} is {shown(value)} and wants a number") from error
    if not amount.is_finite() or not 0 <= amount <= MAX_MONEY:
        raise Unacceptable(f"{name} is {shown(value)} and wants a number from 0 to {MAX_MONEY}")
    return amount.quantize(_SMALLEST_MONEY)


@lru_cache(maxsize=1_000)
def _parsed(value: str) -> UUID:
    return UUID(value)


def _uuid(value: Any, name: str) -> UUID:
    try:
        return _parsed(str(_single(value, name)))
    except ValueError as error:
        raise Unacceptable(f"{name} is {shown(value)} and wants the id of a rollout") from error


def _truth(value: Any, name: str) -> bool:
    found = str(_single(value, name)).lower()
    if found not in {"true", "1", "false", "0"}:
        raise Unacceptable(f"{name} is {shown(value)} and wants true or false")
    return found in {"true", "1"}


def _one_of(*allowed: str) -> Callable[[Any, str], str]:
    def check(value: Any, name: str) -> str:
        if value not in allowed:
            raise Unacceptable(f"{name} is {shown(value)}; one of {', '.join(allowed)}")
        return str(value)

    return check


# How each field is checked; whatever isn't here isn't taken over from what was sent.
_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning"), _whole),
    **dict.fromkeys(("tool_calls", "retries", "attempt", "phase"), _whole),
    **dict.fromkeys(("workload", "version", "model_requested", "model_served", "provider", "tier"), text),
    **dict.fromkeys(("user", "session", "unit", "error_type", "action_kind"), text),
    **dict.fromkeys(("currency", "action_currency"), text),
    **dict.fromkeys(("cost", "action_amount"), _money),
    **dict.fromkeys(("judged", "flagged"), _truth),
    "outcome": _one_of(*OUTCOMES),
    "arm": _one_of(*ARMS),
    "rollout": _uuid,
}
