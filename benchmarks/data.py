"""The data to measure on: one rollout a tenant is started by the product's own actions, and the rest are copies of
its rows, made set by set as the owner, since ten thousand starts would take minutes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from apps.accounts.actions import create_token
from apps.accounts.models import User
from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout
from apps.tenants import actions as tenants
from apps.tenants.directory import person
from apps.tenants.models import Membership, Team, Tenant
from apps.tenants.queries import membership
from apps.tenants.roles import Role
from apps.workloads import actions as workloads
from apps.workloads.models import AgentVersion, Workload
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.signing import approve
from tests.world import SETUP, make_user, make_workload

ROLES = {
    "owner": [Role.WORKLOAD_OWNER],
    "member": [Role.INCIDENT_RESPONDER],
    "approver": [Role.ENGINEERING],
    "auditor": [Role.AUDITOR],
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A tenant with a rollout that runs, and who is there."""

    tenant: Tenant
    people: dict[str, User]
    members: dict[str, Membership]
    team: Team
    workload: Workload
    stable: AgentVersion
    candidate: AgentVersion
    rollout: Rollout

    def actor(self, name: str) -> Actor:
        with tenant_transaction(self.tenant.id):
            found = membership(self.tenant.id, self.people[name].id)
        assert found is not None, f"{name} is a member"
        return person(found, self.people[name])

    def token(self, *scopes: str) -> str:
        now = datetime.now(UTC)
        with tenant_transaction(self.tenant.id):
            _, raw = create_token(
                tenant_id=self.tenant.id,
                name="benchmark",
                scopes=scopes,
                expires_at=now + timedelta(days=1),
                created_by=self.people["owner"],
                actor=SETUP,
                now=now,
            )
        return raw


def make_people() -> dict[str, User]:
    return {name: make_user(name) for name in ROLES}


def make_plot(slug: str, people: dict[str, User]) -> Plot:
    """A tenant whose workload W-01 serves version 1.0 and rolls 1.1 out, in its first phase."""
    tenant = tenants.create_tenant(slug=slug, name=slug, actor=SETUP)
    with tenant_transaction(tenant.id):
        members = {
            name: tenants.add_member(tenant_id=tenant.id, user=people[name], roles=roles, actor=SETUP)
            for name, roles in ROLES.items()
        }
        team = tenants.create_team(tenant_id=tenant.id, slug="team", name="Team", actor=SETUP)
        tenants.join_team(team=team, member=members["member"], actor=SETUP)
        workload, stable, candidate = make_workload(tenant, people["owner"], "W-01")
        workloads.serve_version(workload=workload, version=stable, actor=SETUP, reason="benchmark")
        rollout = _start(workload, candidate, members["approver"], people)
    return Plot(tenant, people, members, team, workload, stable, candidate, rollout)


def _start(workload: Workload, version: AgentVersion, approver: Membership, people: dict[str, User]) -> Rollout:
    now = datetime.now(UTC)
    rollout = rollouts.draft_rollout(
        workload=workload, version=version, why="benchmark", author=people["member"], actor=SETUP
    )
    rollout = rollouts.submit_rollout(rollout=rollout, actor=SETUP, now=now)
    rollout = approve(rollout, people["approver"], person(approver, people["approver"]), now)
    return rollouts.start_rollout(rollout=rollout, actor=SETUP, now=now)


def copy_rollouts(connection: psycopg.Connection[Any], plot: Plot, numbers: range) -> None:
    """Workloads of their own with two versions and a running rollout each, as copies of the plot's; not due."""
    connection.execute("drop table if exists copies")
    connection.execute(
        "create temp table copies as select n, gen_random_uuid() as workload, gen_random_uuid() as stable, "
        "gen_random_uuid() as candidate, gen_random_uuid() as rollout, "
        "gen_random_uuid() as desk, gen_random_uuid() as gate from generate_series(%s::int, %s::int) as n",
        [numbers.start, numbers.stop - 1],
    )
    key = "'C-' || lpad(c.n::text, 6, '0')"
    copy(connection, "workloads_workload", plot.workload.id, id="c.workload", key=key, serving_version_id="null")
    for name, version in (("stable", plot.stable), ("candidate", plot.candidate)):
        copy(connection, "workloads_agentversion", version.id, id=f"c.{name}", workload_id="c.workload")
    connection.execute(
        "update workloads_workload w set serving_version_id = c.stable from copies c where w.id = c.workload"
    )
    copy(
        connection,
        "rollouts_rollout",
        plot.rollout.id,
        id="c.rollout",
        workload_id="c.workload",
        version_id="c.candidate",
        control_version_id="c.stable",
        next_check_at="now() + interval '1 hour'",
    )
    desk, person = connection.execute(
        "select d.id, p.id from feedback_desk d join feedback_deskperson p on p.desk_id = d.id "
        "where d.workload_id = %s",
        [plot.workload.id],
    ).fetchone() or (None, None)
    copy(connection, "feedback_desk", desk, id="c.desk", workload_id="c.workload")
    copy(connection, "feedback_deskperson", person, id="gen_random_uuid()", desk_id="c.desk")
    gate, ceiling = connection.execute(
        "select g.id, t.id from budgets_costgate g join budgets_tiergate t on t.gate_id = g.id "
        "where g.workload_id = %s",
        [plot.workload.id],
    ).fetchone() or (None, None)
    copy(connection, "budgets_costgate", gate, id="c.gate", workload_id="c.workload")
    copy(
        connection,
        "budgets_tiergate",
        ceiling,
        id="gen_random_uuid()",
        gate_id="c.gate",
        workload_id="c.workload",
    )


def copy(connection: psycopg.Connection[Any], table: str, source: object, **changed: str) -> None:
    """A copy of one row for each row of ``copies``, with these columns changed."""
    found = connection.execute(
        "select column_name from information_schema.columns where table_schema = 'public' and table_name = %s",
        [table],
    )
    names = [row[0] for row in found]
    values = [sql.SQL(changed[name]) if name in changed else sql.Identifier("s", name) for name in names]
    statement = sql.SQL("insert into {table} ({names}) select {values} from {table} s, copies c where s.id = %s")
    connection.execute(
        statement.format(
            table=sql.Identifier(table),
            names=sql.SQL(", ").join(map(sql.Identifier, names)),
            values=sql.SQL(", ").join(values),
        ),
        [source],
    )
