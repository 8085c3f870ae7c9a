"""TEL-1, TEL-2, WORK-2: OTLP and JSON in; each record once, a bad one alone, durable before the answer."""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from apps.telemetry import replay
from apps.telemetry.models import Action, MinuteSummary, RejectedRecord
from apps.workloads import actions as workloads
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.world import SETUP, World

START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)


def span(number: int, **attributes: Any) -> dict[str, Any]:
    start = int(START.timestamp() * 1e9) + number * 1_000_000
    return {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": "chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": start + 250_000_000,
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "causeway.workload", "value": {"stringValue": "W-01"}},
            *({"key": key.replace("__", "."), "value": _any(value)} for key, value in attributes.items()),
        ],
    }


def _any(value: Any) -> dict[str, Any]:
    kinds: dict[type, str] = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return {kinds[type(value)]: value}


def body(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}], "unknown": 1}]}).encode()


def send(raw: bytes, token: str, kind: str = "application/json", encoding: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Encoding": encoding} if encoding else {})
    return Client().post("/v1/traces", raw, content_type=kind, headers=headers)


def count(world: World) -> tuple[int, int]:
    """Action rows, and what the summaries say."""
    with tenant_transaction(world.tenant.id):
        return Action.objects.count(), sum(MinuteSummary.objects.values_list("n", flat=True))


def test_a_span_becomes_an_action_with_its_tokens(world: World) -> None:
    answer = send(
        body(span(0, gen_ai__usage__input_tokens=12, gen_ai__usage__output_tokens=7, user__id="ann")),
        world.token("telemetry"),
    )
    assert (answer.status_code, answer.json()) == (200, {})
    with tenant_transaction(world.tenant.id):
        action = Action.objects.get()
        assert (action.tokens_in, action.tokens_out, action.latency_ms) == (12, 7, 250.0)
        assert action.user_key and "ann" not in action.user_key
        summary = MinuteSummary.objects.get()
        assert (summary.n, summary.tokens_in, summary.usage_missing) == (1, 12, 0)


def test_repeats_are_counted_once_whole_or_in_part(world: World) -> None:
    token = world.token("telemetry")
    send(body(span(0), span(1)), token)
    send(body(span(1), span(2), span(2)), token)
    assert count(world) == (3, 3)


def test_one_bad_span_among_five_hundred_is_rejected_alone(world: World) -> None:
    spans = [span(n) for n in range(499)]
    bad = span(600, gen_ai__usage__input_tokens="many")
    answer = send(body(*spans[:250], bad, *spans[250:]), world.token("telemetry")).json()["partialSuccess"]
    assert answer["rejectedSpans"] == "1"
    assert "'many'" in answer["errorMessage"] and f"{601:016x}" in answer["errorMessage"]
    assert count(world) == (499, 499)
    with tenant_transaction(world.tenant.id):
        kept = RejectedRecord.objects.get()
        assert "gen_ai.usage.input_tokens" in kept.attributes and "many" not in kept.attributes


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_protobuf_in_each_encoding_is_answered_in_protobuf(world: World, encoding: str) -> None:
    call = replay.Row(0, timedelta(0), 5, 6)
    message = replay.request([call], at=START, workload="W-01", file_digest=encoding.encode()).SerializeToString()
    packed = {"": message, "gzip": gzip.compress(message), "deflate": zlib.compress(message)}[encoding]
    answer = send(packed, world.token("telemetry"), "application/x-protobuf", encoding)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    assert count(world) == (1, 1)


def test_only_leaf_inference_spans_count(world: World) -> None:
    """Agent spans, and calls with a call below them, carry sums."""
    outer, inner, agent = span(0), span(1), span(2)
    inner["traceId"] = agent["traceId"] = outer["traceId"]
    inner["parentSpanId"], outer["parentSpanId"] = outer["spanId"], agent["spanId"]
    agent["attributes"][0]["value"] = {"stringValue": "invoke_agent"}
    send(body(outer, inner, agent), world.token("telemetry"))
    assert count(world) == (1, 1)


def test_missing_usage_is_missing_and_said(world: World) -> None:
    answer = send(body(span(0, gen_ai__request__stream=True)), world.token("telemetry")).json()["partialSuccess"]
    assert answer["rejectedSpans"] == "0" and "include_usage" in answer["errorMessage"]
    with tenant_transaction(world.tenant.id):
        assert Action.objects.get().tokens_out is None
        assert MinuteSummary.objects.get().usage_missing == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"causeway__tenant": "umbra"}, "claims the tenant"),
        ({"causeway__workload": "W-99"}, "no workload 'W-99'"),
        ({"causeway__outcome": "splendid"}, "outcome"),
        ({"gen_ai__usage__cost": "NaN"}, "cost"),
        ({"causeway__unit": "x" * 201}, "over 200 characters"),
    ],
)
def test_what_a_span_may_not_say(world: World, change: dict[str, Any], reason: str) -> None:
    bad = span(0, **change)
    bad["attributes"] = bad["attributes"][::-1]
    if "causeway__workload" in change:
        bad["attributes"] = [a for a in bad["attributes"] if a["value"].get("stringValue") != "W-01"]
    answer = send(body(bad, span(1)), world.token("telemetry")).json()["partialSuccess"]
    assert answer["rejectedSpans"] == "1" and reason in answer["errorMessage"]
    assert count(world) == (1, 1)


def test_times_outside_the_window_are_rejected_alone(world: World) -> None:
    late, early = span(0), span(1)
    late["startTimeUnixNano"] = late["endTimeUnixNano"] = int(
        (datetime.now(UTC) + timedelta(minutes=10)).timestamp() * 1e9
    )
    early["startTimeUnixNano"] = early["endTimeUnixNano"] = int((START - timedelta(days=40)).timestamp() * 1e9)
    answer = send(body(late, early, span(2)), world.token("telemetry")).json()["partialSuccess"]
    assert answer["rejectedSpans"] == "2"
    assert "5 minutes ahead" in answer["errorMessage"] and "still kept" in answer["errorMessage"]
    assert count(world) == (1, 1)


def test_what_cannot_be_read_at_all_is_refused_with_a_reason(world: World) -> None:
    token = world.token("telemetry")
    assert send(b"{", token).status_code == 400
    assert send(b'{"resourceSpans": NaN}', token).status_code == 400
    assert send(b"\xff\xff", token, "application/x-protobuf").status_code == 400
    assert send(b"x", token, "text/plain").status_code == 415
    assert send(b"x", token, encoding="br").status_code == 415
    assert send(b"not gzip", token, encoding="gzip").status_code == 400
    assert count(world) == (0, 0)


def test_a_bomb_is_refused_after_decompression(world: World, settings: Any) -> None:
    settings.TELEMETRY_BODY_LIMIT = 100_000
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    assert send(bomb, world.token("telemetry"), encoding="gzip").status_code == 413


def test_the_credential_decides(world: World) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    expired = world.token("telemetry", expires_at=past)
    assert send(body(span(0)), "nonsense").status_code == 401
    refused = send(body(span(0)), expired)
    assert refused.status_code == 401 and "expired" in refused.json()["message"]
    assert send(body(span(0)), world.token("decide")).status_code == 403
    assert Client().post("/v1/traces", body(span(0)), content_type="application/json").status_code == 401
    assert send(body(span(0)), world.token("telemetry", workload_ids=[world.foreign.id])).json() != {}
    assert count(world) == (0, 0)


def test_an_action_without_authority_is_counted_and_alerts_once(world: World) -> None:
    """WORK-2: deny by default; over the limit, or in another currency, is outside too."""
    token = world.token("telemetry")
    refund = {"causeway__action__kind": "refund", "causeway__action__currency": "EUR"}
    with tenant_transaction(world.tenant.id):
        grant = workloads.grant_authority(
            workload=world.workload,
            action_kind="refund",
            limit_amount=Decimal("50.00"),
            currency="EUR",
            authority=world.alice,
            reason="small refunds",
            actor=SETUP,
        )
        type(grant).objects.filter(id=grant.id).update(created_at=START - timedelta(days=1))
    send(body(span(0, **refund, causeway__action__amount=49.5)), token)
    send(body(span(1, **refund, causeway__action__amount=50.01), span(2, **refund)), token)
    send(body(span(3, causeway__action__kind="deletion")), token)
    with tenant_transaction(world.tenant.id):
        rows = Action.objects.order_by("started_at").values_list("unauthorised", "authority_id")
        assert list(rows) == [(False, grant.id), (True, None), (True, None), (True, None)]
        assert MinuteSummary.objects.get().unauthorised == 3
        assert OutboxMessage.objects.filter(topic="alert.raise").count() == 2


def test_the_json_batch_takes_the_same_records(world: World) -> None:
    record = {"id": "a-1", "workload": "W-01", "started_at": START.isoformat(), "latency_ms": 80, "outcome": "error"}
    records = [record, record, {**record, "id": "a-2", "colour": "red"}, {**record, "id": ""}]
    answer = Client().post(
        "/api/v1/t/acme/actions",
        {"records": records},
        content_type="application/json",
        headers={"Authorization": f"Bearer {world.token('telemetry')}"},
    )
    assert answer.status_code == 200
    assert (answer.json()["new"], answer.json()["known"]) == (1, 1)
    assert [(r["index"], r["reason"][:21]) for r in answer.json()["rejected"]] == [
        (2, "unknown field 'colour"),
        (3, "it needs an id of its"),
    ]
    assert count(world) == (1, 1)


def test_the_units_of_each_arm_are_counted_once_and_crossings_seen(world: World) -> None:
    rollout = "0193e0a0-0000-7000-8000-000000000001"
    arms = [("u1", "agent"), ("u1", "agent"), ("u2", "control"), ("u1", "control")]
    spans = [
        span(n, causeway__rollout__id=rollout, causeway__rollout__arm=arm, causeway__unit=unit)
        for n, (unit, arm) in enumerate(arms)
    ]
    token = world.token("telemetry")
    for each in spans:
        send(body(each), token)
    with tenant_transaction(world.tenant.id):
        rows = {s.arm: (s.n, s.units, s.crossed) for s in MinuteSummary.objects.all()}
    assert rows == {"agent": (2, 1, 0), "control": (2, 2, 1)}


def test_an_exports_bytes_never_cause_a_fault_of_ours(world: World) -> None:
    token = world.token("telemetry")
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.add(name="a log record, really")
    raw = message.SerializeToString()
    answer = send(raw, token, "application/x-protobuf")
    assert answer.status_code == 200
    assert "/v1/logs" in ExportTraceServiceResponse.FromString(answer.content).partial_success.error_message
    for cut in range(1, len(raw), 3):
        assert send(raw[:cut], token, "application/x-protobuf").status_code in {200, 400}


def test_a_record_refused_late_is_named_by_its_place_in_what_was_sent(world: World) -> None:
    known = {"id": "a-1", "workload": "W-01", "started_at": START.isoformat(), "latency_ms": 80}
    answer = Client().post(
        "/api/v1/t/acme/actions",
        {"records": [{"id": "unread"}, known, {**known, "id": "a-2", "workload": "W-99"}]},
        content_type="application/json",
        headers={"Authorization": f"Bearer {world.token('telemetry')}"},
    )
    assert [r["index"] for r in answer.json()["rejected"]] == [0, 2]
    assert count(world) == (1, 1)


def test_what_the_database_would_not_take_is_rejected_alone_or_rounded(world: World) -> None:
    """Else the whole batch fails for good, while the exporter is told to try again."""
    odd = [span(0, causeway__unit="\ud800"), span(1, gen_ai__usage__cost=1e8), span(2, gen_ai__usage__cost="1e-999999")]
    answer = send(body(*odd, span(3)), world.token("telemetry"))
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "2"
    assert count(world) == (2, 2)
