"""One tick: finding what is due among many running rollouts, and acting on it, without Celery's hop between."""

import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from django.utils import timezone

from apps.rollouts import checks, codec, queries
from apps.rollouts.models import Rollout
from apps.rollouts.tasks import BATCH
from apps.telemetry import histogram
from benchmarks import database, load
from benchmarks.data import Plot, copy_rollouts
from benchmarks.measure import Effort, Measure, Result
from portal.tenancy.context import tenant_transaction

FEW, MANY, DUE = 1_000, 10_000, 100
ADVANCING = 10
MINUTES = 60


@dataclass(slots=True)
class Tick:
    """One tick's seconds and statements (BEGIN and COMMIT aside)."""

    found: int = 0
    finding: float = 0.0
    acting: float = 0.0
    find_statements: int = 0
    batch_statements: list[int] = field(default_factory=list)


def run(plots: list[Plot], effort: Effort) -> Result:
    with database.owner() as connection:
        few = _measure(connection, plots, range(1, FEW // len(plots)), effort)
        many = _measure(connection, plots, range(FEW // len(plots), MANY // len(plots)), effort)
    seconds = [tick.finding + tick.acting for tick in many]
    statements = {n: _statements(ticks) for n, ticks in ((FEW, few), (MANY, many))}
    details = {f"of_{n}": _details(ticks) for n, ticks in ((FEW, few), (MANY, many))}
    conditions = [
        f"{len(plots)} tenants with {MANY // len(plots)} running rollouts each; {DUE} are due at each tick, "
        f"{DUE - ADVANCING} stay and {ADVANCING} go on to their next phase; six guardrails each",
        f"{MINUTES} minutes of sums in both arms for each due rollout",
        "one rollout a tenant was started by the product's actions; the others are copies of its rows, made by SQL",
        f"in one process: find, then each tenant's batch of at most {BATCH}; no broker between; statements are counted "
        "with savepoints, without BEGIN and COMMIT",
    ]
    measures = [
        Measure("one tick", "s", ours=median(seconds), judged=median(seconds), at_most=2.0, details=details),
        _constant(f"statements to find, of {MANY:,} and of {FEW:,}", statements, 0),
        _constant(f"statements to act, of {MANY:,} and of {FEW:,}", statements, 1),
    ]
    return Result(f"one tick over {MANY:,} running rollouts", effort.repeats, conditions, measures)


def _constant(what: str, statements: dict[int, tuple[int, int]], place: int) -> Measure:
    many, few = statements[MANY][place], statements[FEW][place]
    return Measure(what, "", ours=many, floor=few, judged=many / few, at_most=1.0)


def _measure(connection: Any, plots: list[Plot], numbers: range, effort: Effort) -> list[Tick]:
    for plot in plots:
        copy_rollouts(connection, plot, numbers)
    _sums(connection, plots)
    for plot in plots:
        _approve(connection, plot)
    _hands(connection)
    connection.execute("analyze")
    ticks = []
    for _ in range(effort.repeats + 1):
        _make_due(connection, plots)
        ticks.append(_tick())
        _check(connection, ticks[-1])
    # The first one opens connections and fills caches.
    return ticks[1:]


def _tick() -> Tick:
    tick, now = Tick(), timezone.now()
    started = time.perf_counter()
    with database.counted() as counted:
        due = queries.due(now)
        tick.find_statements = counted()
    tick.finding, tick.found = time.perf_counter() - started, sum(map(len, due.values()))
    started = time.perf_counter()
    for tenant_id, ids in due.items():
        for start in range(0, len(ids), BATCH):
            with database.counted() as counted:
                checks.check_batch(tenant_id=tenant_id, ids=ids[start : start + BATCH], now=now)
                tick.batch_statements.append(counted())
    tick.acting = time.perf_counter() - started
    return tick


def _check(connection: Any, tick: Tick) -> None:
    """A tick that found too little, or moved what it shouldn't, would have been fast for nothing."""
    moved = dict(
        connection.execute(
            "select phase, count(*) from rollouts_rollout where looked_at is not null or phase > 0 group by 1"
        )
    )
    if (tick.found, moved) != (DUE, {0: DUE - ADVANCING, 1: ADVANCING}):
        raise load.Broken(f"{tick.found} rollouts were due, and moved: {moved}")


def _make_due(connection: Any, plots: list[Plot]) -> None:
    """The first rollouts of each tenant are due, with records up to now; some of them have baked."""
    connection.execute(
        "update rollouts_rollout set phase = 0, step = 1, next_check_at = now() + interval '1 hour', "
        "looked_at = null where looked_at is not null or phase > 0 or next_check_at <= now()"
    )
    connection.execute(
        "update rollouts_rollout r set next_check_at = now() - interval '1 second', looked_at = now() - interval "
        "'30 seconds', phase_entered_at = now() - interval '1 hour', "
        "baked = case when d.place <= %s then interval '30 days' else interval '1 hour' end "
        "from due d where r.id = d.rollout",
        [ADVANCING // len(plots)],
    )
    connection.execute("update telemetry_minutesummary s set last_at = now() from due d where s.rollout_id = d.rollout")


def _sums(connection: Any, plots: list[Plot]) -> None:
    """Which rollouts will be due, and an hour of healthy sums for each of their arms."""
    if connection.execute("select to_regclass('pg_temp.due')").fetchone()[0]:
        return
    connection.execute(
        "create temp table due as select * from (select tenant_id, workload_id, id as rollout, "
        "row_number() over (partition by tenant_id order by created_at, id) as place from rollouts_rollout) ranked "
        "where tenant_id = any(%s) and place <= %s",
        [[plot.tenant.id for plot in plots], DUE // len(plots)],
    )
    latency = [40 if bucket == 62 else 0 for bucket in range(histogram.BUCKETS)]
    connection.execute(
        "insert into telemetry_minutesummary (id, tenant_id, created_at, workload_id, minute, version, rollout_id, "
        "phase, arm, n, errors, blocked, escalated, overridden, judged, flagged, unauthorised, tokens_in, tokens_out, "
        "usage_missing, cost_n, cost_sum, cost_squares, units, crossed, latency, last_at) "
        "select gen_random_uuid(), tenant_id, now(), workload_id, date_trunc('minute', now()) - m * interval "
        "'1 minute', '1.1', rollout, 1, arm, 40, 0, 0, 0, 0, 40, 0, 0, 40000, 4000, 0, 40, 0.4, 0.00404, 40, 0, %s, "
        "now() from due, generate_series(1, %s) as m, unnest(array['agent', 'control']) as arm "
        # One of the rollouts has minutes from the spans that were sent to it before.
        "on conflict do nothing",
        [latency, MINUTES],
    )


def _hands(connection: Any) -> None:
    """A team carries twenty at once at most (ROLL-9): those that are never due are nobody's."""
    connection.execute("update tenants_team set rollouts_at_once = 20")
    connection.execute("update workloads_workload set team_id = null where id not in (select workload_id from due)")


def _approve(connection: Any, plot: Plot) -> None:
    """An approval is for one plan of one workload: those that go on need their own."""
    going = [row[0] for row in connection.execute("select rollout from due where tenant_id = %s", [plot.tenant.id])]
    with tenant_transaction(plot.tenant.id):
        for rollout in Rollout.objects.filter(id__in=going):
            rollout.approved_hash = codec.content_hash(rollout.content())
            rollout.save(update_fields=["approved_hash"])


def _statements(ticks: list[Tick]) -> tuple[int, int]:
    return max(tick.find_statements for tick in ticks), max(sum(tick.batch_statements) for tick in ticks)


def _details(ticks: list[Tick]) -> dict[str, Any]:
    return {
        "finding_ms": [round(tick.finding * 1_000, 2) for tick in ticks],
        "acting_ms": [round(tick.acting * 1_000, 1) for tick in ticks],
        "find_statements": [tick.find_statements for tick in ticks],
        "batch_statements": [tick.batch_statements for tick in ticks],
    }
