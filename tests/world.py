"""The cast (style, 13). Everything is made through the product's own actions.

Alice owns the workload, Bob is on her team, Charlie is in the tenant without rights, Erin approves (engineering),
Gina governs, Adam is the tenant's admin, Audrey audits; Mallory is admin of another tenant and Otto is a platform
operator, a member of none. Nils and Ora help Mallory there.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from apps.accounts.actions import create_token
from apps.accounts.models import User
from apps.budgets import actions as budgets
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.models import CostGate, UserTier
from apps.budgets.rules import Pattern
from apps.feedback import desks
from apps.feedback.models import Desk
from apps.feedback.rules import Hours
from apps.ownership import actions as rotas
from apps.ownership.models import Rota
from apps.ownership.rotation import Unit
from apps.pricing import actions as pricing
from apps.pricing.card import Wanted
from apps.tenants import actions as tenants
from apps.tenants.directory import person
from apps.tenants.models import Membership, Team, Tenant
from apps.tenants.queries import membership
from apps.tenants.roles import Role
from apps.workloads import actions as workloads
from apps.workloads.models import AgentVersion, Workload
from portal import actor as actors
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
SETUP = actors.task("setup")
MODELS = ("sonnet-4", "sonnet-4.5")
SPEND_CAP, CEILING = Decimal(10_000), 10_000_000


@dataclass
class World:
    """Handles to what was made. ``actor(user)`` is the user as a signed-in member of the first tenant."""

    tenant: Tenant
    other: Tenant
    people: dict[str, User]
    team: Team
    workload: Workload
    foreign: Workload
    stable: AgentVersion
    candidate: AgentVersion
    foreign_version: AgentVersion
    tokens: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> User:
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None

    def actor(self, user: User, tenant: Tenant | None = None) -> Actor:
        tenant = tenant or self.tenant
        with tenant_transaction(tenant.id):
            found = membership(tenant.id, user.id)
            assert found is not None, f"{user} is no member of {tenant}"
            return person(found, user)

    def token(self, *scopes: str, tenant: Tenant | None = None, **options: object) -> str:
        """A fresh service token of the tenant with these scopes, in clear."""
        tenant = tenant or self.tenant
        options.setdefault("expires_at", datetime.now(UTC) + timedelta(days=1))
        with tenant_transaction(tenant.id):
            _, raw = create_token(
                tenant_id=tenant.id,
                name="test",
                scopes=scopes,
                created_by=self.adam if tenant == self.tenant else self.mallory,
                actor=SETUP,
                now=datetime.now(UTC) - timedelta(days=2),
                **options,  # type: ignore[arg-type]
            )
        return raw


ROLES = {
    "alice": [Role.WORKLOAD_OWNER],
    "bob": [Role.INCIDENT_RESPONDER],
    "charlie": [Role.FRONTLINE],
    "erin": [Role.ENGINEERING],
    "gina": [Role.GOVERNANCE],
    "adam": [Role.ADMIN],
    "audrey": [Role.AUDITOR],
}


def build_world(*, is_gated: bool = True) -> World:
    people = {name: make_user(name) for name in [*ROLES, "mallory", "nils", "ora"]}
    people["otto"] = make_user("otto", is_staff=True)
    tenant = tenants.create_tenant(slug="acme", name="Acme", actor=SETUP)
    other = tenants.create_tenant(slug="umbra", name="Umbra", actor=SETUP)
    with tenant_transaction(tenant.id):
        members = {name: _join(tenant, people[name], roles) for name, roles in ROLES.items()}
        team = tenants.create_team(tenant_id=tenant.id, slug="support", name="Support", actor=SETUP)
        tenants.join_team(team=team, member=members["bob"], actor=SETUP)
        put_on_call(team, people["bob"])
        workload, stable, candidate = make_workload(tenant, people["alice"], "W-01", team=team, is_gated=is_gated)
        workloads.permit_team(workload=workload, team=team, permission="operate_workload", actor=SETUP)
    with tenant_transaction(other.id):
        _join(other, people["mallory"], [Role.ADMIN, Role.WORKLOAD_OWNER, Role.ENGINEERING, Role.GOVERNANCE])
        _join(other, people["nils"], [Role.WORKLOAD_OWNER])
        _join(other, people["ora"], [Role.ENGINEERING])
        foreign, foreign_version, _ = make_workload(other, people["mallory"], "W-01", is_gated=is_gated)
    return World(tenant, other, people, team, workload, foreign, stable, candidate, foreign_version)


def make_user(name: str, **fields: object) -> User:
    return User.objects.create_user(f"{name}@example.org", PASSWORD, name=name.capitalize(), **fields)


def long_address(length: int) -> str:
    """One that is well-formed, with so many characters."""
    ending = ".org"
    domain = ".".join(["d" * 40] * 5)[: length - 60 - len("@" + ending)].rstrip(".")
    return f"{'a' * (length - len(domain) - len('@' + ending))}@{domain}{ending}"


def make_workload(
    tenant: Tenant, owner: User, key: str, team: Team | None = None, *, is_gated: bool = True
) -> tuple[Workload, AgentVersion, AgentVersion]:
    """A workload that is ready to be rolled out: fallback, posture, somebody on call, two versions, a cost gate."""
    team = team or _answering(tenant, owner)
    workload = workloads.register_workload(
        tenant_id=tenant.id,
        key=key,
        owner=owner,
        team=team,
        actor=SETUP,
        name=f"{key} Customer support chat",
        purpose="Answers customers' questions.",
        fallback_kind="system",
        fallback_description="The form of before, answered by the support team.",
        fallback_address="https://support.example/form",
        fallback_sends_records=True,
    )
    governor = Actor(kind="task", id=None, label="task:setup", roles=frozenset({Role.GOVERNANCE}))
    workloads.set_posture(workload=workload, posture="authorize", actor=governor, reason="set up for the test")
    staff_desk(workload, owner)
    if is_gated:
        set_gate(workload, owner)
    versions = [
        workloads.add_version(
            workload=workload,
            label=label,
            model=model,
            prompt_digest=f"sha256:{tenant.slug}-{key}-{label}",
            why=f"version {label}",
            made_by=owner,
            actor=SETUP,
        )
        for label, model in zip(("1.0", "1.1"), MODELS, strict=True)
    ]
    return workload, versions[0], versions[1]


def set_gate(workload: Workload, contact: User) -> CostGate:
    """A gate that no test comes near: one tier that everybody is in, models with a price."""
    tenant_id, began = workload.tenant_id, NOW - timedelta(days=1)
    gate = budgets.set_gate(
        workload=workload, spend_cap=SPEND_CAP, billing_contact=contact, brake=Brake(), actor=SETUP, now=began
    )
    tier = UserTier.objects.filter(tenant=tenant_id, is_default=True).first()
    if tier is None:
        tier = budgets.create_tier(tenant_id=tenant_id, slug="standard", name="Standard", actor=SETUP)
        set_prices(tenant_id, contact)
    budgets.set_ceiling(gate=gate, tier=tier, ceiling=Ceiling(CEILING, Pattern.HARD), actor=SETUP, now=began)
    return gate


def set_prices(tenant_id: UUID, payer: User) -> None:
    """The cast's models on the rate card, since long ago."""
    day = NOW.date() - timedelta(days=390)
    finance = Actor(kind="task", id=None, label="task:setup", roles=frozenset({Role.FINANCE}))
    pricing.set_prices(
        tenant_id=tenant_id,
        wanted=[Wanted(model, day, Decimal(3), Decimal(15), None) for model in MODELS],
        reason="set up for the test",
        by=payer,
        actor=finance,
        now=NOW,
    )


def staff_desk(workload: Workload, person: User) -> Desk:
    """A support desk of one, open round the clock (ROLL-10)."""
    return desks.name_desk(
        workload=workload,
        people=[person.id],
        hours=[Hours(day, time(0), time(23, 59)) for day in range(7)],
        zone="UTC",
        target_minutes=60,
        expected_reports=70,
        actor=SETUP,
        now=NOW - timedelta(days=1),
    )


def put_on_call(team: Team, person: User) -> Rota:
    """A rota of one, from the day before :data:`NOW` on."""
    lead = Actor(kind="task", id=None, label="task:setup", roles=frozenset({Role.OPS_LEAD}))
    began = NOW - timedelta(days=1)
    rota = rotas.create_rota(team=team, name=f"{team.name} on call", zone="UTC", actor=lead, now=began)
    rotas.set_rotation(
        rota=rota,
        name="always",
        anchor=datetime(2026, 10, 5, 9),
        unit=Unit.WEEK,
        participants=[person.id],
        actor=lead,
        now=began,
    )
    return rota


def _answering(tenant: Tenant, person: User) -> Team:
    """The tenant's team for workloads that name none, with somebody on call."""
    found = Team.objects.filter(tenant=tenant, slug="answering").first()
    if found is None:
        found = tenants.create_team(tenant_id=tenant.id, slug="answering", name="Answering", actor=SETUP)
        put_on_call(found, person)
    return found


def _join(tenant: Tenant, user: User, roles: list[Role]) -> Membership:
    return tenants.add_member(tenant_id=tenant.id, user=user, roles=roles, actor=SETUP)
