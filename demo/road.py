"""What the demo's people have already shown on the road: documents, a runbook that was drilled, and a signature that is
waited for. Made through the same actions as everything else, once.
"""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from apps.gates import actions as gates
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.evaluations.reader import Mapped
from apps.runbooks import actions as runbooks
from apps.runbooks import queries
from apps.runbooks.models import Runbook
from apps.runbooks.rules import CONFIRMATIONS, Kind
from apps.tenants.directory import person
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from apps.workloads.queries import versions

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
    runbook = _runbook(workload, who, people["priya"], now - timedelta(days=3))
    _drill(runbook, people["priya"], now - timedelta(days=2))


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
