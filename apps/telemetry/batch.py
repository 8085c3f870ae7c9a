"""Our own JSON batch: ``{"records": [{...}]}`` with TEL-1's fields in snake case. Pure."""

from datetime import UTC, datetime
from typing import Any

from apps.telemetry.fields import FIELDS
from apps.telemetry.records import ActionRecord, Frame, Reading, Unacceptable, make, record_id, text
from apps.telemetry.spans import Rejection
from portal.errors import Invalid

MAX_RECORDS = 1_000
KNOWN = (FIELDS.keys() - {"operation", "streamed"}) | {"id", "started_at", "latency_ms"}


def read(document: Any, frame: Frame) -> Reading:
    """The batch's records; a bad one is rejected alone.

    Raises:
        Invalid: no batch at all, or one of more than 1,000.
    """
    items = document.get("records") if isinstance(document, dict) else None
    if not isinstance(items, list) or len(items) > MAX_RECORDS:
        raise Invalid("batch_invalid", f'Send {{"records": [...]}} with at most {MAX_RECORDS} records.')
    reading = Reading()
    for index, item in enumerate(items):
        try:
            reading.records.append(_record(index, item, frame))
        except Unacceptable as error:
            reading.rejections.append(Rejection(index, str(error)))
    return reading


def _record(index: int, item: Any, frame: Frame) -> ActionRecord:
    if not isinstance(item, dict):
        raise Unacceptable("it is no object")
    unknown = sorted(str(key) for key in item.keys() - KNOWN)
    if unknown:
        raise Unacceptable(f"unknown field {unknown[0][:60]!r}")
    if item.get("id") in (None, ""):
        raise Unacceptable("it needs an id of its own, 200 characters at most, by which a repeat is seen")
    own_id = text(item["id"], "id")
    return make(
        item,
        frame,
        started_at=_instant(item.get("started_at")),
        latency_ms=_milliseconds(item.get("latency_ms")),
        record_id=record_id("json", own_id),
        request_id=text(item.get("request_id") or own_id, "request_id"),
        index=index,
    )


def _instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise Unacceptable("started_at wants an ISO 8601 instant with its offset, as a text")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise Unacceptable("started_at wants an ISO 8601 instant with its offset") from error
    if instant.tzinfo is None:
        raise Unacceptable("started_at has no offset from UTC")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise Unacceptable("started_at is out of range") from error


def _milliseconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unacceptable("latency_ms wants a number of milliseconds")
    try:
        return float(value)
    except OverflowError as error:
        raise Unacceptable("latency_ms is out of range") from error
