"""Paging: one pass among a hundred thousand open alerts, from a trigger to its first delivery, alerts coming in."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import Any

import psycopg
from django.utils import timezone

from apps.ownership.alerts import climb, pager
from apps.ownership.alerts.actions import Signal, trigger
from apps.ownership.alerts.inbound import integrations
from apps.ownership.models import Alert, Channel, Notification
from apps.ownership.models.alerts import Source
from apps.ownership.models.channels import ChannelKind
from benchmarks import database, load, server
from benchmarks.data import Plot, copy
from benchmarks.measure import Effort, Measure, Result
from portal.local import paths
from portal.local.services import environment
from portal.models import OutboxMessage
from portal.secrets import seal
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.receiver import Receiver, receiver

FEW, MANY, DUE = 1_000, 100_000, 500
TRIGGERS, A_SECOND = 200, 20
CONNECTIONS = 4


def run(plots: list[Plot], effort: Effort) -> list[Result]:
    sources = {plot.tenant.id: _reachable(plot) for plot in plots}
    with database.owner() as connection:
        few = [_pass(connection, plots, sources, FEW) for _ in range(effort.repeats + 1)][1:]
        _forget_messages(connection)
        delivered = _delivery(plots[0], effort)
        many = [_pass(connection, plots, sources, MANY) for _ in range(effort.repeats + 1)][1:]
        _clear(connection)
        inbound = _inbound(connection, plots[0], effort)
    return [_passes(plots, few, many, effort), delivered, inbound]


def _passes(plots: list[Plot], few: list[tuple[float, int]], many: list[tuple[float, int]], effort: Effort) -> Result:
    seconds = [took for took, _ in many]
    statements = {FEW: max(n for _, n in few), MANY: max(n for _, n in many)}
    conditions = [
        f"{MANY:,} open alerts of {len(plots)} tenants, of which {DUE} are due; the others are copies made by SQL",
        "find, then climb in batches, in one process: places, stories, intents and messages are written; none is sent",
    ]
    took = Measure("one pass", "s", ours=median(seconds), judged=median(seconds), at_most=1.0)
    constant = Measure(
        f"statements, of {MANY:,} and of {FEW:,}",
        "",
        ours=statements[MANY],
        floor=statements[FEW],
        judged=statements[MANY] / statements[FEW],
        at_most=1.0,
    )
    return Result(f"an escalation pass over {MANY:,} open alerts", effort.repeats, conditions, [took, constant])


def _reachable(plot: Plot) -> Alert:
    """The owner's team has a rota of one; everybody gets a channel. Returns an alert to copy."""
    with tenant_transaction(plot.tenant.id):
        for user in plot.people.values():
            Channel.objects.create(
                tenant_id=plot.tenant.id,
                person=user,
                kind=ChannelKind.EMAIL,
                name="Mail",
                sealed=seal(user.email),
                shown=user.email,
                verified_at=timezone.now(),
            )
        return trigger(tenant_id=plot.tenant.id, signal=_signal(plot, "source"), now=timezone.now())[0]


def _signal(plot: Plot, key: str) -> Signal:
    return Signal(source=Source.RULE, key=key, summary="It is slow.", workload=plot.workload)


def _pass(
    connection: psycopg.Connection[Any], plots: list[Plot], sources: dict[Any, Alert], wanted: int
) -> tuple[float, int]:
    """Seconds and statements of one pass over exactly so many open alerts, of which five hundred are due."""
    have = connection.execute("select count(*) from ownership_alert where state = 'triggered'").fetchone()
    missing = (wanted - int(have[0] if have else 0)) // len(plots)
    for plot in plots if missing > 0 else ():
        _more(connection, sources[plot.tenant.id], missing)
    connection.execute("update ownership_alert set due_at = now() + interval '1 hour', step = 0, exhausted_at = null")
    connection.execute(
        "update ownership_alert set due_at = now() - interval '1 second' where id in (select id from (select id, "
        "row_number() over (partition by tenant_id order by id) as place from ownership_alert where state = "
        "'triggered') ranked where place <= %s)",
        [DUE // len(plots)],
    )
    connection.execute("analyze ownership_alert")
    started = time.perf_counter()
    with database.counted() as counted:
        moved = pager.climb_due(timezone.now())
        statements = counted()
    took = time.perf_counter() - started
    if moved != DUE:
        raise load.Broken(f"{moved} alerts moved, of {DUE} that were due")
    return took, statements


def _more(connection: psycopg.Connection[Any], source: Alert, count: int) -> None:
    connection.execute("drop table if exists copies")
    connection.execute(
        "create temp table copies as select gen_random_uuid() as id from generate_series(1, %s) as n", [count]
    )
    copy(connection, "ownership_alert", source.id, id="c.id", key="c.id::text")


def _forget_messages(connection: psycopg.Connection[Any]) -> None:
    """What the passes wrote is never sent."""
    connection.execute("delete from portal_outboxmessage where topic = 'notify'")
    connection.execute("delete from ownership_notification")


def _clear(connection: psycopg.Connection[Any]) -> None:
    _forget_messages(connection)
    connection.execute("delete from ownership_oncallevent")
    connection.execute("delete from ownership_alert")


def _delivery(plot: Plot, effort: Effort) -> Result:
    """From the commit of a trigger to the receiver's socket, with the real pager and a thousand open alerts."""
    with receiver() as hook:
        with tenant_transaction(plot.tenant.id):
            channels = Channel.objects.filter(tenant=plot.tenant.id)
            channels.update(kind=ChannelKind.WEBHOOK, sealed=seal(hook.address))
        with _pager():
            rounds = [_round(plot, hook, number) for number in range(effort.repeats)]
    times = [quantiles(each, n=100) for each in rounds]
    p50, p99 = median(each[49] for each in times), median(each[98] for each in times)
    conditions = [
        f"{FEW:,} alerts are open; {TRIGGERS} new ones a round, {A_SECOND} a second, each to one signed webhook",
        "the pager as a process of its own, woken by the commit; the receiver in this one; medians over the rounds",
    ]
    measures = [
        Measure("trigger to first delivery, p50", "s", ours=p50, judged=p50),
        Measure("trigger to first delivery, p99", "s", ours=p99, judged=p99, at_most=2.0),
    ]
    return Result("from a trigger to its first delivery", effort.repeats, conditions, measures)


def _round(plot: Plot, hook: Receiver, number: int) -> list[float]:
    arrived: dict[str, float] = {}

    def note(got: Any) -> tuple[int, dict[str, str], str]:
        arrived.setdefault(got.json["data"]["alert"], time.perf_counter())
        return 200, {}, ""

    hook.answer = note
    committed: dict[str, float] = {}
    began = time.perf_counter()
    for n in range(TRIGGERS):
        with tenant_transaction(plot.tenant.id):
            alert, _ = trigger(tenant_id=plot.tenant.id, signal=_signal(plot, f"{number}-{n}"), now=timezone.now())
        committed[str(alert.id)] = time.perf_counter()
        time.sleep(max(0.0, began + (n + 1) / A_SECOND - time.perf_counter()))
    deadline = time.monotonic() + 30
    while set(committed) - set(arrived):
        if time.monotonic() > deadline:
            raise load.Broken(f"{len(set(committed) - set(arrived))} of {TRIGGERS} pages never arrived")
        time.sleep(0.01)
    return [max(0.0, arrived[alert] - at) for alert, at in committed.items()]


@contextmanager
def _pager() -> Iterator[None]:
    command = [sys.executable, str(paths.PROJECT_ROOT / "manage.py"), "pager"]
    process = subprocess.Popen(command, env=environment(OUTBOUND_NETWORKS="127.0.0.0/8"), cwd=paths.PROJECT_ROOT)
    try:
        time.sleep(4)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _inbound(connection: psycopg.Connection[Any], plot: Plot, effort: Effort) -> Result:
    """Alertmanager's webhook over HTTP, beside one small insert a commit."""
    owner = replace(plot.actor("owner"), roles=frozenset({"ops_lead"}))
    with tenant_transaction(plot.tenant.id):
        found = integrations.create(
            team=plot.team, workload=plot.workload, kind="alertmanager", name="b", actor=owner, now=datetime.now(UTC)
        )
        raw = integrations.credential(found)
    requests = [load.post("/v1/alerts/alertmanager", _body(n), raw, "application/json") for n in range(FEW)]
    with server.served("portal.wsgi:application") as port:
        load.once(port, requests, CONNECTIONS)
        sides = [
            (
                load.for_seconds(port, requests, effort.seconds, CONNECTIONS).per_second,
                _inserts(connection, effort.seconds),
            )
            for _ in range(effort.repeats)
        ]
    with tenant_transaction(plot.tenant.id):
        opened = Alert.objects.filter(tenant=plot.tenant.id, source=Source.ALERTMANAGER).count()
        waiting = OutboxMessage.objects.filter(tenant=plot.tenant.id, topic=climb.TOPIC).count()
        intents = Notification.objects.filter(tenant=plot.tenant.id, channel__isnull=False).count()
    if opened != FEW or waiting != intents:
        raise load.Broken(f"{opened} alerts were opened of {FEW}; {intents} intents have {waiting} messages")
    ours, floor = ([side[n] for side in sides] for n in (0, 1))
    conditions = [
        f"{FEW:,} groups of one member, each opened once before; here each is said again; {CONNECTIONS} connections",
        f"{server.CONDITION}; answered after the commit",
        "floor: one row inserted and committed at a time, on one connection, as owner, without policies",
    ]
    said = Measure(
        "alerts in, said again", "/s", ours=median(ours), floor=median(floor), judged=median(ours) / median(floor)
    )
    return Result("alerts coming in by Alertmanager's webhook", effort.repeats, conditions, [said])


def _body(n: int) -> bytes:
    began = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    labels = {"alertname": "Slow", "instance": f"i{n}", "severity": "warning"}
    member = {"status": "firing", "labels": labels, "startsAt": began, "endsAt": "", "fingerprint": f"{n:016x}"}
    return json.dumps(
        {
            "version": "4",
            "groupKey": f"group-{n}",
            "truncatedAlerts": 0,
            "status": "firing",
            "groupLabels": labels,
            "commonLabels": labels,
            "commonAnnotations": {"summary": f"i{n} is slow"},
            "externalURL": "http://alertmanager.example",
            "alerts": [member],
        }
    ).encode()


def _inserts(connection: psycopg.Connection[Any], seconds: float) -> float:
    connection.execute("create table if not exists floor_rows (id uuid primary key, said jsonb)")
    ends, body = time.perf_counter() + seconds, _body(0).decode()
    for count in itertools.count(1):
        connection.execute("insert into floor_rows values (gen_random_uuid(), %s)", [body])
        if time.perf_counter() >= ends:
            return count / seconds
    raise AssertionError("time passes")
