"""What the demo's people have already shown on the road: documents, a runbook that was drilled, and a signature that is
waited for. Made through the same actions as everything else, once.
"""

from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

from apps.gates import actions as gates
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.evaluations.reader import Mapped
from apps.ownership import actions as rotas
from apps.ownership.channels import actions as channels
from apps.ownership.channels.deliver import VERIFY
from apps.ownership.models.channels import ChannelKind
from apps.ownership.rotation import Unit
from apps.runbooks import actions as runbooks
from apps.runbooks import queries
from apps.runbooks.models import Runbook
from apps.runbooks.rules import CONFIRMATIONS, Kind
from apps.tenants.directory import person
from apps.tenants.models import Membership, Team
from apps.tenants.roles import Role
from apps.training import actions as training
from apps.training.rules import Topic
from apps.workloads.models import Workload
from apps.workloads.queries import versions
from portal.actor import Actor
from portal.models import OutboxMessage
from portal.secrets import unseal

TEXT = """## What the agent does and must not do

It answers first-line questions in the help centre. It must not promise a refund, and says so.

## Dashboards and alerts

The workload's page shows errors, latency and flags by version and arm.

## Known failure modes

| Failure mode | How it is noticed | Path to a human |
| --- | --- | --- |
| No answer within 10 s | latency | the form, answered by the team |
| An answer that cites nothing | validator | the form, answered by the team |

## How to roll back to the fallback

1. Press *Roll back* on the rollout's page and say why.
2. Open the help form and send a test question.
3. Check that the question reached the team's queue.
4. Tell the team that questions come in by the form again.

## Who to call

The team on call, then the workload's owner.
"""
_CASES = (
    "Two questions in one message", "A question in another language", "An order that doesn't exist",
    "An angry customer who asks for a person", "A refund above the limit", "A link instead of a question",
    "Personal data of somebody else", "A question about another product", "An empty message", "A very long message",
)  # fmt: skip
DOCUMENTS: dict[str, dict[str, Any]] = {
    "core_journey": {
        "journey": "A customer asks in the help centre, gets an answer with its source, and says whether it helped.",
        "cost_before": 4.2,
        "seconds_before": 540,
        "rows": [
            {"kpi": "Solved without a person", "threshold": "at least 60 % of questions"},
            {"kpi": "Answered", "threshold": "within 10 s"},
        ],
    },
    "edge_cases": {"rows": [{"case": case, "expected": "handed to a person", "handled": True} for case in _CASES]},
    "exception_matrix": {
        "rows": [
            {
                "failure_mode": "No answer in time",
                "noticed_by": "latency guardrail",
                "path": "the form, answered by the team",
                "severity": "medium",
            },
            {
                "failure_mode": "Answer without a source",
                "noticed_by": "validator",
                "path": "the form, answered by the team",
                "severity": "high",
            },
        ]
    },
}

MODULES: tuple[tuple[Topic, str, str, dict[str, Any]], ...] = (
    (
        Topic.READING,
        "Sure, or only fluent?",
        "The agent writes with the same ease whether it knows or not. What counts is the **source** below an answer: "
        "no source, no answer.",
        {
            "text": "An answer has no source. What is it worth?",
            "answers": ["What it sounds like", "Nothing"],
            "right": 1,
        },
    ),
    (
        Topic.SPOTTING,
        "Four signs that it made something up",
        "1. A number that stands in no source.\n2. A product that you don't know.\n3. A promise.\n4. An exact date.",
        {
            "text": "It promises a refund by Friday. Do you pass it on?",
            "answers": ["Yes, it is friendly", "No, and I report it"],
            "right": 1,
        },
    ),
    (
        Topic.STEPPING_IN,
        "How to take over",
        "Press *Take over*, tell the customer that a person answers now, and report what went wrong.",
        {"text": "What comes first?", "answers": ["Taking over", "Finding out why"], "right": 0},
    ),
)


def build(workload: Workload, people: dict[str, Membership], owner: str, now: datetime) -> None:
    """Once a workload: its documents, and its runbook with a drill that passed."""
    if Runbook.objects.filter(tenant=workload.tenant_id, workload=workload.id).exists():
        return
    who = people[owner]
    for kind, data in DOCUMENTS.items():
        gates.record_evidence(
            workload=workload, kind=kind, data=data, author=who.user, actor=person(who, who.user), now=now
        )
    _evaluation(workload, who, now)
    second = people["tom" if owner == "priya" else "priya"]
    runbook = _runbook(workload, who, second, now - timedelta(days=3))
    _drill(runbook, second, now - timedelta(days=2))
    _training(workload, who, people, now - timedelta(days=5))
    jobs = {"optimizer": "priya", "engineer": "tom", "responder": "marcus"}
    named = {job: [people[name].user_id] for job, name in jobs.items()}
    rotas.name_team(workload=workload, named=named, actor=person(who, who.user))


def put_on_call(team: Team, zone: str, people: list[Membership], now: datetime) -> None:
    """A rota that hands over on Mondays at nine, round the clock."""
    lead = Actor(kind="task", id=None, label="task:demo", roles=frozenset({Role.OPS_LEAD}))
    rota = rotas.create_rota(team=team, name=team.name, zone=zone, actor=lead, now=now)
    rotas.set_rotation(
        rota=rota,
        name="Weekly",
        anchor=datetime.combine(date(2026, 1, 5), time(9)),
        unit=Unit.WEEK,
        participants=[member.user_id for member in people],
        actor=lead,
        now=now,
    )


def make_reachable(member: Membership, now: datetime) -> None:
    """An e-mail channel, proved with the code that was sent to it."""
    who = person(member, member.user)
    channel = channels.add_channel(
        tenant_id=member.tenant_id,
        owner=member.user,
        kind=ChannelKind.EMAIL,
        address=member.user.email,
        name="Mail",
        actor=who,
        now=now,
    )
    sent = OutboxMessage.objects.get(tenant=member.tenant_id, topic=VERIFY, payload__channel=str(channel.id))
    channels.confirm(channel=channel, code=unseal(sent.payload["code"]), actor=who, now=now)


def _evaluation(workload: Workload, who: Membership, now: datetime) -> None:
    """What its pilot answered over the last two weeks: 220 real questions of three kinds, 211 answered right."""
    kinds = ("order", "delivery", "account")
    rows = [
        f"ticket-{n},real,{int(n % 25 != 7)},{kinds[n % 3]},{'web' if n % 2 else 'app'},"
        f"{(now - timedelta(days=1 + n % 13, hours=n % 7)).isoformat()}\n"
        for n in range(220)
    ]
    version = versions(workload).first()
    assert version is not None, "a demo workload has a version"
    import_evaluation(
        version=version,
        purpose="accuracy",
        file=BytesIO(("input_id,provenance,outcome,category,group,at\n" + "".join(rows)).encode()),
        name=f"{workload.key.lower()}-pilot.csv",
        mapping=Mapped(),
        author=who.user,
        actor=person(who, who.user),
    )


def _runbook(workload: Workload, author: Membership, second: Membership, at: datetime) -> Runbook:
    writes, checks = person(author, author.user), person(second, second.user)
    made = runbooks.create_runbook(
        workload=workload, title=f"Roll back {workload.key}", owner=author.user, actor=writes
    )
    version = runbooks.write_version(
        runbook=made, text=TEXT, why="first version", author=author.user, actor=writes, now=at
    )
    version = runbooks.review_version(version=version, reviewer=second.user, actor=checks, now=at)
    runbooks.publish_version(version=version, publisher=second.user, actor=checks, now=at)
    made.refresh_from_db()
    return made


def _training(workload: Workload, who: Membership, people: dict[str, Membership], at: datetime) -> None:
    """Three short modules and the first users, of whom one hasn't begun."""
    actor = person(who, who.user)
    pioneers = training.form_cohort(workload=workload, name="First users", is_first=True, actor=actor)
    names = ("priya", "tom", "aisha", "marcus", "fred")
    training.set_members(cohort=pioneers, people=[people[name].user_id for name in names], actor=actor)
    for topic, title, text, question in MODULES:
        module = training.write_module(
            workload=workload, topic=topic, title=title, text=text, questions=[question], actor=actor
        )
        for name in names[:-1]:
            member = people[name]
            training.complete_module(
                module=module,
                answers=[question["right"]],
                person=member.user,
                actor=person(member, member.user),
                now=at,
            )


def _drill(runbook: Runbook, member: Membership, at: datetime) -> None:
    actor = person(member, member.user)
    drill = runbooks.start_drill(
        runbook=runbook,
        kind=Kind.ROLLBACK,
        wanted=60,
        staff=[member.user_id],
        starter=member.user,
        actor=actor,
        now=at,
    )
    for step in queries.steps(drill):
        done = at + timedelta(minutes=2 * step.number)
        runbooks.tick_step(drill=drill, number=step.number, by=member.user, actor=actor, now=done)
    for name in CONFIRMATIONS:
        runbooks.confirm(drill=drill, name=name, by=member.user, actor=actor, now=at + timedelta(minutes=9))
    runbooks.finish_drill(
        drill=drill, carried=64, is_real=False, actor=actor, now=at + timedelta(minutes=9, seconds=30)
    )
