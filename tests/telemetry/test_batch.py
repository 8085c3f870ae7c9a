"""TEL-2: our own JSON batch; a bad record is rejected alone."""

from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.telemetry import batch
from apps.telemetry.records import Reading, record_id
from portal.errors import Invalid
from tests.telemetry.spans import FRAME, NOW

GOOD = {"id": "a-1", "workload": "W-01", "started_at": NOW.isoformat(), "latency_ms": 80}


def read(*items: Any) -> Reading:
    return batch.read({"records": list(items)}, FRAME)


def test_a_record_with_what_it_says() -> None:
    (record,) = read(GOOD | {"tokens_in": 12, "cost": "0.5", "outcome": "error", "tenant": "acme"}).records
    assert (record.record_id, record.request_id) == (record_id("json", "a-1"), "a-1")
    assert (record.started_at, record.latency_ms, record.outcome) == (NOW, 80.0, "error")
    assert (record.tokens_in, record.tokens_out, record.cost) == (12, None, Decimal("0.5"))


def test_an_id_of_ours_is_never_that_of_a_span() -> None:
    assert record_id("json", "a-1") != record_id("a-1")


def test_every_instant_is_kept_in_utc() -> None:
    """Partitions and minutes are those of UTC, whatever the sender's clock says."""
    (record,) = read(GOOD | {"started_at": "2026-11-20T01:30:00+05:30"}).records
    assert record.started_at.isoformat() == "2026-11-19T20:00:00+00:00" and record.started_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"operation": "chat"}, "unknown field 'operation'"),
        ({"id": ""}, "it needs an id of its own, 200 characters at most, by which a repeat is seen"),
        ({"id": "x" * 201}, "id has over 200 characters"),
        ({"id": "\ud800"}, "id holds half a character"),
        ({"id": ["a"]}, "id is a list and wants a single value"),
        ({"workload": None}, "it names no workload: set causeway.workload, gen_ai.workflow.name or service.name"),
        ({"started_at": "yesterday"}, "started_at wants an ISO 8601 instant with its offset"),
        ({"started_at": 1700000000}, "started_at wants an ISO 8601 instant with its offset, as a text"),
        ({"started_at": "2026-11-20T12:00:00"}, "started_at has no offset from UTC"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at is out of range"),
        ({"started_at": (NOW + timedelta(hours=1)).isoformat()}, "it starts more than 5 minutes ahead of our clock"),
        ({"latency_ms": "80"}, "latency_ms wants a number of milliseconds"),
        ({"latency_ms": 10**400}, "latency_ms is out of range"),
        ({"latency_ms": float("nan")}, "its latency is negative or over a day"),
        ({"latency_ms": -1}, "its latency is negative or over a day"),
        ({"tenant": "umbra"}, "it claims the tenant 'umbra', which the token isn't of"),
    ],
)
def test_a_bad_record_is_rejected_alone_with_its_place(change: dict[str, Any], reason: str) -> None:
    reading = read(GOOD, GOOD | change, GOOD | {"id": "a-3"})
    assert [(record.index, record.request_id) for record in reading.records] == [(0, "a-1"), (2, "a-3")]
    assert [(rejection.index, rejection.reason) for rejection in reading.rejections] == [(1, reason)]


def test_what_is_no_object_is_rejected_alone() -> None:
    reading = read(None, 5, "x", [], GOOD)
    assert len(reading.records) == 1 and [r.reason for r in reading.rejections] == ["it is no object"] * 4


@pytest.mark.parametrize("document", [None, [], {}, {"records": {}}, {"records": [GOOD] * 1001}])
def test_what_is_no_batch_is_refused_whole(document: Any) -> None:
    with pytest.raises(Invalid, match="at most 1000 records"):
        batch.read(document, FRAME)
    assert batch.read({"records": []}, FRAME) == Reading()
    assert len(read(*[GOOD] * 1000).records) == 1000


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(st.dictionaries(st.sampled_from(sorted(batch.KNOWN)), VALUES))
def test_no_values_raise_anything(change: dict[str, Any]) -> None:
    reading = read(GOOD, GOOD | change)
    assert len(reading.records) + len(reading.rejections) == 2
    assert reading.records[0].index == 0
