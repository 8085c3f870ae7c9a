"""A row of each tenant in every tenant table, made through the product's own actions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from apps.accounts.models import ApiToken, User
from apps.approvals import actions as approvals
from apps.approvals import breakglass, policies, subjects
from apps.approvals.models import ApprovalRequest, Delegation
from apps.budgets.models import BudgetAlert, Closure, MeteredOptIn, Subject, UserTier
from apps.dispatch.classify import actions as classify
from apps.dispatch.classify import training as classifying
from apps.dispatch.classify.models import Classifier, Example, Rule
from apps.dispatch.classify.reading import Said
from apps.dispatch.pilot import actions as pilots
from apps.dispatch.pilot.rules import Mode, Terms
from apps.events import actions as events
from apps.events import queries as event_queries
from apps.events.models import Delivery, Subscription
from apps.feedback import actions as feedback
from apps.feedback import triage
from apps.feedback.actions import Person, Told
from apps.feedback.models import Report, Source, Theme, TrustDay, Widget
from apps.feedback.widget import actions as widgets
from apps.gates import actions as gates
from apps.gates.attachments import checked
from apps.gates.evaluations import evalsets
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.evaluations.reader import Mapped
from apps.gates.evaluations.uploads import take_upload
from apps.gates.models import Attachment, GateAttempt, Upload
from apps.gates.own import actions as own
from apps.ownership import actions as rotas
from apps.ownership import handover
from apps.ownership.alerts import actions as alerts
from apps.ownership.alerts import links
from apps.ownership.alerts.inbound import integrations, receive
from apps.ownership.alerts.inbound.parse import Group, Member
from apps.ownership.calendars import feeds
from apps.ownership.channels import actions as channels
from apps.ownership.models import (
    Absence,
    Alert,
    CalendarFeed,
    Channel,
    Handover,
    Integration,
    Notification,
    OwnershipPeriod,
    Rota,
    RotaOverride,
    ShiftSwap,
    TemporarySchedule,
)
from apps.ownership.models.channels import ChannelKind, Urgency
from apps.ownership.rotation import Unit
from apps.ownership.schedule import Change
from apps.pricing import actions as pricing
from apps.pricing.card import Wanted
from apps.pricing.models import ModelPrice
from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout
from apps.rollouts.plan import GuardrailPlan, Kind, Metric
from apps.runbooks import actions as runbooks
from apps.runbooks.models import Drill
from apps.runbooks.rules import Kind as DrillKind
from apps.telemetry import ingest
from apps.telemetry.otlp import Rejection
from apps.telemetry.records import ActionRecord, Reading
from apps.tenants import actions as tenants
from apps.tenants import invitations, provider
from apps.tenants.models import EndedSession, Invitation, Membership, ProviderIdentity, Team, Tenant
from apps.tenants.queries import membership
from apps.training import actions as training
from apps.training.models import Cohort, Module
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from apps.workspace import actions as workspace
from apps.workspace.models import SavedFilter
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.budgets.planting import budgeted
from tests.runbooks.texts import RUNBOOK
from tests.signing import approve, request_of
from tests.world import MODELS, SETUP, World, set_gate, staff_desk

ERRORS = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05)


@dataclass
class Paging:
    """An alert that came in from outside and woke somebody."""

    alert: Alert
    integration: Integration
    channel: Channel
    absence: Absence
    intent: Notification
    feed: CalendarFeed


@dataclass
class Feedback:
    """A report in a theme, and a widget."""

    report: Report
    theme: Theme
    widget: Widget


@dataclass
class Sent:
    """A receiver, an event on its way to it, and a replay that runs."""

    subscription: Subscription
    delivery: Delivery


@dataclass
class Door:
    """How people come in: a member, somebody invited, and who the tenant's provider vouched for."""

    member: Membership
    invitation: Invitation
    identity: ProviderIdentity


@dataclass
class Kept:
    """What somebody keeps for themselves: a filter, and a notice that they were told."""

    filter: SavedFilter
    notice: Notification


@dataclass
class Dispatching:
    """A rule, an example, and what was learned from it."""

    rule: Rule
    example: Example


@dataclass
class Planted:
    """What stands in one tenant, by the names that URLs use."""

    tenant: Tenant
    workload: Workload
    rollout: Rollout
    token: ApiToken
    team: Team
    approval: ApprovalRequest
    delegation: Delegation
    drill: Drill
    module: Module
    cohort: Cohort
    attachment: Attachment
    upload: Upload
    rota: Rota
    override: RotaOverride
    swap: ShiftSwap
    handover: Handover
    paging: Paging
    feedback: Feedback
    sent: Sent
    door: "Door"
    kept: "Kept"
    price: ModelPrice
    dispatching: Dispatching
    tier: UserTier
    closure: Closure

    @property
    def temporary(self) -> TemporarySchedule:
        with tenant_transaction(self.tenant.id):
            return TemporarySchedule.objects.get(tenant=self.tenant)

    @property
    def budgeted(self) -> dict[str, object]:
        """Rows of budgets, by the names that URLs use."""
        with tenant_transaction(self.tenant.id):
            found = {"opt_in_id": MeteredOptIn, "budget_alert_id": BudgetAlert, "subject_id": Subject}
            return {name: model.objects.filter(tenant=self.tenant)[0].id for name, model in found.items()}

    @property
    def ids(self) -> dict[str, object]:
        return {
            "key": self.workload.key,
            "rollout_id": self.rollout.id,
            "token_id": self.token.id,
            "approval_id": self.approval.id,
            "delegation_id": self.delegation.id,
            "policy": "rollout.start",
            "stage": "pilot",
            "kind": "core_journey",
            "runbook_id": self.drill.runbook_id,
            "drill_id": self.drill.id,
            "module_id": self.module.id,
            "cohort_id": self.cohort.id,
            "attachment_id": self.attachment.id,
            "upload_id": self.upload.id,
            "code": "HT1",
            "rota_id": self.rota.id,
            "override_id": self.override.id,
            "swap_id": self.swap.id,
            "handover_id": self.handover.id,
            "alert_id": self.paging.alert.id,
            "incident_id": self.paging.alert.incident_id,
            "integration_id": self.paging.integration.id,
            "channel_id": self.paging.channel.id,
            "absence_id": self.paging.absence.id,
            "temporary_id": self.temporary.id,
            "member_id": self.door.member.id,
            "invitation_id": self.door.invitation.id,
            "identity_id": self.door.identity.id,
            "session": "0" * 64,
            "feed_id": self.paging.feed.id,
            "subscription_id": self.sent.subscription.id,
            "delivery_id": self.sent.delivery.id,
            "token": links.make(self.paging.intent),
            "team": self.team.slug,
            "version_id": self.swap.version_id,
            "shift": self.swap.shift + 1,
            "name": "cases",
            "label": "9.9",
            "number": 1,
            "what": "1",
            "report_id": self.feedback.report.id,
            "theme_id": self.feedback.theme.id,
            "widget_key": self.feedback.widget.key,
            "filter_id": self.kept.filter.id,
            "notice_id": self.kept.notice.id,
            "price_id": self.price.id,
            "tier": self.tier.slug,
            "closure_id": self.closure.id,
            "call_id": self.closure.reservation_id,
            "user_key": self.closure.reservation.user_key,
            "form": "jsonl",
            **self.budgeted,
            "rule_id": self.dispatching.rule.id,
            "example_id": self.dispatching.example.id,
        }


def populate(world: World) -> tuple[Planted, Planted]:
    """The first tenant's and the other's."""
    ours = _plant(world, world.tenant, "W-77", (world.alice, world.bob, world.erin))
    theirs = _plant(world, world.other, "W-88", (world.mallory, world.nils, world.ora))
    return ours, theirs


def _plant(world: World, tenant: Tenant, key: str, people: tuple[User, User, User]) -> Planted:
    owner, author, approver = people
    now = datetime.now(UTC)
    with tenant_transaction(tenant.id):
        team = tenants.create_team(tenant_id=tenant.id, slug=f"team-{key.lower()}", name="Team", actor=SETUP)
        turns = _rota(team, owner, author, now)
        workload = _workload(tenant, key, owner, author, team)
        jobs = {"optimizer": [owner.id], "engineer": [author.id], "responder": [approver.id]}
        rotas.name_team(workload=workload, named=jobs, actor=SETUP)
        offered = handover.offer(workload=workload, to=author, reason="r", by=owner, actor=SETUP, now=now)
        OwnershipPeriod.objects.create(tenant=tenant, workload=workload, owner=owner, team=team, start=now)
        member: Membership | None = membership(tenant.id, author.id)
        assert member is not None
        tenants.join_team(team=team, member=member, actor=SETUP)
        workloads.permit_team(workload=workload, team=team, permission="operate_workload", actor=SETUP)
        version = workload.versions.get()
        rollout = rollouts.draft_rollout(
            workload=workload, version=version, why="w", author=author, actor=SETUP, guardrails=[ERRORS]
        )
        rollout = rollouts.submit_rollout(rollout=rollout, actor=SETUP, now=now)
        rollout = approve(rollout, approver, world.actor(approver, tenant), now)
        rollout = rollouts.start_rollout(rollout=rollout, actor=SETUP, now=now)
        planted = _approvals(world, tenant, rollout, people, now)
        kept = _evidence(workload, author, approver, now)
        drill = _drill(workload, owner, author, now)
        taught = _training(workload, author, approver, now)
        paging = _paging(workload, team, author, now)
        heard = _feedback(workload, author, now)
        tier, closure = budgeted(workload, author, now)
        door = _door(member, now)
        dispatching = _dispatching(workload, now)
    _record(tenant, workload, rollout.id, now)
    world.token("decide", "telemetry", tenant=tenant)
    with tenant_transaction(tenant.id):
        token = ApiToken.objects.latest("created_at")
        sent = _sent(tenant, author, now)
        private = _kept(tenant, author, now)
        price = _price(tenant, author, now)
    made = (tenant, workload, rollout, token, team)
    return Planted(
        *made,
        *planted,
        drill,
        *taught,
        *kept,
        *turns,
        offered,
        paging,
        heard,
        sent,
        door,
        private,
        price,
        dispatching,
        tier,
        closure,
    )


def _dispatching(workload: Workload, now: datetime) -> Dispatching:
    """Examples of two workloads, one of them corrected, a version that answers, and a rule."""
    other = Workload.objects.get(tenant=workload.tenant_id, key=f"{workload.key}-2")
    common: dict[str, Any] = {"tenant_id": workload.tenant_id, "actor": SETUP, "now": now}
    for each in (workload, other):
        said = [Said(f"secret {n} of {each.key}") for n in range(10)]
        classify.add_examples(workload=each, said=said, **common)
    classifying.ask_for_training(**common)
    classifying.train_due(tenant_id=workload.tenant_id, now=now)
    made = Classifier.objects.get(tenant=workload.tenant_id)
    classify.activate(classifier=made, threshold=None, actor=SETUP, now=now, reason="r")
    later = {**common, "now": now + timedelta(seconds=1)}
    example = classify.correct(workload=workload, text="secret correction", request_id="r-1", **later)
    _piloted(workload, now)
    rule = classify.add_rule(tenant_id=workload.tenant_id, workload=workload, written="secret word", actor=SETUP)
    return Dispatching(rule, example)


def _piloted(workload: Workload, now: datetime) -> None:
    """A service before rollout, of the other workload: this one is being rolled out."""
    other = Workload.objects.get(tenant=workload.tenant_id, key=f"{workload.key}-2")
    version = workloads.add_version(
        workload=other,
        label="0.1",
        model="m",
        prompt_digest="sha256:secret-pilot",
        why="w",
        made_by=other.owner,
        actor=SETUP,
    )
    pilots.set_service(
        workload=other,
        version=version,
        terms=Terms(Mode.COHORT, "Secret cohort", frozenset({"secret-unit"})),
        ends_at=now + timedelta(days=7),
        actor=SETUP,
        reason="r",
        now=now,
    )


def _kept(tenant: Tenant, author: User, now: datetime) -> Kept:
    """Also that they need no first steps any more."""
    common: dict[str, Any] = {"tenant_id": tenant.id, "now": now}
    row = workspace.keep_filter(
        person=author, page="rollouts", about="", name="Secret filter", query="state=held", **common
    )
    workspace.dismiss_first_steps(person=author, **common)
    channels.tell(people=[author.id], title="Secret notice", body="Secret", link="", cause=uuid4(), **common)
    return Kept(row, Notification.objects.get(title="Secret notice"))


def _price(tenant: Tenant, author: User, now: datetime) -> ModelPrice:
    payer = Actor(kind="person", id=author.id, user_id=author.id, label="a", roles=frozenset({"finance"}))
    wanted = Wanted("secret-model", now.date(), Decimal(3), Decimal(15), Decimal("0.3"), "Secret discount")
    return pricing.set_price(tenant_id=tenant.id, wanted=wanted, reason="r", by=author, actor=payer, now=now)


def _sent(tenant: Tenant, author: User, now: datetime) -> Sent:
    admin = Actor(kind="person", id=author.id, user_id=author.id, label="a", roles=frozenset({"admin"}))
    common: dict[str, Any] = {"by": author, "actor": admin, "now": now}
    row = events.subscribe(
        tenant_id=tenant.id,
        name="Secret receiver",
        address="https://93.184.215.14/secret-receiver",
        patterns=["*"],
        **common,
    )
    events.replay(subscription=row, span=event_queries.span(row, first=1), **common)
    return Sent(row, events.send_test(subscription=row, actor=admin, now=now))


def _approvals(
    world: World, tenant: Tenant, rollout: Rollout, people: tuple[User, User, User], now: datetime
) -> tuple[ApprovalRequest, Delegation]:
    """A tighter policy, a delegation, and a call for break-glass on a request that is still open."""
    _, author, approver = people
    actor = world.actor(approver, tenant)
    delegation = approvals.delegate(
        tenant_id=tenant.id,
        principal=approver,
        delegate=author,
        roles={"engineering"},
        starts_at=now,
        ends_at=now + timedelta(days=1),
        reason="away",
        actor=actor,
        now=now,
    )
    default = subjects.default("rollout.start")
    admin = Actor(kind="person", id=author.id, user_id=author.id, label="a", roles=frozenset({"admin"}))
    policies.set_policy(
        tenant_id=tenant.id,
        name=default.name,
        slots=default.slots,
        pending_days=7,
        granted_days=30,
        target_hours=24,
        expected_revision=0,
        reason="faster",
        actor=admin,
    )
    other = _workload(tenant, f"{rollout.workload.key}-2", rollout.workload.owner, author, rollout.workload.team)
    second = rollouts.draft_rollout(
        workload=other, version=other.versions.get(), why="w", author=author, actor=SETUP, guardrails=[ERRORS]
    )
    rollouts.submit_rollout(rollout=second, actor=SETUP, now=now)
    request = request_of(second)
    breakglass.break_glass(request=request, person=approver, seen=request.digest, reason="urgent", actor=actor, now=now)
    return request, delegation


def _door(member: Membership, now: datetime) -> Door:
    """An invitation that is open, the tenant's own sign-in, and a session that was ended."""
    person: User = member.user
    admin = Actor(kind="person", id=person.id, user_id=person.id, label="a", roles=frozenset({"admin"}))
    common: dict[str, Any] = {"tenant_id": member.tenant_id, "actor": admin}
    sent = invitations.invite(email="secret@invited.example", roles=["frontline"], by=person, now=now, **common)
    found = provider.set_provider(
        issuer=f"https://login.{member.tenant.slug}.example",
        client_id="c",
        client_secret="s",
        domains=["example.org"],
        enforces_mfa=False,
        is_only_way=False,
        **common,
    )
    claims = {"sub": f"secret-{member.tenant.slug}", "email": person.email, "email_verified": True}
    admitted = provider.admit(found=found, claims=claims, now=now)
    EndedSession.objects.create(tenant_id=member.tenant_id, user=person, session=f"{member.tenant.slug}-ended")
    return Door(member, sent, admitted.identity)


def _drill(workload: Workload, owner: User, author: User, now: datetime) -> Drill:
    """A published runbook, and a drill that is running."""
    person = Actor(kind="person", id=author.id, user_id=author.id, label="a")
    runbook = runbooks.create_runbook(workload=workload, title="Secret steps", owner=owner, actor=SETUP)
    version = runbooks.write_version(runbook=runbook, text=RUNBOOK, why="w", author=owner, actor=SETUP, now=now)
    runbooks.review_version(version=version, reviewer=author, actor=person, now=now)
    runbooks.publish_version(version=version, publisher=author, actor=person, now=now)
    runbook.refresh_from_db()
    return runbooks.start_drill(
        runbook=runbook, kind=DrillKind.ROLLBACK, wanted=10, staff=[author.id], starter=author, actor=SETUP, now=now
    )


def _training(workload: Workload, author: User, learner: User, now: datetime) -> tuple[Module, Cohort]:
    """A module that one person attended, and the cohort that they are in."""
    actor = Actor(kind="person", id=author.id, user_id=author.id, label="a")
    question = {"text": "Is it sure?", "answers": ["yes", "no"], "right": 1}
    module = training.write_module(
        workload=workload, topic="reading", title="Secret lesson", text="Read.", questions=[question], actor=actor
    )
    cohort = training.form_cohort(workload=workload, name="Secret pioneers", is_first=True, actor=actor)
    training.set_members(cohort=cohort, people=[learner.id], actor=actor)
    training.record_attendance(module=module, people=[learner.id], recorder=author, actor=actor, now=now)
    return module, cohort


def _rota(team: Team, owner: User, author: User, now: datetime) -> tuple[Rota, RotaOverride, ShiftSwap]:
    """A rota of two, a week of which is offered, with an override, a temporary schedule and a frozen past."""
    lead = Actor(kind="person", id=owner.id, user_id=owner.id, label="l", roles=frozenset({"ops_lead"}))
    rota = rotas.create_rota(team=team, name="Secret rota", zone="UTC", actor=lead, now=now - timedelta(hours=1))
    version = rotas.set_rotation(
        rota=rota,
        name="Secret turns",
        anchor=(now - timedelta(days=1)).replace(second=0, microsecond=0, tzinfo=None),
        unit=Unit.WEEK,
        participants=[owner.id, author.id],
        actor=lead,
        now=now - timedelta(hours=1),
    )
    common: dict[str, Any] = {"rota": rota, "by": owner, "reason": "r", "actor": lead, "now": now}
    override, _ = rotas.add_override(
        change=Change.ADD, start=now, end=now + timedelta(hours=1), person=author, **common
    )
    start = now + timedelta(days=3)
    rotas.make_temporary(start=start, end=start + timedelta(hours=1), spans=[], fallback=author, **common)
    mine = Actor(kind="person", id=author.id, user_id=author.id, label="a")
    swap = rotas.offer_swap(rota=rota, version=version, shift=1, by=author, actor=mine, now=now)
    return rota, override, swap


def _paging(workload: Workload, team: Team, author: User, now: datetime) -> Paging:
    """A way in and what came by it, a channel with a rule, maintenance and an absence."""
    actor = Actor(kind="person", id=author.id, user_id=author.id, label="a", teams=frozenset({team.id}))
    common: dict[str, Any] = {"actor": actor, "now": now}
    channel = channels.add_channel(
        tenant_id=team.tenant_id, owner=author, kind=ChannelKind.EMAIL, address="secret@example.org", name="s", **common
    )
    Channel.objects.filter(id=channel.id).update(verified_at=now)
    channels.set_rule(channel=channel, urgency=Urgency.PAGE, after=timedelta(), actor=actor)
    absence = channels.plan_absence(
        tenant_id=team.tenant_id, person=author, start=now, end=now + timedelta(days=1), note="Secret trip", **common
    )
    integration = integrations.create(team=team, workload=workload, kind="alertmanager", name="Secret source", **common)
    member = Member("f1", {"alertname": "Secret"}, now, None)
    found = Group("secret-group", False, f"Secret of {workload.key}", "critical", workload.key, "", 0, (member,))
    receive.group(integration=integration, found=found, now=now)
    hours = {"start": now, "end": now + timedelta(hours=1)}
    alerts.hold(workload=workload, by=author, reason="r", **hours, **common)
    feed = feeds.make(tenant_id=team.tenant_id, person=author, rota=None, **common)
    intent = Notification.objects.filter(channel=channel).select_related("alert").get()
    assert intent.alert is not None, "it pages"
    return Paging(intent.alert, integration, channel, absence, intent, feed)


def _feedback(workload: Workload, author: User, now: datetime) -> Feedback:
    """A report with a picture, merged with another and answered, in a theme; reactions, a day's trust and a widget."""
    actor = Actor(kind="person", id=author.id, user_id=author.id, label="a")
    common: dict[str, Any] = {"actor": actor, "now": now}
    shot = BytesIO()
    Image.new("RGB", (4, 4)).save(shot, "PNG")
    report, other = (
        feedback.file_report(
            workload=workload,
            told=Told(f"Secret failure {n}", "Secret help", request_id=f"r-{n}", screenshot=shot.getvalue()),
            person=Person(member=author),
            source=Source.PORTAL,
            **common,
        )
        for n in (1, 2)
    )
    triage.merge(report=other, into=report, **common)
    theme = triage.make_theme(workload=workload, title="Secret theme", reports=[report], maker=author, **common)
    triage.answer(report=report, state="acknowledged", text="Secret answer", **common)
    feedback.me_too(theme=theme, person=Person(member=author), **common)
    TrustDay.objects.create(
        tenant_id=workload.tenant_id, workload=workload, day=now.date(), users=3, doubting=1, as_of=now
    )
    widget = widgets.add_widget(workload=workload, name="Secret page", origins=["https://secret.example"], **common)
    report.refresh_from_db()
    return Feedback(report, theme, widget)


def _evidence(workload: Workload, author: User, approver: User, now: datetime) -> tuple[Attachment, Upload]:
    """A document with a file, an attempt at a gate, a waiver that was asked for, a flag, a step back, a threshold, a
    criterion of the tenant's own, an eval set and an upload that waits.
    """
    actor = Actor(kind="person", id=author.id, user_id=author.id, label="a", roles=frozenset({"admin", "security"}))
    common: dict[str, Any] = {"workload": workload, "actor": actor, "now": now}
    journey = {"journey": "j", "cost_before": 1, "seconds_before": 1, "rows": [{"kpi": "k", "threshold": "t"}]}
    file = checked("secret.txt", f"secret of {workload.key}".encode())
    gates.record_evidence(kind="core_journey", data=journey, author=author, files=[file], **common)
    own.add_criterion(
        tenant_id=workload.tenant_id,
        stage="harden",
        title="Secret demand",
        intro="i",
        counts_from=now.date() + timedelta(days=2),
        by=author,
        actor=actor,
        now=now,
    )
    evalsets.set_eval_set(
        workload=workload, name="Secret set", owner=author, margin=0.02, fresh_days=30, actor=actor, reason="r"
    )
    upload = take_upload(
        version=workload.versions.get(),
        purpose="accuracy",
        mapping="",
        file=SimpleUploadedFile("secret.csv", b"input_id,provenance,outcome\nb,real,1\n"),
        limit=1_000,
        by=author,
        actor=actor,
        now=now,
    )
    gates.ask_for_waiver(criterion_id="P1", days=5, reason="r", requester=author, **common)
    gates.raise_flag(stage="pilot", what="hand-picked", by=author, **common)
    gates.tighten(
        tenant_id=workload.tenant_id, criterion_id="V1", name="cases", value=12, actor=actor, reason="stricter"
    )
    GateAttempt.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        stage="pilot",
        requester=author,
        snapshot={"criteria": []},
        digest="d",
    )
    import_evaluation(
        version=workload.versions.get(),
        purpose="accuracy",
        file=BytesIO(b"input_id,provenance,outcome\na,real,1\n"),
        name="runs.csv",
        mapping=Mapped(),
        author=author,
        actor=actor,
    )
    Workload.objects.filter(id=workload.id).update(stage="validate")
    workload.refresh_from_db()
    gates.go_back(stage="pilot", by=author, reason="r", **common)
    return Attachment.objects.latest("created_at"), upload


def _workload(tenant: Tenant, key: str, owner: User, author: User, team: Team | None) -> Workload:
    workload = workloads.register_workload(
        tenant_id=tenant.id,
        key=key,
        owner=owner,
        team=team,
        actor=SETUP,
        name=f"Secret of {tenant.slug}",
        purpose="p",
        fallback_kind="people",
        fallback_description="by hand",
        fallback_sends_records=True,
    )
    governor = Actor(kind="task", id=None, label="task:setup", roles=frozenset({"governance"}))
    workloads.set_posture(workload=workload, posture="authorize", actor=governor, reason="r")
    staff_desk(workload, owner)
    set_gate(workload, owner)
    workloads.permit_person(workload=workload, user=author, permission="manage_workload", actor=SETUP)
    workloads.add_version(
        workload=workload,
        label="9.9",
        model=MODELS[0],
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
