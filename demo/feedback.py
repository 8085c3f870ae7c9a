"""What the demo's people have said about the agents: a support desk, reports that were answered and some that wait."""

from datetime import datetime, time, timedelta

from apps.feedback import actions, desks, triage
from apps.feedback.actions import Person, Told
from apps.feedback.models import Report, Source
from apps.feedback.rules import Category, Hours, Severity, State
from apps.tenants.directory import person
from apps.tenants.models import Membership
from apps.tenants.queries import zone_of
from apps.workloads.models import Workload

# Who, how many hours ago, and what they told.
_SAID: tuple[tuple[str, int, Told], ...] = (
    (
        "fred",
        70,
        Told(
            "It quoted last year's price for the premium plan.",
            "The price from the current list.",
            Category.WRONG,
        ),
    ),
    (
        "tom",
        52,
        Told(
            "The price it quoted for the premium plan was last year's.",
            "This year's price, with the list it stands in.",
            Category.RECHECKED,
        ),
    ),
    (
        "fred",
        30,
        Told(
            "A customer wrote in Portuguese and got an answer in Spanish.",
            "The customer's own language, or a hand-over.",
            Category.TONE,
            Severity.LOW,
        ),
    ),
    (
        "aisha",
        26,
        Told(
            "It summed up a long thread and left out that the order was cancelled.",
            "The last state of the order in the first line.",
            Category.REDONE,
            Severity.HIGH,
        ),
    ),
    (
        "fred",
        4,
        Told(
            "The answer came after I had found it myself.",
            "An answer within ten seconds.",
            Category.SLOW,
            Severity.LOW,
        ),
    ),
)


def build(workload: Workload, people: dict[str, Membership], now: datetime) -> None:
    """Once a workload: its desk; and for the first one a few reports."""
    if desks.desk_of(workload) is not None:
        return
    owner = next(member for member in people.values() if member.user_id == workload.owner_id)
    desks.name_desk(
        workload=workload,
        people=[people[name].user_id for name in ("marcus", "olga")],
        hours=[Hours(day, time(8), time(18)) for day in range(5)],
        zone=str(zone_of(workload.tenant_id)),
        target_minutes=240,
        expected_reports=60,
        actor=person(owner, owner.user),
        now=now,
    )
    if workload.key == "W-01":
        _report(workload, people, now)


def _report(workload: Workload, people: dict[str, Membership], now: datetime) -> None:
    reports = [_filed(workload, people[who], now - timedelta(hours=ago), told) for who, ago, told in _SAID]
    marcus = people["marcus"]
    actor = person(marcus, marcus.user)
    theme = triage.make_theme(
        workload=workload, title="Prices of last year", reports=reports[:2], maker=marcus.user, actor=actor, now=now
    )
    for name in ("sarah", "erin"):
        other = people[name]
        actions.me_too(theme=theme, person=Person(other.user), actor=person(other, other.user), now=now)
    said = "The price list is read anew each night from version 1.2 on; that is in review."
    triage.answer(report=reports[0], state=State.PLANNED, text=said, actor=actor, now=now - timedelta(hours=48))
    triage.answer(
        report=reports[2],
        state=State.DECLINED,
        text="We answer in six languages; Portuguese goes to a person from tomorrow on.",
        actor=actor,
        now=now - timedelta(hours=20),
    )


def _filed(workload: Workload, who: Membership, at: datetime, told: Told) -> Report:
    return actions.file_report(
        workload=workload,
        told=told,
        person=Person(who.user),
        source=Source.PORTAL,
        actor=person(who, who.user),
        now=at,
    )
