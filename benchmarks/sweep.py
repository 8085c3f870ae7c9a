"""The freshness sweep: finding what has run out among ten thousand workloads' evidence, and telling people once."""

import time
from datetime import timedelta
from statistics import median
from typing import Any

from django.utils import timezone

from apps.gates import sweep
from apps.gates.tasks import BATCH
from benchmarks import database, load
from benchmarks.data import Plot, copy_rollouts
from benchmarks.measure import Effort, Measure, Result
from portal.tenancy.context import tenant_transaction

FEW, MANY, DUE = 100, 10_000, 100


def run(plot: Plot, effort: Effort) -> Result:
    with database.owner() as connection:
        few = _measure(connection, plot, range(1, FEW), effort)
        many = _measure(connection, plot, range(FEW, MANY), effort)
    seconds = [took for took, _ in many]
    statements = {FEW: max(n for _, n in few), MANY: max(n for _, n in many)}
    conditions = [
        f"{MANY:,} workloads of one tenant with two documents each; of {DUE} one document has run out, the others are "
        "fresh",
        "find, then tell in batches, in one process; statements are counted with savepoints, without BEGIN and COMMIT",
        "the documents are rows made by SQL",
    ]
    constant = Measure(
        f"statements, of {MANY:,} and of {FEW:,}",
        "",
        ours=statements[MANY],
        floor=statements[FEW],
        judged=statements[MANY] / statements[FEW],
        at_most=1.0,
    )
    took = Measure("one sweep", "s", ours=median(seconds), judged=median(seconds), details={"seconds": seconds})
    return Result(f"freshness over {MANY:,} workloads", effort.repeats, conditions, [took, constant])


def _measure(connection: Any, plot: Plot, numbers: range, effort: Effort) -> list[tuple[float, int]]:
    copy_rollouts(connection, plot, numbers)
    connection.execute(
        "insert into gates_evidence (id, tenant_id, created_at, workload_id, kind, source, content, content_hash, "
        "observed_at, notice_at) select gen_random_uuid(), w.tenant_id, now(), w.id, kind, 'attestation', "
        "'{\"rows\": []}', 'h', now(), now() + interval '100 days' from workloads_workload w, "
        "unnest(array['edge_cases', 'data_path']) as kind where w.tenant_id = %s and not exists "
        "(select from gates_evidence e where e.workload_id = w.id)",
        [plot.tenant.id],
    )
    connection.execute("analyze")
    return [_sweep(connection, plot) for _ in range(effort.repeats + 1)][1:]


def _sweep(connection: Any, plot: Plot) -> tuple[float, int]:
    """Seconds and statements of one sweep in which a hundred have run out."""
    connection.execute(
        "update gates_evidence set notice_at = now() - interval '1 second' where id in (select id from gates_evidence "
        "where tenant_id = %s and kind = 'edge_cases' order by id limit %s)",
        [plot.tenant.id, DUE],
    )
    now, told = timezone.now() + timedelta(days=1), 0
    started = time.perf_counter()
    with database.counted() as counted:
        for tenant_id, ids in sweep.due(now).items():
            for start in range(0, len(ids), BATCH):
                with tenant_transaction(tenant_id):
                    told += sweep.tell(tenant_id=tenant_id, ids=ids[start : start + BATCH], now=now)
        took, statements = time.perf_counter() - started, counted()
    if told != DUE:
        raise load.Broken(f"{told} people's messages were sent, not {DUE}")
    return took, statements
