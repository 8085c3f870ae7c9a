"""What the row policies cost on the workload list: the same SQL under them and on copies of the tables without."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import psycopg
from django.core.paginator import Paginator
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.workloads import actions, queries
from apps.workloads.views import PAGE
from benchmarks import database
from benchmarks.data import Plot, copy_rollouts
from benchmarks.measure import Effort, Measure, Result, beside
from portal.local import postgres
from portal.tenancy.context import TENANT, tenant_transaction
from portal.tenancy.guard import tenant_tables
from tests.world import SETUP

WORKLOADS = 10_000
GRANTED = 100
_SETTINGS = "set timezone = 'UTC'; set statement_timeout = 30000"


def run(plot: Plot, effort: Effort) -> Result:
    with database.owner() as connection:
        copy_rollouts(connection, plot, range(1, WORKLOADS))
        _grant(connection, plot)
        _without_policies(connection)
        # Both sides as compact as each other: the copies have no dead rows.
        connection.execute("vacuum full")
        connection.execute("analyze")
    measures = [measure for name in ("auditor", "member") for measure in _measures(plot, name, effort)]
    conditions = [
        f"{WORKLOADS:,} workloads in the tenant; the page's two statements (count, first page of {PAGE}) as the view "
        "makes them, in one transaction that names the tenant",
        f"auditor: sees all; member: {GRANTED} granted by name and {GRANTED} to a team",
        "floor: the same SQL, role and settings on copies of every tenant table with the same indexes and no policies",
        f"median of {effort.executions} executions a side and repeat, in turns; planning included, as Django sends it",
    ]
    return Result(f"policies on the list of {WORKLOADS:,} workloads", effort.repeats, conditions, measures)


def _measures(plot: Plot, name: str, effort: Effort) -> list[Measure]:
    count, page = _statements(plot, name)
    with _session("public") as walled, _session("bare, public") as bare:
        assert _answer(walled, plot, page) == _answer(bare, plot, page), "both sides see the same rows"

        def compared(what: str, statements: list[str], at_most: float | None = None) -> Measure:
            rounds = [_milliseconds((walled, bare), plot, statements, effort.executions) for _ in range(effort.repeats)]
            ours, floor = zip(*rounds, strict=True)
            return beside(f"{name}: {what}", "ms", ours, floor, at_most=at_most)

        return [
            compared("list page, both statements", [count, page], at_most=1.2),
            compared("first page alone", [page]),
            compared("count alone", [count]),
        ]


def _statements(plot: Plot, name: str) -> tuple[str, str]:
    """The SQL of the list page, caught as it is sent."""
    actor = plot.actor(name)
    with tenant_transaction(plot.tenant.id), CaptureQueriesContext(connections["default"]) as caught:
        rows = queries.visible(plot.tenant.id, actor).select_related("owner", "serving_version")
        list(Paginator(rows, PAGE).get_page(1))
    count, page = (query["sql"] for query in caught.captured_queries)
    return count, page


def _session(path: str) -> psycopg.Connection[Any]:
    connection = postgres.connect("portal_app")
    connection.execute(_SETTINGS)
    connection.execute(f"set search_path = {path}")
    connection.prepare_threshold = None
    return connection


def _answer(session: Any, plot: Plot, statement: str) -> list[Any]:
    with session.transaction():
        session.execute("select set_config(%s, %s, true)", [TENANT, str(plot.tenant.id)])
        rows: list[Any] = session.execute(statement.replace("%", "%%"), []).fetchall()
    assert len(rows) == PAGE, "the first page is full"
    return rows


def _milliseconds(sides: Sequence[Any], plot: Plot, statements: list[str], executions: int) -> list[float]:
    """Each side's median. They take turns at every execution: the difference is smaller than the machine's noise."""
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(executions):
        for session, taken in zip(sides, times, strict=True):
            with session.transaction():
                session.execute("select set_config(%s, %s, true)", [TENANT, str(plot.tenant.id)])
                started = time.perf_counter()
                for statement in statements:
                    session.execute(statement).fetchall()
                taken.append(time.perf_counter() - started)
    return [median(taken) * 1_000 for taken in times]


def _grant(connection: Any, plot: Plot) -> None:
    """One grant of each kind by the product's actions, the others as copies of it."""
    with tenant_transaction(plot.tenant.id):
        member = plot.people["member"]
        actions.permit_person(workload=plot.workload, user=member, permission="see_workload", actor=SETUP)
        actions.permit_team(workload=plot.workload, team=plot.team, permission="see_workload", actor=SETUP)
    connection.execute(
        "insert into workloads_workloaduserpermission (id, tenant_id, user_id, permission_id, content_object_id) "
        "select gen_random_uuid(), p.tenant_id, p.user_id, p.permission_id, w.id "
        "from workloads_workloaduserpermission p join workloads_workload w on w.tenant_id = p.tenant_id "
        "where w.key like 'C-%%50' and p.tenant_id = %s",
        [plot.tenant.id],
    )
    connection.execute(
        "insert into workloads_workloadteamgrant (id, tenant_id, created_at, workload_id, team_id, permission) "
        "select gen_random_uuid(), g.tenant_id, now(), w.id, g.team_id, g.permission "
        "from workloads_workloadteamgrant g join workloads_workload w on w.tenant_id = g.tenant_id "
        "where w.key like 'C-%%75' and g.tenant_id = %s",
        [plot.tenant.id],
    )


def _without_policies(connection: Any) -> None:
    connection.execute("create schema bare; grant usage on schema bare to portal_app")
    for table in sorted(tenant_tables()):
        if table.startswith("workloads_"):
            connection.execute(
                f"create table bare.{table} (like public.{table} including all); "
                f"insert into bare.{table} select * from public.{table}; grant select on bare.{table} to portal_app"
            )
