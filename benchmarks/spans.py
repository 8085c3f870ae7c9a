"""Spans made durable: OTLP over HTTP, and the ingest alone, beside a raw COPY of the same rows into a plain table."""

import gzip
import itertools
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from apps.telemetry import ingest, otlp, records
from benchmarks import database, load, server
from benchmarks.data import Plot
from benchmarks.measure import Effort, Result, beside, in_turns
from portal.actor import Actor

BATCH = 512
CONNECTIONS = 4
_ACTOR = Actor(kind="service", id=None, label="benchmark", scopes=frozenset({"telemetry"}))


def run(plot: Plot, effort: Effort) -> Result:
    # Every turn needs spans that nobody has seen.
    turns = itertools.count()
    bodies = [[_body(plot, turn) for _ in range(effort.batches)] for turn in range(3 * effort.repeats)]
    warm = [_body(plot, 0) for _ in range(CONNECTIONS)]
    token = plot.token("telemetry")
    with server.served("portal.wsgi:application") as port, database.owner() as connection:
        connection.execute("create table bare_action (like telemetry_action)")
        connection.execute("create table keyed_action (like telemetry_action including indexes)")
        load.once(port, _requests(warm, token), CONNECTIONS)
        _ingest(plot, warm)
        http, whole, store, copy, keyed = in_turns(
            effort.repeats,
            lambda: _over_http(port, token, bodies[next(turns)]),
            lambda: _ingest(plot, bodies[next(turns)]),
            lambda: _store(plot, bodies[next(turns)]),
            lambda: _copy(connection, "bare_action", effort.batches),
            lambda: _copy(connection, "keyed_action", effort.batches),
        )
        _check(connection, BATCH * (effort.batches * 3 * effort.repeats + CONNECTIONS))
    conditions = [
        f"batches of {BATCH} spans, gzip protobuf, 14 attributes a span, each span new; synchronous commit",
        f"over HTTP: {server.CONDITION}; {CONNECTIONS} connections, {effort.batches} batches a repeat",
        "floor: COPY FROM STDIN of the same columns, a transaction a batch, as owner, into a table without policies, "
        "keys or indexes; values come ready as Python objects",
    ]
    measures = [
        beside("spans over HTTP, durable", "/s", http, copy, at_least=0.3),
        beside("the same in-process (decode, read, store)", "/s", whole, copy),
        beside("storing alone, records ready", "/s", store, copy),
        beside("COPY into a table with the same key and indexes", "/s", keyed, copy),
    ]
    return Result("OTLP spans", effort.repeats, conditions, measures)


def _over_http(port: int, token: str, bodies: list[bytes]) -> float:
    done = load.once(port, _requests(bodies, token), CONNECTIONS)
    return len(bodies) * BATCH / done.seconds


def _requests(bodies: list[bytes], token: str) -> list[bytes]:
    return [load.post("/v1/traces", body, token, otlp.PROTOBUF, "gzip") for body in bodies]


def _ingest(plot: Plot, bodies: list[bytes]) -> float:
    """What the view does, without HTTP and without looking the token up."""
    started = time.perf_counter()
    for body in bodies:
        _keep(plot, _read(plot, body))
    return len(bodies) * BATCH / (time.perf_counter() - started)


def _store(plot: Plot, bodies: list[bytes]) -> float:
    readings = [_read(plot, body) for body in bodies]
    started = time.perf_counter()
    for reading in readings:
        _keep(plot, reading)
    return len(bodies) * BATCH / (time.perf_counter() - started)


def _read(plot: Plot, body: bytes) -> records.Reading:
    now = datetime.now(UTC)
    frame = records.Frame(tenant=plot.tenant.slug, now=now, oldest=now - timedelta(days=1))
    inflated = otlp.inflate(body, "gzip", settings.TELEMETRY_BODY_LIMIT)
    return records.from_spans(otlp.spans(inflated, otlp.PROTOBUF)[0], frame)


def _keep(plot: Plot, reading: records.Reading) -> None:
    now = datetime.now(UTC)
    ingest.store(tenant_id=plot.tenant.id, reading=reading, actor=_ACTOR, source="otlp", now=now)


def _copy(connection: Any, table: str, batches: int) -> float:
    """The floor, on rows that were stored before."""
    columns = ", ".join(["tenant_id", "received_at", *ingest._COLUMNS])
    rows = connection.execute(f"select {columns} from telemetry_action limit %s", [batches * BATCH]).fetchall()
    connection.execute(f"truncate {table}")
    started = time.perf_counter()
    for start in range(0, len(rows), BATCH):
        with connection.cursor().copy(f"copy {table} ({columns}) from stdin") as copy:
            for row in rows[start : start + BATCH]:
                copy.write_row(row)
    return len(rows) / (time.perf_counter() - started)


def _check(connection: Any, expected: int) -> None:
    """A batch that was refused or known would have been fast for nothing."""
    stored = connection.execute("select count(*) from telemetry_action").fetchone()[0]
    if stored < expected:
        raise load.Broken(f"{stored} spans are stored, and {expected} were sent")


def _body(plot: Plot, turn: int) -> bytes:
    """A batch as an exporter sends it, from both arms of the rollout."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(_pairs({"service.name": "support-chat", "service.version": "1.1"}))
    spans = group.scope_spans.add().spans
    start = time.time_ns() - 10**9
    for number in range(BATCH):
        spans.add(
            trace_id=secrets.token_bytes(16),
            span_id=secrets.token_bytes(8),
            name="chat",
            start_time_unix_nano=start + number,
            end_time_unix_nano=start + (300 + number) * 1_000_000,
            attributes=_pairs(_attributes(plot, turn, number)),
        )
    return gzip.compress(request.SerializeToString(), 6)


def _attributes(plot: Plot, turn: int, number: int) -> dict[str, str | int | float]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "sonnet-4.5",
        "gen_ai.response.model": "sonnet-4.5",
        "gen_ai.usage.input_tokens": 1_200 + number,
        "gen_ai.usage.output_tokens": 90 + number,
        "gen_ai.usage.cost.amount": 0.0123,
        "gen_ai.usage.cost.currency": "USD",
        "causeway.workload": plot.workload.key,
        "causeway.user": f"user-{number % 50}",
        "causeway.unit": f"unit-{turn}-{number % 100}",
        "causeway.rollout.id": str(plot.rollout.id),
        "causeway.rollout.arm": "control" if number % 2 else "agent",
        "causeway.rollout.phase": plot.rollout.step,
    }


def _pairs(attributes: dict[str, str | int | float]) -> list[KeyValue]:
    kinds = {str: "string_value", int: "int_value", float: "double_value"}
    return [
        KeyValue(key=key, value=AnyValue(**{kinds[type(value)]: value}))  # type: ignore[arg-type]
        for key, value in attributes.items()
    ]
