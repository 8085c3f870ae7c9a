"""Two demo tenants, made through the product's own actions: the workloads of a scale-out plan and a person a role.

Deterministic but for ids and tokens. Running it again adds nothing, except that workloads whose last rollout has
ended get the next version and a new rollout, so that there is always something to watch.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from apps.accounts.actions import create_token
from apps.accounts.models import User
from apps.accounts.queries import live_token
from apps.approvals.actions import sign
from apps.approvals.queries import latest
from apps.approvals.rules import Verdict
from apps.rollouts import actions as rollouts
from apps.rollouts.assignment import ALL
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout
from apps.rollouts.plan import GuardrailPlan, Kind, Metric, OnBreach, PhasePlan
from apps.rollouts.queries import of_workload
from apps.tenants import actions as tenants
from apps.tenants.directory import person
from apps.tenants.models import Membership, Team, Tenant
from apps.tenants.queries import tenant_by_slug
from apps.tenants.roles import Role
from apps.workloads import actions as workloads
from apps.workloads.models import AgentVersion, Workload
from apps.workloads.queries import versions
from demo import costs, feedback, prices, road
from portal import actor as actors
from portal.actor import Actor
from portal.errors import Refused, Unauthorised
from portal.tenancy.context import tenant_transaction

SETUP = actors.task("demo")
PASSWORD = "causeway-demo-2026"

PEOPLE: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("sarah", "Sarah Lindqvist", (Role.WORKLOAD_OWNER,)),
    ("marcus", "Marcus Oyelaran", (Role.WORKLOAD_OWNER, Role.INCIDENT_RESPONDER)),
    ("priya", "Priya Raman", (Role.WORKLOAD_OWNER, Role.WORKFLOW_OPTIMIZER)),
    ("tom", "Tom Achterberg", (Role.WORKLOAD_OWNER, Role.DATA_ENGINEER)),
    ("aisha", "Aisha Bello", (Role.WORKLOAD_OWNER,)),
    ("erin", "Erin Kowalski", (Role.ENGINEERING,)),
    ("olga", "Olga Brandt", (Role.OPS_LEAD,)),
    ("gina", "Gina Moreau", (Role.GOVERNANCE,)),
    ("pablo", "Pablo Serrano", (Role.PRODUCT,)),
    ("fiona", "Fiona Gallagher", (Role.FINANCE,)),
    ("petra", "Petra Novak", (Role.PLATFORM_ENGINEERING,)),
    ("samir", "Samir Haddad", (Role.SECURITY,)),
    ("adam", "Adam Nakamura", (Role.ADMIN,)),
    ("audrey", "Audrey Finch", (Role.AUDITOR,)),
    ("fred", "Fred Castillo", (Role.FRONTLINE,)),
)


@dataclass(frozen=True)
class Spec:
    """One workload of the plan; ``rolled_out`` ones get a rollout that moves while you watch."""

    key: str
    name: str
    owner: str
    shape: str
    purpose: str
    primary: str
    budget: str
    model: str
    customer_facing: bool = False
    rolled_out: bool = False
    team: str = "agent-ops"


WORKLOADS: tuple[Spec, ...] = (
    Spec("W-01", "Customer support chat", "sarah", "chat", "Answers first-line questions in the help centre.",
         "sonnet", "haiku", "sonnet", customer_facing=True, rolled_out=True),
    Spec("W-02", "Internal Q&A over docs", "marcus", "document_qa", "Finds and quotes the right internal page.",
         "sonnet", "", "sonnet", rolled_out=True),
    Spec("W-03", "Sales-call summariser", "priya", "summarising", "Writes the summary and next steps of a call.",
         "sonnet", "", "sonnet", rolled_out=True, team="sales-ops"),
    Spec("W-04", "Code review assistant", "tom", "code", "Comments on pull requests before a person does.",
         "opus", "sonnet", "opus"),
    Spec("W-05", "Marketing copy drafts", "aisha", "drafting", "Drafts product texts for an editor.",
         "gpt-4o-mini", "", "gpt-4o-mini"),
)  # fmt: skip

TENANTS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("meridian", "Meridian Services", "Europe/Berlin", ("W-01", "W-02", "W-03", "W-04", "W-05")),
    ("halden", "Halden Logistics", "America/New_York", ("W-01", "W-03")),
)

TEAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "agent-ops": ("Agent operations", ("marcus", "priya", "tom")),
    "sales-ops": ("Sales operations", ("priya", "tom", "aisha")),
}

# The demo's bake times are seconds where a real plan's are days; everything else is as in a real one.
PHASES = (
    PhasePlan(500, timedelta(seconds=45)),
    PhasePlan(1_000, timedelta(seconds=45)),
    PhasePlan(2_500, timedelta(seconds=90)),
    PhasePlan(5_000, timedelta(minutes=3)),
    PhasePlan(ALL, timedelta(minutes=5)),
)
GUARDRAILS = (
    GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05),
    GuardrailPlan(Metric.LATENCY_P95, Kind.RELATIVE, 1.5),
    GuardrailPlan(Metric.VALIDATOR_FLAGS, Kind.ABSOLUTE, 0.05),
    GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5),
    GuardrailPlan(Metric.UNAUTHORISED, Kind.ABSOLUTE, 0.0),
)
# Its users are who notices first: re-checking holds it before any error would.
TRUSTED = (
    *GUARDRAILS,
    GuardrailPlan(Metric.TRUST, Kind.ABSOLUTE, 0.10, OnBreach.HOLD),
    GuardrailPlan(Metric.SOFT_FAILURES, Kind.ABSOLUTE, 0.02, OnBreach.HOLD),
)
CHECK_SECONDS = 5
SCOPES = ("decide", "feedback", "telemetry")


def build(*, now: datetime, tokens_file: Path) -> None:
    """Make what is missing."""
    known = json.loads(tokens_file.read_text()) if tokens_file.exists() else {}
    for slug, name, zone, keys in TENANTS:
        tenant = tenant_by_slug(slug) or _tenant(slug, name, zone, keys, now)
        if not _counts(known.get(slug, ""), tenant):
            known[slug] = _token(tenant, now)
        with tenant_transaction(tenant.id):
            prices.build(tenant, now)
            costs.build(tenant, now)
    tokens_file.parent.mkdir(parents=True, exist_ok=True)
    tokens_file.write_text(json.dumps(known, indent=2))
    tokens_file.chmod(0o600)
    _roll_out(tenant_by_slug(TENANTS[0][0]), now)


def _counts(raw: str, tenant: Tenant) -> bool:
    """Whether a token from the file still stands for the tenant and its tasks; the database may be a new one."""
    try:
        found = live_token(raw)
    except Unauthorised:
        return False
    return found.tenant_id == tenant.id and found.scopes >= set(SCOPES)


def email(login: str, slug: str) -> str:
    return f"{login}@{slug}.example"


def _tenant(slug: str, name: str, zone: str, keys: tuple[str, ...], now: datetime) -> Tenant:
    tenant = tenants.create_tenant(slug=slug, name=name, time_zone=zone, actor=SETUP)
    users = {login: _user(login, slug, full) for login, full, _ in PEOPLE}
    with tenant_transaction(tenant.id):
        members = {
            login: tenants.add_member(tenant_id=tenant.id, user=users[login], roles=roles, actor=SETUP)
            for login, _, roles in PEOPLE
        }
        teams = {slug: _team(tenant, slug, zone, members, now) for slug in TEAMS}
        for login in ("sarah", "marcus", "priya", "tom", "aisha", "olga", "adam"):
            road.make_reachable(members[login], now)
        for spec in WORKLOADS:
            if spec.key in keys:
                team = teams[spec.team]
                workload = _workload(tenant, spec, users, team)
                workloads.permit_team(workload=workload, team=team, permission="operate_workload", actor=SETUP)
    return tenant


def _team(tenant: Tenant, slug: str, zone: str, members: dict[str, Membership], now: datetime) -> Team:
    """A team whose people take turns, a week each."""
    name, logins = TEAMS[slug]
    team = tenants.create_team(tenant_id=tenant.id, slug=slug, name=name, actor=SETUP)
    for login in logins:
        tenants.join_team(team=team, member=members[login], actor=SETUP)
    road.put_on_call(team, zone, [members[login] for login in logins], now)
    return team


def _user(login: str, slug: str, name: str) -> User:
    address = email(login, slug)
    return User.objects.filter(email=address).first() or User.objects.create_user(address, PASSWORD, name=name)


def _workload(tenant: Tenant, spec: Spec, users: dict[str, User], team: Team) -> Workload:
    workload = workloads.register_workload(
        tenant_id=tenant.id,
        key=spec.key,
        owner=users[spec.owner],
        team=team,
        actor=SETUP,
        name=spec.name,
        purpose=spec.purpose,
        shape=spec.shape,
        customer_facing=spec.customer_facing,
        primary_tier=spec.primary,
        budget_tier=spec.budget,
        may_degrade=bool(spec.budget),
        fallback_kind="system",
        fallback_description="The process from before: the form, answered by the team.",
        fallback_address=f"https://intranet.example/{spec.key.lower()}",
        fallback_sends_records=True,
    )
    governor = Actor(kind="task", id=None, label="task:demo", roles=frozenset({Role.GOVERNANCE}))
    workloads.set_posture(workload=workload, posture="authorize", actor=governor, reason="demo: all six domains stable")
    _version(workload, users[spec.owner], spec.model, 1)
    return workload


def _version(workload: Workload, owner: User, model: str, number: int) -> AgentVersion:
    prompt = hashlib.sha256(f"{workload.tenant_id}:{workload.key}:{number}".encode()).hexdigest()
    return workloads.add_version(
        workload=workload,
        label=f"1.{number}",
        model=model,
        prompt_digest=f"sha256:{prompt}",
        tools=["search", "ticket.read"],
        why="first version" if number == 1 else "a new prompt, shorter answers",
        made_by=owner,
        actor=SETUP,
    )


def _token(tenant: Tenant, now: datetime) -> str:
    with tenant_transaction(tenant.id):
        admin = Membership.objects.filter(tenant=tenant, roles__contains=[Role.ADMIN]).select_related("user").get()
        _, raw = create_token(
            tenant_id=tenant.id,
            name="simulator",
            scopes=SCOPES,
            expires_at=now + timedelta(days=90),
            created_by=admin.user,
            actor=SETUP,
            now=now,
        )
    return raw


def _roll_out(tenant: Tenant | None, now: datetime) -> None:
    assert tenant is not None, "the demo tenant was just made"
    with tenant_transaction(tenant.id):
        members = Membership.objects.filter(tenant=tenant).select_related("user")
        people = {member.user.email.partition("@")[0]: member for member in members}
        for spec in WORKLOADS:
            if spec.rolled_out:
                workload = Workload.objects.get(tenant=tenant, key=spec.key)
                road.build(workload, people, spec.owner, now)
                feedback.build(workload, people, now)
                _start_one(workload, spec, people, now)


def _start_one(workload: Workload, spec: Spec, people: dict[str, Membership], now: datetime) -> None:
    """Draft, approve and start, by three different people, as in life."""
    last = of_workload(workload.id, workload.tenant_id).first()
    if last is not None and last.state not in {State.ROLLED_BACK, State.COMPLETED, State.CANCELLED}:
        return
    number = versions(workload).count()
    version = versions(workload).first() if last is None else _version(workload, workload.owner, spec.model, number + 1)
    assert version is not None, "a demo workload has a version"
    author = people["priya"]
    rollout = rollouts.draft_rollout(
        workload=workload,
        version=version,
        why="Shorter answers, same quality in the evaluation.",
        author=author.user,
        actor=person(author, author.user),
        phases=PHASES,
        guardrails=TRUSTED if spec.key == "W-03" else GUARDRAILS,
        check_seconds=CHECK_SECONDS,
        blind_high=timedelta(minutes=5),
        blind_low=timedelta(minutes=10),
    )
    _approve_and_start(rollout, people, spec.owner, now)


def _approve_and_start(rollout: Rollout, people: dict[str, Membership], owner: str, now: datetime) -> None:
    author, who = people["priya"], people[owner]
    rollout = rollouts.submit_rollout(rollout=rollout, actor=person(author, author.user), now=now)
    _sign(rollout, people, now)
    rollout.refresh_from_db()
    # Whoever tightened the demo's policies has to find the signers for it; whoever changed its teams, free hands.
    with suppress(Refused):
        if rollout.approval_id is not None:
            rollouts.start_rollout(rollout=rollout, actor=person(who, who.user), now=now)


def _sign(rollout: Rollout, people: dict[str, Membership], now: datetime) -> None:
    """Everybody who can signs, until nobody is needed any more."""
    for member in people.values():
        request = latest(rollout.tenant_id, "rollout", rollout.id)
        if request is None or request.state != "pending":
            return
        if set(member.roles) & set(request.waiting_roles) and str(member.user_id) not in request.excluded:
            signer = person(member, member.user)
            sign(
                request=request, signer=member.user, verdict=Verdict.APPROVE, seen=request.digest, actor=signer, now=now
            )
