"""A recorded trace as OTLP: gaps kept, ids from the file itself, so that a second replay adds nothing. Pure.

The file is CSV with ``TIMESTAMP,ContextTokens,GeneratedTokens``, times without a zone taken as UTC.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from portal.errors import Invalid

HEADER = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
# What the file doesn't say: a first token and a rate of generation that are common for hosted models.
FIRST_TOKEN_MS, PER_TOKEN_MS = 400, 25


@dataclass(frozen=True, slots=True)
class Row:
    """One call: its number, its distance to the first one, and its tokens."""

    number: int
    offset: timedelta
    tokens_in: int
    tokens_out: int


def rows(file: Iterable[str]) -> Iterator[Row]:
    """The file's calls, streamed.

    Raises:
        Invalid: with the line's number.
    """
    reader = csv.reader(file)
    if next(reader, None) != HEADER:
        raise Invalid("replay_header", f"Line 1 has to be {','.join(HEADER)}.")
    first: datetime | None = None
    try:
        for number, cells in enumerate(reader):
            # Seven decimals are one more than Python keeps.
            at = datetime.fromisoformat(cells[0][:26]).replace(tzinfo=UTC)
            first = first or at
            yield Row(number, at - first, _tokens(cells[1]), _tokens(cells[2]))
    except (ValueError, IndexError, csv.Error) as error:
        wanted = "a time and two whole numbers"
        raise Invalid(
            "replay_line", f"Line {reader.line_num} can't be read as {wanted}: {str(error)[:120]}."
        ) from error


def _tokens(cell: str) -> int:
    if not (cell.isascii() and cell.isdecimal() and len(cell) <= 9):
        raise ValueError(f"{cell[:40]!r} is no number of tokens")
    return int(cell)


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def request(calls: Iterable[Row], *, at: datetime, workload: str, file_digest: bytes) -> ExportTraceServiceRequest:
    """One export with a span for each call, the first of the file at ``at``."""
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    group.resource.attributes.append(_attribute("service.name", workload))
    scope = group.scope_spans.add()
    scope.scope.name = "causeway.replay"
    scope.spans.extend(_span(call, at, file_digest) for call in calls)
    return message


def _span(call: Row, at: datetime, file_digest: bytes) -> Span:
    ids = hashlib.sha256(file_digest + call.number.to_bytes(8, "big")).digest()
    start = int((at + call.offset - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1_000
    length_ms = FIRST_TOKEN_MS + PER_TOKEN_MS * call.tokens_out
    return Span(
        trace_id=ids[:16],
        span_id=ids[16:24],
        name="chat",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=start,
        end_time_unix_nano=start + length_ms * 1_000_000,
        attributes=[
            _attribute("gen_ai.operation.name", "chat"),
            _attribute("gen_ai.usage.input_tokens", call.tokens_in),
            _attribute("gen_ai.usage.output_tokens", call.tokens_out),
        ],
    )


def _attribute(key: str, value: str | int) -> KeyValue:
    typed = AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value)
    return KeyValue(key=key, value=typed)
