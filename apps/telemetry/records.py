"""Spans and JSON records to action records (TEL-1, TEL-2). Pure.

Usage is counted on leaf inference spans only: what has a model call below it carries sums. Missing usage is missing
and an unknown cost is unknown; neither is ever 0. A span that carries ``causeway.action.kind`` is the record of an
action with consequences (WORK-2) whatever else it is.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from apps.telemetry import fields
from apps.telemetry.otlp import Rejection, Span

OUTCOMES = ("ok", "error", "blocked", "escalated", "overridden")
ARMS = ("agent", "control")
MAX_ID = 200
MAX_TOKENS = 2**31 - 1
AHEAD = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action of an agent. ``user`` is as it came: the ingest makes it a pseudonym before anything is stored."""

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
    inner = _with_calls_below(spans)
    tools = _tool_calls(spans)
    for span in spans:
        is_call = fields.is_inference(span) and (span.trace_id, span.span_id) not in inner
        if not is_call and fields.value(span, "action_kind") is None:
            continue
        try:
            record = _from_span(span, frame, tools.get((span.trace_id, span.parent_id), 0))
        except Unacceptable as error:
            names = tuple(sorted(span.attributes))[:60]
            reading.rejections.append(Rejection(span.index, str(error), span.trace_id, span.span_id, names))
            continue
        reading.records.append(record)
    _warn(reading, spans)
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
    claimed = values.get("tenant")
    if claimed is not None and claimed != frame.tenant:
        raise Unacceptable(f"it claims the tenant {text(claimed, 'tenant')!r}, which the token isn't of")
    _check_times(started_at, latency_ms, frame)
    checked: dict[str, Any] = {
        **{name: _whole(values.get(name), name) for name in _OPTIONAL_COUNTS},
        **{name: _whole(values.get(name), name) or 0 for name in ("tool_calls", "retries")},
        **{name: text(values.get(name) or "", name) for name in _TEXTS},
        **ids,
    }
    return ActionRecord(
        started_at=started_at,
        latency_ms=latency_ms,
        workload=_workload(values),
        outcome=_one_of(values.get("outcome") or "ok", OUTCOMES, "outcome"),
        arm=_one_of(values["arm"], ARMS, "arm") if values.get("arm") else "",
        rollout=_uuid(values.get("rollout")),
        phase=_whole(values.get("phase"), "phase"),
        attempt=_whole(values.get("attempt"), "attempt") or 1,
        cost=_money(values.get("cost"), "cost"),
        action_amount=_money(values.get("action_amount"), "action amount"),
        judged=_truth(values.get("judged")) or _truth(values.get("flagged")),
        flagged=_truth(values.get("flagged")),
        **checked,
    )


_OPTIONAL_COUNTS = ("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning")
_TEXTS = (
    "version",
    "model_requested",
    "model_served",
    "provider",
    "tier",
    "user",
    "session",
    "unit",
    "currency",
    "error_type",
    "action_kind",
    "action_currency",
)


def _from_span(span: Span, frame: Frame, tool_calls: int) -> ActionRecord:
    values = {name: fields.value(span, name) for name in fields.FIELDS}
    if values["outcome"] is None and span.is_error:
        values["outcome"] = "error"
    if values["tool_calls"] is None:
        values["tool_calls"] = tool_calls
    if not 0 < span.start_ns <= span.end_ns:
        raise Unacceptable("it ends before it starts, or has no times")
    try:
        started_at = EPOCH + timedelta(microseconds=span.start_ns // 1_000)
    except OverflowError as error:
        raise Unacceptable("its time is out of range") from error
    return make(
        values,
        frame,
        started_at=started_at,
        latency_ms=(span.end_ns - span.start_ns) / 1e6,
        record_id=record_id(span.trace_id, span.span_id),
        request_id=text(values["request_id"] or span.trace_id, "request id"),
        trace_id=span.trace_id,
        span_id=span.span_id,
    )


def _with_calls_below(spans: Sequence[Span]) -> set[tuple[str, str]]:
    """The spans of this batch that have a model call somewhere below them."""
    parents = {(span.trace_id, span.span_id): span.parent_id for span in spans}
    found: set[tuple[str, str]] = set()
    for span in spans:
        if not fields.is_inference(span):
            continue
        above = (span.trace_id, span.parent_id)
        while above[1] and above not in found:
            found.add(above)
            above = (span.trace_id, parents.get(above, ""))
    return found


def _tool_calls(spans: Sequence[Span]) -> dict[tuple[str, str], int]:
    """Tool executions by the span they stand under."""
    counts: dict[tuple[str, str], int] = {}
    for span in spans:
        if str(fields.value(span, "operation") or "").lower() in {"execute_tool", "tool"}:
            key = (span.trace_id, span.parent_id)
            counts[key] = counts.get(key, 0) + 1
    return counts


def _warn(reading: Reading, spans: Sequence[Span]) -> None:
    blind = sum(
        fields.is_inference(span) and fields.is_streaming(span) and fields.value(span, "tokens_out") is None
        for span in spans
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


def _workload(values: Mapping[str, Any]) -> str:
    if not values.get("workload"):
        raise Unacceptable("it names no workload: set causeway.workload, gen_ai.workflow.name or service.name")
    return text(values["workload"], "workload")


def text(value: Any, name: str) -> str:
    text = str(value)
    if len(text) > MAX_ID:
        raise Unacceptable(f"{name} has over {MAX_ID} characters")
    if "\x00" in text:
        raise Unacceptable(f"{name} holds a zero byte")
    return text


def _whole(value: Any, name: str) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).lstrip("+").isdecimal():
        raise Unacceptable(f"{name} is {value!r} and wants a whole number of at least 0")
    number = int(value)
    if number > MAX_TOKENS:
        raise Unacceptable(f"{name} is absurdly large")
    return number


def _money(value: Any, name: str) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise Unacceptable(f"{name} is {value!r} and wants a number") from error
    if not amount.is_finite() or not 0 <= amount < 10**9:
        raise Unacceptable(f"{name} is {value!r} and wants a number from 0 to a billion")
    return amount


def _uuid(value: Any) -> UUID | None:
    if not value:
        return None
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Unacceptable("the rollout id is no id of ours") from error


def _one_of(value: Any, allowed: tuple[str, ...], name: str) -> str:
    if value not in allowed:
        raise Unacceptable(f"{name} is {str(value)[:60]!r}; one of {', '.join(allowed)}")
    return str(value)


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in {"true", "1"}
