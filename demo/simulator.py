"""Traffic for the demo: asks who answers each unit, and sends OTLP for agent and control units exactly as told.

Where an agent answers it asks dispatch for the hold, "calls" the model within the limit that it got, and settles what
the call used. A few agent calls a second are enough: with a larger share fewer units come.

It knows nothing of rollouts but what the decisions say: workload, arm, version, share. One workload's agent turns
bad at 25 %; ``--swap`` gives its faults to the other one. A third one makes no more errors than ever, but from 10 %
on its users begin to re-check what it says. Uses only HTTP, like any agent runtime would.
"""

import argparse
import gzip
import http.client
import json
import math
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from portal.local import paths

POPULATION = 40_000
PER_SECOND = 100
CALLS_PER_SECOND = 8


@dataclass(frozen=True)
class Faults:
    """How often an agent fails and how often its users re-check it, and from which share on how much oftener."""

    error: float = 0.004
    rechecked: float = 0.03
    bad_from_share: float = 101.0
    bad_error: float = 0.004
    bad_rechecked: float = 0.03


HEALTHY = Faults()
TURNS_BAD = Faults(bad_from_share=25.0, bad_error=0.30)
LOSES_TRUST = Faults(bad_from_share=10.0, bad_rechecked=0.35)
# Of those who take an answer as it is, how many the application says so of.
HEARD = 0.1


class Portal:
    """One keep-alive connection to the portal, made anew when it breaks."""

    def __init__(self, base_url: str, token: str) -> None:
        self._where, self._token = urlsplit(base_url), token
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        connection = self._connection or http.client.HTTPConnection(
            self._where.hostname or "127.0.0.1", self._where.port or 80, timeout=10
        )
        self._connection = None
        connection.request("POST", path, body, {"Authorization": f"Bearer {self._token}", **headers})
        answer = connection.getresponse()
        found = answer.status, answer.read()
        self._connection = connection
        return found

    def decide(self, workload: str, unit: str) -> dict[str, Any]:
        body = json.dumps({"context": {"targetingKey": unit}}).encode()
        status, answer = self.post(f"/ofrep/v1/evaluate/flags/{workload}", body, **{"Content-Type": "application/json"})
        if status != 200:
            raise ValueError(f"{workload} is answered with {status}: {answer[:200]!r}")
        return dict(json.loads(answer)["value"])

    def dispatch(self, workload: str, unit: str, input_tokens: int) -> dict[str, Any]:
        """The hold for one call, or why there is none; 402 is an answer like any other."""
        wanted = {"workload": workload, "user": unit, "input_tokens": input_tokens, "max_output_tokens": 400}
        return self._said("/api/v1/dispatch", wanted, 200, 402)

    def settle(self, reservation: str, span: Span) -> None:
        """What the call used, as its span says."""
        used = {a.key: a.value.int_value for a in span.attributes if a.key.startswith("gen_ai.usage.")}
        said = {
            "reservation": reservation,
            "input_tokens": used["gen_ai.usage.input_tokens"],
            "output_tokens": used["gen_ai.usage.output_tokens"],
        }
        self._said("/api/v1/settle", said, 200)

    def _said(self, path: str, document: dict[str, Any], *expected: int) -> dict[str, Any]:
        status, answer = self.post(path, json.dumps(document).encode(), **{"Content-Type": "application/json"})
        if status not in expected:
            raise ValueError(f"{path} answers {status}: {answer[:200]!r}")
        return dict(json.loads(answer))

    def export(self, spans: list[Span]) -> None:
        message = ExportTraceServiceRequest()
        scope = message.resource_spans.add().scope_spans.add()
        scope.spans.extend(spans)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        self.post("/v1/traces", gzip.compress(message.SerializeToString(), 1), **headers)

    def react(self, tenant: str, workload: str, reactions: list[dict[str, str]]) -> None:
        """What users did with their answers."""
        if reactions:
            body = json.dumps({"reactions": reactions}).encode()
            path = f"/api/v1/t/{tenant}/workloads/{workload}/reactions"
            self.post(path, body, **{"Content-Type": "application/json"})


def run(portal: Portal, tenant: str, workload: str, faults: Faults, stop: threading.Event, seed: int) -> None:
    """One workload's traffic: a batch a second, until told to stop."""
    rng = random.Random(seed)
    while not stop.is_set():
        began = time.monotonic()
        try:
            _second(portal, rng, tenant, workload, faults)
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"{workload}: {error}", file=sys.stderr, flush=True)
        stop.wait(max(0.0, 1.0 - (time.monotonic() - began)))


def _second(portal: Portal, rng: random.Random, tenant: str, workload: str, faults: Faults) -> None:
    """A second's units: those in an arm send their record, agents' calls are settled, and some users react."""
    answered = _answered(portal, rng, workload)
    spans = [_span(rng, unit, decision, faults) for unit, decision in answered]
    portal.export(spans)
    for (_, decision), span in zip(answered, spans, strict=True):
        if decision.get("reservation"):
            portal.settle(decision["reservation"]["id"], span)
    said = [_reaction(rng, unit, decision, faults) for unit, decision in answered]
    portal.react(tenant, workload, [each for each in said if each is not None])


def _answered(portal: Portal, rng: random.Random, workload: str) -> list[tuple[str, dict[str, Any]]]:
    """Units in an arm with what was decided, until so many agents answer or everybody has asked."""
    found: list[tuple[str, dict[str, Any]]] = []
    calls = 0
    for _ in range(PER_SECOND):
        unit = f"user-{rng.randrange(POPULATION)}"
        decision = {**portal.decide(workload, unit), "request_id": f"req-{rng.getrandbits(64):016x}"}
        if decision["handler"] == "agent":
            decision |= _held(portal, rng, workload, unit)
            calls += 1
        if decision["arm"] in {"agent", "control"}:
            found.append((unit, decision))
        if calls >= CALLS_PER_SECOND:
            break
    return found


def _held(portal: Portal, rng: random.Random, workload: str, unit: str) -> dict[str, Any]:
    """What dispatch adds to a decision, or puts in its place where everything has moved on meanwhile."""
    asked = rng.randrange(300, 900)
    body = portal.dispatch(workload, unit, asked)
    names = ("request_id", "handler", "version", "arm", "model", "max_output_tokens", "reservation")
    # A refused call has no record: its unit got the fallback.
    arm = body["arm"] if body["reservation"] else "none"
    return {**{name: body[name] for name in names}, "arm": arm, "input_tokens": asked}


def _is_bad(decision: dict[str, Any], faults: Faults) -> bool:
    return bool(decision["arm"] == "agent" and decision["share"] >= faults.bad_from_share)


def _reaction(rng: random.Random, unit: str, decision: dict[str, Any], faults: Faults) -> dict[str, str] | None:
    """What the user does with the answer, if their application hears of it."""
    rechecked = rng.random() < (faults.bad_rechecked if _is_bad(decision, faults) else faults.rechecked)
    if not rechecked and rng.random() > HEARD:
        return None
    return {"request_id": decision["request_id"], "kind": "rechecked" if rechecked else "used", "user": unit}


def _span(rng: random.Random, unit: str, decision: dict[str, Any], faults: Faults) -> Span:
    """What the handler that the decision named does with this unit."""
    bad = _is_bad(decision, faults)
    failed = rng.random() < (faults.bad_error if bad else faults.error)
    tokens_in = decision.get("input_tokens") or rng.randrange(300, 900)
    tokens_out = min(rng.randrange(80, 240), decision.get("max_output_tokens") or 240)
    latency_ms = 600 * math.exp(rng.gauss(0, 0.3))
    now = time.time_ns()
    facts: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": decision["model"] or "none",
        "gen_ai.usage.input_tokens": tokens_in,
        "gen_ai.usage.output_tokens": tokens_out,
        "gen_ai.usage.cost": round(tokens_in * 3e-6 + tokens_out * 15e-6, 8),
        "causeway.workload": decision["workload"],
        "causeway.version": decision["version"],
        "causeway.request_id": decision["request_id"],
        "causeway.attempt": 1,
        "causeway.unit": unit,
        "causeway.user": unit,
        "causeway.rollout.id": decision["rollout"],
        "causeway.rollout.arm": decision["arm"],
        "causeway.rollout.phase": decision["phase"],
        "causeway.validator.judged": True,
        "causeway.validator.flagged": rng.random() < 0.004,
        "causeway.outcome": "error" if failed else "ok",
    }
    return Span(
        trace_id=rng.randbytes(16),
        span_id=rng.randbytes(8),
        name="chat",
        start_time_unix_nano=now - int(latency_ms * 1e6),
        end_time_unix_nano=now,
        attributes=[KeyValue(key=key, value=_value(value)) for key, value in facts.items()],
    )


def _value(value: str | int | float | bool) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=value)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", default="http://127.0.0.1:8000")
    parser.add_argument("--tokens", type=Path, default=paths.state_dir() / "demo-tokens.json")
    parser.add_argument("--tenant", default="meridian")
    parser.add_argument("--swap", action="store_true", default=os.environ.get("SWAP_FAULTS", "") == "1")
    options = parser.parse_args(arguments)
    token = json.loads(options.tokens.read_text())[options.tenant]
    first, second = (TURNS_BAD, HEALTHY) if options.swap else (HEALTHY, TURNS_BAD)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    seed = int(time.time())
    threads = [
        threading.Thread(
            target=run,
            args=(Portal(options.base_url, token), options.tenant, workload, faults, stop, seed + place),
        )
        for place, (workload, faults) in enumerate((("W-01", first), ("W-02", second), ("W-03", LOSES_TRUST)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
