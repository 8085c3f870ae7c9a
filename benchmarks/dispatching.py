"""Dispatch with its reservation, beside a view that does one ``UPDATE ... RETURNING`` in a transaction of its own.

Every dispatch ends in a synchronous commit, and so does the floor: what is compared is all the rest of it. Each side
is asked on a user's row of its own, so neither waits for its own rows more often than the other.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils import timezone

from apps.budgets import actions as budgets
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.models import MOST_TOKENS, Reservation, UserTier
from apps.budgets.rules import Pattern
from apps.dispatch.classify import actions as classifying
from apps.dispatch.classify import training
from apps.dispatch.classify.models import Classifier
from apps.dispatch.classify.reading import Said
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from benchmarks import database, load, server
from benchmarks.data import Plot
from benchmarks.measure import Effort, Measure, Result, beside, in_turns
from portal.tenancy.context import tenant_transaction
from tests.world import SETUP, make_workload

CONNECTIONS = (1, 16, 64)
USERS = 1_000
WARM_UP = 1.5
OFFERED, OFFERED_OVER = 200.0, 16
TEXTS = 40
KEYS = [f"W-{number:02}" for number in range(1, 11)]
FLOOR_PATH = "/one-update"


@dataclass(slots=True)
class _Side:
    """One way to ask: where, with which requests, and what came of it at each number of connections."""

    port: int
    requests: Sequence[bytes]
    loads: dict[int, list[load.Load]] = field(default_factory=dict)
    answered: int = 0

    def per_second(self, connections: int, seconds: float) -> float:
        found = load.for_seconds(self.port, self.requests, seconds, connections)
        self.loads.setdefault(connections, []).append(found)
        self.answered += found.count
        return found.per_second

    def offered(self, seconds: float) -> load.Load:
        found = load.at_rate(self.port, self.requests, OFFERED, seconds, OFFERED_OVER)
        self.answered += found.count
        return found


def run(plot: Plot, effort: Effort) -> Result:
    _open_the_gate(plot)
    texts = _taught(plot)
    _floor_rows()
    token = plot.token("decide")
    with (
        server.served("portal.wsgi:application") as ours,
        server.served("benchmarks.floor.wsgi:application") as floor,
    ):
        declared = _Side(ours, [_declared(token, user) for user in range(USERS)])
        classified = _Side(ours, [_classified(token, user, texts[user % len(texts)]) for user in range(USERS)])
        bare = _Side(
            floor, [load.post(FLOOR_PATH, b'{"user": %d}' % n, token, "application/json") for n in range(USERS)]
        )
        for side in (declared, classified, bare):
            side.per_second(OFFERED_OVER, WARM_UP)
            side.loads.clear()
        _analysed()
        measures = [m for count in CONNECTIONS for m in _measured(count, declared, classified, bare, effort)]
        measures += [_offered("declared", declared, effort), _offered("classified", classified, effort)]
    _every_answer_held(plot, (declared, classified))
    conditions = [
        server.CONDITION,
        f"{USERS:,} users of {len(KEYS)} workloads with a gate each, one with a rollout at 5 %; nothing is settled",
        "declared: all for one workload, whose spend cap's one row every hold takes; classified: a text of the ten",
        "the floor: Django without middleware, one UPDATE ... RETURNING by key in autocommit on one of as many rows, "
        "synchronous commit, persistent connection; the sides take turns on one PostgreSQL and the same cores",
        f"offered: {OFFERED:.0f} requests/s at even intervals over {OFFERED_OVER} connections, from when each was due",
    ]
    return Result("dispatch with its reservation", effort.repeats, conditions, measures)


def _measured(connections: int, declared: _Side, classified: _Side, bare: _Side, effort: Effort) -> list[Measure]:
    sides = (declared, classified, bare)
    turns = [lambda side=side: side.per_second(connections, effort.seconds) for side in sides]  # type: ignore[misc]
    named, guessed, floor = in_turns(effort.repeats, *turns)
    return [
        beside(
            f"{what}, {connections} connection{'' if connections == 1 else 's'}",
            "/s",
            figures,
            floor,
            at_least=0.5,
            details=_times(side, bare, connections),
        )
        for what, figures, side in (("declared", named, declared), ("classified", guessed, classified))
    ]


def _times(side: _Side, bare: _Side, connections: int) -> dict[str, list[float]]:
    return {
        f"{name}_{what}_ms": [round(getattr(one, what), 2) for one in each.loads[connections]]
        for name, each in (("ours", side), ("floor", bare))
        for what in ("p50", "p99")
    }


def _offered(what: str, side: _Side, effort: Effort) -> Measure:
    """The p99 at a steady rate, the median of the repeats."""
    found = [side.offered(effort.seconds) for _ in range(effort.repeats)]
    worst = sorted(one.p99 for one in found)[len(found) // 2]
    details = {f"{name}_ms": [round(getattr(one, name), 2) for one in found] for name in ("p50", "p99")}
    return Measure(f"{what}, p99 at {OFFERED:.0f}/s offered", "ms", worst, worst, at_most=10.0, details=details)


def _open_the_gate(plot: Plot) -> None:
    """Ten workloads in service, each with a gate that never fills."""
    now, owner = timezone.now(), plot.people["owner"]
    with tenant_transaction(plot.tenant.id):
        tier = UserTier.objects.get(tenant=plot.tenant, is_default=True)
        for workload in [plot.workload, *(_in_service(plot, key) for key in KEYS[1:])]:
            cap = Decimal(1_000_000_000)
            gate = budgets.set_gate(
                workload=workload, spend_cap=cap, billing_contact=owner, brake=Brake(), actor=SETUP, now=now
            )
            ceiling = Ceiling(MOST_TOKENS, Pattern.HARD)
            budgets.set_ceiling(gate=gate, tier=tier, ceiling=ceiling, actor=SETUP, now=now)


def _in_service(plot: Plot, key: str) -> Workload:
    workload, stable, _ = make_workload(plot.tenant, plot.people["owner"], key)
    workloads.serve_version(workload=workload, version=stable, actor=SETUP, reason="benchmark")
    return workload


def _taught(plot: Plot) -> list[str]:
    """A classifier that answers, and what to ask it: the workloads are told apart by words of their own."""
    now, chance = timezone.now(), random.Random(1)
    said = {key: [_text(chance, key) for _ in range(TEXTS)] for key in KEYS}
    with tenant_transaction(plot.tenant.id):
        rows = {row.key: row for row in Workload.objects.filter(tenant=plot.tenant)}
        for key, texts in {**said, "": [_text(chance, "") for _ in range(TEXTS)]}.items():
            classifying.add_examples(
                tenant_id=plot.tenant.id,
                workload=rows.get(key),
                said=[Said(text) for text in texts],
                actor=SETUP,
                now=now,
            )
        training.ask_for_training(tenant_id=plot.tenant.id, actor=SETUP, now=now)
    training.train_due(tenant_id=plot.tenant.id, now=now)
    with tenant_transaction(plot.tenant.id):
        version = Classifier.objects.get(tenant=plot.tenant)
        classifying.activate(classifier=version, threshold=0.0, actor=SETUP, now=now, reason="benchmark")
    return [text for texts in said.values() for text in texts]


def _text(chance: random.Random, key: str) -> str:
    """A dozen words, a third of them the workload's own."""
    own = [f"{stem}{key.lower()}" for stem in ("order", "refund", "ticket", "parcel", "seat")]
    words = chance.choices(_WORDS, k=8) + (chance.choices(own, k=4) if key else chance.choices(_WORDS, k=4))
    chance.shuffle(words)
    return " ".join(words)


def _floor_rows() -> None:
    with database.owner() as connection:
        connection.execute(
            "create table benchmark_floor (id int primary key, used bigint not null) with (fillfactor = 50)"
        )
        connection.execute("insert into benchmark_floor select n, 0 from generate_series(0, %s) n", [USERS - 1])
        connection.execute("grant select, update on benchmark_floor to portal_app")


def _analysed() -> None:
    """What autovacuum does within a minute: plans that were made on empty tables are made anew."""
    with database.owner() as connection:
        connection.execute("vacuum analyze")


def _every_answer_held(plot: Plot, sides: Sequence[_Side]) -> None:
    """
    Raises:
        Broken: an answer that took no hold is none to measure.
    """
    with tenant_transaction(plot.tenant.id):
        held = Reservation.objects.filter(tenant=plot.tenant).count()
    answered = sum(side.answered for side in sides)
    if held != answered:
        raise load.Broken(f"{answered:,} answers, and {held:,} holds")


def _declared(token: str, user: int) -> bytes:
    return _request(token, workload=KEYS[0], user=f"user-{user}")


def _classified(token: str, user: int, text: str) -> bytes:
    return _request(token, text=text, user=f"user-{user}")


def _request(token: str, **said: str) -> bytes:
    body = json.dumps({**said, "input_tokens": 300, "max_output_tokens": 500}).encode()
    return load.post("/api/v1/dispatch", body, token, "application/json")


_WORDS = [f"word{number}" for number in range(30)]
