"""A tenant with one workload in service, its price, and a hard cap for each user of the trace.

A cap belongs to a tier, and the product allows a dozen tiers. So one tier, its ceiling and its user are made by the
product's own actions, and the others are copies of their rows, made set by set as the owner.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.accounts.actions import create_token
from apps.accounts.models import User
from apps.budgets import actions
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.models import Subject, TierGate, UserTier
from apps.budgets.rules import Pattern
from apps.pricing.actions import set_price
from apps.pricing.card import Wanted
from apps.telemetry.ingest import user_key
from apps.tenants import actions as tenants
from apps.tenants.directory import person
from apps.tenants.models import Tenant
from apps.tenants.roles import Role
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from benchmarks import database
from benchmarks.data import copy
from benchmarks.overshoot.clients import WORKLOAD
from portal.tenancy.context import tenant_transaction
from tests.world import SETUP, make_user, make_workload

CONDITION = (
    "each user is a tier of their own with a hard cap; those tiers are rows made by SQL, the product allows twelve"
)
_CAP, _OTHERS = Decimal(1_000_000), 1_000_000


@dataclass(frozen=True, slots=True)
class Ground:
    """``caps``: by the pseudonym under which the ledger knows a user."""

    tenant_id: UUID
    person: User
    caps: dict[str, int]

    def token(self) -> str:
        now = datetime.now(UTC)
        with tenant_transaction(self.tenant_id):
            _, raw = create_token(
                tenant_id=self.tenant_id,
                name="benchmark",
                scopes=("decide",),
                expires_at=now + timedelta(days=1),
                created_by=self.person,
                actor=SETUP,
                now=now,
            )
        return raw

    def key(self, user: str) -> str:
        return user_key(self.tenant_id, user)


def lay(slug: str, caps: dict[int, int]) -> Ground:
    """``caps`` by the number of the user."""
    who = make_user(slug)
    tenant = tenants.create_tenant(slug=slug, name=slug, actor=SETUP)
    keys = {user_key(tenant.id, name(user)): cap for user, cap in caps.items()}
    with tenant_transaction(tenant.id):
        workload = _in_service(tenant, who)
        rows = _first(workload, who)
    with database.owner() as connection:
        _copies(connection, keys, *rows)
    return Ground(tenant.id, who, keys)


def name(user: int) -> str:
    return f"user-{user}"


def _in_service(tenant: Tenant, who: User) -> Workload:
    now = datetime.now(UTC)
    roles = [Role.WORKLOAD_OWNER, Role.ADMIN]
    member = tenants.add_member(tenant_id=tenant.id, user=who, roles=roles, actor=SETUP)
    workload, version, _ = make_workload(tenant, who, WORKLOAD)
    workloads.serve_version(workload=workload, version=version, actor=SETUP, reason="benchmark")
    price = Wanted(version.model, now.date(), Decimal(3), Decimal(15), None)
    actor = person(member, who)
    set_price(tenant_id=tenant.id, wanted=price, reason="benchmark", by=who, actor=actor, now=now)
    return workload


def _first(workload: Workload, who: User) -> tuple[UserTier, TierGate, Subject]:
    now = datetime.now(UTC)
    gate = actions.set_gate(workload=workload, spend_cap=_CAP, billing_contact=who, brake=Brake(), actor=SETUP, now=now)
    tier = actions.create_tier(tenant_id=workload.tenant_id, slug="first", name="First", actor=SETUP)
    ceiling = actions.set_ceiling(gate=gate, tier=tier, ceiling=Ceiling(_OTHERS, Pattern.HARD), actor=SETUP, now=now)
    return tier, ceiling, actions.put_subject(tier=tier, user_key="first", actor=SETUP)


def _copies(connection: Any, caps: dict[str, int], tier: UserTier, ceiling: TierGate, subject: Subject) -> None:
    connection.execute(
        "create temp table copies as select gen_random_uuid() as tier, found.key, found.ceiling "
        "from unnest(%s::text[], %s::bigint[]) as found(key, ceiling)",
        [list(caps), list(caps.values())],
    )
    fresh = {"id": "gen_random_uuid()", "tier_id": "c.tier"}
    copy(connection, "budgets_usertier", tier.id, id="c.tier", slug="c.key", name="c.key", is_default="false")
    copy(connection, "budgets_tiergate", ceiling.id, **fresh, ceiling="c.ceiling")
    copy(connection, "budgets_subject", subject.id, **fresh, user_key="c.key")
