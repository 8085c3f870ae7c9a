"""TEL-2 and OFREP with the clients that people really use, unmodified, over a socket; and ``manage.py replay``."""

import io
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Count, Sum
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from apps.budgets.models import UsageReport
from apps.budgets.reported import actions as reported
from apps.rollouts import actions
from apps.telemetry.models import Action
from portal.local import paths
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import counters, gated, held
from tests.clients.server import served
from tests.isolation.populate import populate
from tests.world import SETUP, World

AZURE = paths.PROJECT_ROOT.parent / "shared" / "data" / "azure_llm_code.csv"


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_the_opentelemetry_exporter(live_world: World, compression: Compression) -> None:
    """Its span names a call that was held, so that the record settles it (COST-4)."""
    gated(live_world)
    hold = held(live_world)
    token = live_world.token("telemetry")
    with served() as address:
        exporter = OTLPSpanExporter(
            f"{address}/v1/traces", headers={"Authorization": f"Bearer {token}"}, compression=compression
        )
        provider = TracerProvider(resource=Resource({"service.name": "W-01"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("test").start_as_current_span("chat") as span:
            span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 11})
            span.set_attributes({"gen_ai.usage.output_tokens": 7})
            span.set_attributes({"causeway.request_id": str(hold.request_id), "causeway.attempt": 1})
        provider.shutdown()
    with tenant_transaction(live_world.tenant.id):
        assert Action.objects.get().tokens_in == 11
        waiting = UsageReport.objects.get()
    reported.settle_reported(tenant_id=live_world.tenant.id, ids=[waiting.id], now=datetime.now(UTC))
    assert counters(live_world) == (18, 0)


def test_the_openfeature_provider(live_world: World) -> None:
    ours, _ = populate(live_world)
    token = live_world.token("decide")
    with served() as address:
        provider = OFREPProvider(address, headers_factory=lambda: {"Authorization": f"Bearer {token}"})
        api.set_provider(provider)
        client = api.get_client()
        found = [
            client.get_object_details("W-77", {"handler": "default"}, EvaluationContext(f"user-{number}"))
            for number in range(200)
        ]
        assert {details.error_code for details in found} == {None}
        assert {details.value["handler"] for details in found} == {"agent", "fallback"}
        with tenant_transaction(live_world.tenant.id):
            actions.roll_back(rollout=ours.rollout, actor=SETUP, now=datetime.now(UTC), reason="rude")
        time.sleep(1.0)
        after = {client.get_object_value("W-77", {}, EvaluationContext(f"user-{n}"))["handler"] for n in range(200)}
        assert after == {"fallback"}
        missing = client.get_object_details("W-99", {"handler": "default"}, EvaluationContext("u"))
        assert missing.value == {"handler": "default"}
        api.shutdown()


def replay(file: Path, address: str, at: datetime) -> str:
    out = io.StringIO()
    options = {"workload": "W-01", "tenant": "acme", "at": at, "url": address, "stdout": out, "stderr": out}
    call_command("replay", file, **options)
    return out.getvalue()


def totals(world: World) -> tuple[int, int, int]:
    with tenant_transaction(world.tenant.id):
        found = Action.objects.aggregate(n=Count("record_id"), i=Sum("tokens_in"), o=Sum("tokens_out"))
    return found["n"], found["i"], found["o"]


def test_a_replay_twice_adds_nothing(live_world: World, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    rows = [f"2023-11-16 18:17:03.97996{n}0,{100 + n},{n}" for n in range(8)]
    file.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]))
    at = datetime.now(UTC) - timedelta(hours=1)
    with served() as address:
        assert replay(file, address, at).startswith("8 actions, 828 tokens in, 28 tokens out")
        replay(file, address, at)
    assert totals(live_world) == (8, 828, 28)


@pytest.mark.skipif(not AZURE.exists(), reason="the recorded production trace isn't on this machine")
def test_a_recorded_hour_of_production_calls(live_world: World) -> None:
    at = datetime.now(UTC) - timedelta(hours=2)
    with served() as address:
        replay(AZURE, address, at)
        replay(AZURE, address, at)
    assert totals(live_world) == (8_819, 18_059_974, 245_896)
