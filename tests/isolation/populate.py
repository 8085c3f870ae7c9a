"""A row of each tenant in every tenant table, made through the product's own actions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.accounts.models import ApiToken, User
from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout
from apps.rollouts.plan import GuardrailPlan, Kind, Metric
from apps.telemetry import ingest
from apps.telemetry.otlp import Rejection
from apps.telemetry.records import ActionRecord, Reading
from apps.tenants import actions as tenants
from apps.tenants.models import Membership, Team, Tenant
from apps.tenants.queries import membership
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.world import SETUP, World

ERRORS = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05)


@dataclass
class Planted:
    """What stands in one tenant, by the names that URLs use."""

    tenant: Tenant
    workload: Workload
    rollout: Rollout
    token: ApiToken
    team: Team

    @property
    def ids(self) -> dict[str, object]:
        return {"key": self.workload.key, "rollout_id": self.rollout.id, "token_id": self.token.id}


def populate(world: World) -> tuple[Planted, Planted]:
    """The first tenant's and the other's."""
    ours = _plant(world, world.tenant, "W-77", (world.alice, world.bob, world.erin))
    theirs = _plant(world, world.other, "W-88", (world.mallory, world.nils, world.ora))
    return ours, theirs


def _plant(world: World, tenant: Tenant, key: str, people: tuple[User, User, User]) -> Planted:
    owner, author, approver = people
    now = datetime.now(UTC)
    with tenant_transaction(tenant.id):
        workload = _workload(tenant, key, owner, author)
        team = tenants.create_team(tenant_id=tenant.id, slug=f"team-{key.lower()}", name="Team", actor=SETUP)
        member: Membership | None = membership(tenant.id, author.id)
        assert member is not None
        tenants.join_team(team=team, member=member, actor=SETUP)
        workloads.permit_team(workload=workload, team=team, permission="operate_workload", actor=SETUP)
        version = workload.versions.get()
        rollout = rollouts.draft_rollout(
            workload=workload, version=version, why="w", author=author, actor=SETUP, guardrails=[ERRORS]
        )
        rollout = rollouts.submit_rollout(rollout=rollout, actor=SETUP, now=now)
        rollout = rollouts.approve_rollout(
            rollout=rollout, approver=approver, actor=world.actor(approver, tenant), now=now
        )
        rollout = rollouts.start_rollout(rollout=rollout, actor=SETUP, now=now)
    _record(tenant, workload, rollout.id, now)
    world.token("decide", "telemetry", tenant=tenant)
    with tenant_transaction(tenant.id):
        return Planted(tenant, workload, rollout, ApiToken.objects.latest("created_at"), team)


def _workload(tenant: Tenant, key: str, owner: User, author: User) -> Workload:
    workload = workloads.register_workload(
        tenant_id=tenant.id,
        key=key,
        owner=owner,
        actor=SETUP,
        name=f"Secret of {tenant.slug}",
        purpose="p",
        fallback_kind="people",
        fallback_description="by hand",
        fallback_sends_records=True,
    )
    governor = Actor(kind="task", id=None, label="task:setup", roles=frozenset({"governance"}))
    workloads.set_posture(workload=workload, posture="authorize", actor=governor, reason="r")
    workloads.permit_person(workload=workload, user=author, permission="manage_workload", actor=SETUP)
    workloads.add_version(
        workload=workload,
        label="9.9",
        model="m",
        prompt_digest=f"{tenant.slug}{key}",
        why="w",
        made_by=owner,
        actor=SETUP,
    )
    workloads.grant_authority(
        workload=workload,
        action_kind="refund",
        limit_amount=Decimal(5),
        currency="EUR",
        authority=owner,
        reason="r",
        actor=SETUP,
    )
    return workload


def _record(tenant: Tenant, workload: Workload, rollout_id: UUID, now: datetime) -> None:
    """An action outside its authority: the record, its sums, its unit, an outbox message, and a rejection."""
    record = ActionRecord(
        record_id=rollout_id,
        workload=workload.key,
        started_at=now - timedelta(minutes=1),
        latency_ms=5.0,
        outcome="ok",
        request_id="r-1",
        unit="u-1",
        action_kind="deletion",
        rollout=rollout_id,
        arm="agent",
        phase=1,
    )
    reading = Reading(records=[record], rejections=[Rejection(0, "bad")])
    service = Actor(kind="service", id=None, label="t", scopes=frozenset({"telemetry"}))
    ingest.store(tenant_id=tenant.id, reading=reading, actor=service, source="test", now=now)
