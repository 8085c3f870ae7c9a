"""Single evaluations over OFREP, beside a view that does nothing, under the same server and the same requests."""

import json

from benchmarks import load, server
from benchmarks.data import Plot
from benchmarks.measure import Effort, Measure, Result, beside, in_turns

CONNECTIONS = 16
UNITS = 1_000
WARM_UP = 1.0


def run(plot: Plot, effort: Effort) -> Result:
    token = plot.token("decide")
    requests = [_request(token, plot.workload.key, f"unit-{number}") for number in range(UNITS)]
    with (
        server.served("portal.wsgi:application") as ours,
        server.served("benchmarks.floor.wsgi:application") as floor,
    ):
        for port in (ours, floor):
            load.for_seconds(port, requests, WARM_UP, CONNECTIONS)
        measure = _measure(requests, ours, floor, effort)
    conditions = [
        server.CONDITION,
        f"{CONNECTIONS} connections, {UNITS} units, one rollout at 5 % beside a version in service",
        "the floor gets the same requests, reads no body and answers one constant JSON object",
        "load generator, both servers and PostgreSQL share the machine's cores; the sides take turns",
    ]
    return Result("OFREP single evaluations", effort.repeats, conditions, [measure])


def _measure(requests: list[bytes], ours: int, floor: int, effort: Effort) -> Measure:
    loads: dict[int, list[load.Load]] = {ours: [], floor: []}

    def side(port: int) -> float:
        loads[port].append(load.for_seconds(port, requests, effort.seconds, CONNECTIONS))
        return loads[port][-1].per_second

    rates = in_turns(effort.repeats, lambda: side(ours), lambda: side(floor))
    times = {
        f"{name}_{what}_ms": [round(getattr(one, what), 2) for one in loads[port]]
        for name, port in (("ours", ours), ("floor", floor))
        for what in ("p50", "p99")
    }
    return beside("evaluations", "/s", *rates, at_least=0.5, details=times)


def _request(token: str, key: str, unit: str) -> bytes:
    body = json.dumps({"context": {"targetingKey": unit, "country": "DE", "plan": "pro"}}).encode()
    return load.post(f"/ofrep/v1/evaluate/flags/{key}", body, token, "application/json")
