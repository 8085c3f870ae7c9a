"""The main pages of a large tenant: 2,000 workloads, 20,000 reports, 1,000,000 actions. Server time, one process."""

import time
from datetime import timedelta
from statistics import median
from typing import Any
from urllib.parse import quote

from django.db import connection as django_connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.feedback import counting
from apps.telemetry import partitions
from benchmarks import database, load
from benchmarks.data import Plot, copy_rollouts
from benchmarks.measure import Effort, Measure, Result
from portal.tenancy.context import tenant_transaction

WORKLOADS, REPORTS, ACTIONS = 2_000, 20_000, 1_000_000
FIRST = 20_000
SEARCHED = ("work", "W-20", "price of year 77")
BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


def run(plot: Plot, effort: Effort) -> Result:
    with database.owner() as connection:
        report = _fill(connection, plot)
    with tenant_transaction(plot.tenant.id):
        counting.sum_up(tenant_id=plot.tenant.id, now=timezone.now())
    measures = [_measure(plot, name, path, effort) for name, path in _paths(plot, report).items()]
    conditions = [
        f"{WORKLOADS:,} workloads with a rollout each, {REPORTS:,} reports (half of them of one workload), {ACTIONS:,} "
        "actions of the last two days with 20,000 users; rows made by SQL",
        "Django's own client in one process: middleware, view, template, no socket; median of the repeats after one",
        "statements without BEGIN and COMMIT; whoever asks owns the one workload and sees all as an auditor would",
    ]
    return Result("pages of a large tenant", effort.executions // 5, conditions, measures)


def _paths(plot: Plot, report: object) -> dict[str, str]:
    tenant, key = f"/t/{plot.tenant.slug}/", plot.workload.key
    workload = f"{tenant}workloads/{key}/"
    return {
        "home": tenant,
        "workloads": f"{tenant}workloads/",
        "a workload": workload,
        "its gate": f"{workload}gates/pilot/",
        "its rollout": f"{tenant}rollouts/{plot.rollout.id}/",
        "rollouts": f"{tenant}rollouts/",
        "its feedback": f"{workload}feedback/",
        "its trust": f"{workload}feedback/trust/",
        "its desk": f"{workload}desk/",
        "my feedback": f"{tenant}feedback/",
        "a report": f"{tenant}feedback/{report}/",
        "report an answer": f"{tenant}feedback/new/?request=req-77",
        "alerts": f"{tenant}alerts/",
        "rotas": f"{tenant}rotas/",
        "approvals": f"{tenant}approvals/",
        **{f"search for {word!r}": f"{tenant}search/?q={quote(word)}" for word in SEARCHED},
    }


def _measure(plot: Plot, name: str, path: str, effort: Effort) -> Measure:
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(plot.people["owner"])
    if client.get(path).status_code != 200:
        raise load.Broken(f"{path} isn't there")
    seconds = []
    for _ in range(max(3, effort.executions // 5)):
        started = time.perf_counter()
        client.get(path)
        seconds.append(time.perf_counter() - started)
    with CaptureQueriesContext(django_connection) as captured:
        client.get(path)
    statements = sum(not query["sql"].startswith(BRACKETS) for query in captured.captured_queries)
    took = median(seconds) * 1_000
    details = {"statements": statements, "most_ms": round(max(seconds) * 1_000, 1)}
    at_most = 100.0 if name.startswith("search") else 150.0
    return Measure(name, "ms", ours=took, judged=took, at_most=at_most, details=details)


def _fill(connection: Any, plot: Plot) -> object:
    """The rows. Returns the id of one report."""
    copy_rollouts(connection, plot, range(FIRST, FIRST + WORKLOADS - 1))
    ids = {"tenant": plot.tenant.id, "workload": plot.workload.id, "person": plot.people["owner"].id}
    connection.execute(
        "insert into feedback_report (id, tenant_id, created_at, workload_id, reporter_id, reporter_key, source, "
        "what_happened, would_help, category, severity, request_id, version, state, is_reopened, answered_at) "
        "select gen_random_uuid(), %(tenant)s, now() - n * interval '1 minute', "
        "case when n %% 2 = 0 then %(workload)s else w.id end, case when n %% 10 = 0 then %(person)s end, "
        "case when n %% 10 = 0 then '' else md5(n::text) end, 'portal', 'It quoted the price of year ' || n, "
        "'The price of today.', 'unhelpful', 'medium', '', '', case when n %% 3 = 0 then 'new' else 'planned' end, "
        "false, "
        "case when n %% 3 = 0 then null else now() end "
        "from generate_series(1, %(reports)s) n join (select id, row_number() over (order by key) as place "
        "from workloads_workload where tenant_id = %(tenant)s) w on w.place = 1 + n %% 1999",
        {**ids, "reports": REPORTS},
    )
    now = timezone.now()
    partitions.ensure({now.date(), (now - timedelta(days=1)).date(), (now - timedelta(days=2)).date()})
    connection.execute(
        "insert into telemetry_action (tenant_id, started_at, record_id, received_at, workload_id, request_id, "
        "attempt, trace_id, span_id, version, model_requested, model_served, provider, tier, user_key, session, unit, "
        "latency_ms, tool_calls, retries, currency, outcome, error_type, judged, flagged, action_kind, unauthorised, "
        "arm) select %(tenant)s, now() - n * interval '0.17 seconds', gen_random_uuid(), now(), %(workload)s, "
        "'req-' || n, 1, '', '', '1.0', 'm', 'm', '', '', md5((n %% 20000)::text), '', '', 300, 0, 0, '', 'ok', '', "
        "false, false, '', false, '' from generate_series(1, %(actions)s) n",
        {**ids, "actions": ACTIONS},
    )
    connection.execute("analyze")
    row = connection.execute("select id from feedback_report where workload_id = %(workload)s limit 1", ids).fetchone()
    return row[0]
