"""A recorded trace as OTLP: every row once, gaps kept, and the same ids each time it is sent."""

from datetime import timedelta
from pathlib import Path

import pytest

from apps.telemetry import otlp, records, replay
from portal.errors import Invalid
from tests.telemetry.spans import FRAME, NOW

SMALL = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:18:03.9799600,110,27
"""
RECORDED = Path(__file__).parents[3] / "shared" / "data" / "azure_llm_code.csv"


def test_rows_keep_their_gaps_and_tokens() -> None:
    assert list(replay.rows(SMALL.splitlines())) == [
        replay.Row(0, timedelta(0), 4808, 10),
        replay.Row(1, timedelta(milliseconds=52), 3180, 8),
        replay.Row(2, timedelta(minutes=1), 110, 27),
    ]


def test_rows_are_streamed() -> None:
    """The first row comes before the second line is looked at."""
    lines = iter(["TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:17:03,1,2"])
    assert next(replay.rows(lines)).tokens_out == 2


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2023-11-16 18:17:05,1",
        "yesterday,1,2",
        "2023-11-16 18:17:05,-1,2",
        "2023-11-16 18:17:05,1_0,2",
        "2023-11-16 18:17:05,1,many",
        "2023-11-16 18:17:05,1,1234567890",
        "2023-11-16 18:17:05,1," + "9" * 200_000,
    ],
    ids=range(8),
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(line: str) -> None:
    with pytest.raises(Invalid, match=r"^Line 5 can't be read as a time and two whole numbers"):
        list(replay.rows([*SMALL.splitlines(), line]))


@pytest.mark.parametrize("lines", [[], ["time,in,out"], ["TIMESTAMP,ContextTokens"]])
def test_a_file_of_another_kind_is_refused_at_its_first_line(lines: list[str]) -> None:
    with pytest.raises(Invalid, match="Line 1 has to be TIMESTAMP,ContextTokens,GeneratedTokens"):
        list(replay.rows(lines))


def test_ids_come_from_the_file_and_the_row_alone() -> None:
    calls = list(replay.rows(SMALL.splitlines()))
    ours, theirs = replay.digest(SMALL.encode()), replay.digest(b"another file")
    again = replay.request(calls[1:], at=NOW, workload="W-01", file_digest=ours)
    assert _ids(replay.request(calls, at=NOW, workload="W-01", file_digest=ours))[1:] == _ids(again)
    assert not set(_ids(again)) & set(_ids(replay.request(calls, at=NOW, workload="W-01", file_digest=theirs)))


def _ids(message: replay.ExportTraceServiceRequest) -> list[tuple[bytes, bytes]]:
    return [(span.trace_id, span.span_id) for span in message.resource_spans[0].scope_spans[0].spans]


def test_what_is_sent_is_read_back_as_the_same_calls() -> None:
    at = NOW - timedelta(hours=1)
    calls = list(replay.rows(SMALL.splitlines()))
    message = replay.request(calls, at=at, workload="W-01", file_digest=replay.digest(b""))
    spans, bad = otlp.spans(message.SerializeToString(), otlp.PROTOBUF)
    reading = records.from_spans(spans, FRAME)
    assert (bad, reading.rejections, reading.warnings) == ([], [], [])
    assert [(r.workload, r.started_at - at, r.tokens_in, r.tokens_out) for r in reading.records] == [
        ("W-01", call.offset, call.tokens_in, call.tokens_out) for call in calls
    ]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded trace ../shared/data/azure_llm_code.csv is not here")
def test_the_recorded_trace_is_counted_to_the_token() -> None:
    data = RECORDED.read_bytes()
    calls = list(replay.rows(data.decode().splitlines()))
    message = replay.request(calls, at=NOW - timedelta(hours=2), workload="W-01", file_digest=replay.digest(data))
    spans, bad = otlp.spans(message.SerializeToString(), otlp.PROTOBUF)
    reading = records.from_spans(spans, FRAME)
    assert (bad, reading.rejections) == ([], [])
    assert len({record.record_id for record in reading.records}) == 8_819
    assert sum(record.tokens_in or 0 for record in reading.records) == 18_059_974
    assert sum(record.tokens_out or 0 for record in reading.records) == 245_896
