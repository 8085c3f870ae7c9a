"""The first page, by who looks: each role's first question with its answer, and what it rests on (style, Pages)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, IntegerField, Q, Value, When

from apps.approvals import queries as approvals
from apps.approvals.models import ApprovalRequest
from apps.feedback import queries as feedback
from apps.feedback.models import Report
from apps.ownership.alerts import queries as alerts
from apps.ownership.models import Alert
from apps.rollouts import queries as rollouts
from apps.rollouts.machine import ACTIVE
from apps.rollouts.models import Rollout
from apps.tenants.roles import APPROVERS, ON_CALL, OWNERS, Role, for_frontline
from apps.workspace import steps
from apps.workspace.queries import own_standings
from apps.workspace.rules import Step, next_step
from portal.actor import Actor

# What a page read at a glance holds of each kind; each leads to its whole list.
PAGE = 10
ALERTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A role's first question, as a sentence that answers it and the page that shows why."""

    words: str
    url_name: str
    link: str


@dataclass(frozen=True, slots=True)
class OwnWorkload:
    key: str
    name: str
    stage: str
    rollout_id: UUID | None
    step: Step


@dataclass(frozen=True, slots=True)
class Home:
    answers: list[Answer]
    own: list[OwnWorkload]
    active: list[Rollout]
    recent: list[Rollout]
    waiting: list[ApprovalRequest]
    alerts: list[Alert]
    reports: list[Report]
    checklist: steps.Checklist | None
    is_frontline: bool
    is_woken: bool


def present(tenant_id: UUID, actor: Actor, now: datetime) -> Home:
    is_frontline = for_frontline(actor)
    moving = _moving(tenant_id, actor)
    active = [row for row in moving if row.state in ACTIVE][:PAGE]
    shown = Home(
        answers=[],
        own=_own(tenant_id, actor, now) if actor.roles & OWNERS else [],
        active=active,
        recent=[row for row in moving if row.state not in ACTIVE][:5],
        waiting=list(approvals.waiting_for(tenant_id, actor, now)[:PAGE]),
        alerts=[] if is_frontline else list(alerts.alerts(tenant_id, is_open=True)[:ALERTS]),
        reports=list(feedback.mine(tenant_id, actor.user_id)[:5]) if is_frontline and actor.user_id else [],
        checklist=steps.checklist(tenant_id, actor),
        is_frontline=is_frontline,
        is_woken=bool(actor.roles & ON_CALL),
    )
    shown.answers.extend(_answers(shown, actor))
    return shown


def _moving(tenant_id: UUID, actor: Actor) -> list[Rollout]:
    """What is active before what has ended, in one statement."""
    ended = Case(When(Q(state__in=ACTIVE), then=Value(0)), default=Value(1), output_field=IntegerField())
    seen = rollouts.rollouts(tenant_id, actor)
    order = ("ended", "-created_at", "-id")
    # Sorted by their names alone: the rows themselves are wide.
    first = seen.select_related(None).annotate(ended=ended).order_by(*order).values("id")[: PAGE + 5]
    return list(seen.filter(id__in=first).annotate(ended=ended).order_by(*order))


def _own(tenant_id: UUID, actor: Actor, now: datetime) -> list[OwnWorkload]:
    """What stops each of one's own workloads, the worst first."""
    rows = own_standings(tenant_id, actor, now)
    found = [OwnWorkload(row.key, row.name, row.stage, row.rollout_id, next_step(row.standing)) for row in rows]
    return sorted(found, key=lambda each: (each.step.urgency, each.key))[:PAGE]


def _answers(shown: Home, actor: Actor) -> Iterator[Answer]:
    """Open alerts come first for whoever is woken by them; nobody is left without an answer."""
    if actor.roles & ON_CALL:
        yield Answer(_alerts(shown.alerts), "my_shifts", "My shifts")
    if actor.roles & APPROVERS or shown.waiting:
        yield Answer(_waiting(shown.waiting), "approvals", "All approvals")
    if actor.roles & OWNERS:
        yield Answer(_stopped(shown.own), "workloads", "All workloads")
    if Role.ADMIN in actor.roles and shown.checklist:
        left = len(shown.checklist.steps) - shown.checklist.done
        yield Answer(f"{left} first step{_s(left)} left before agents are in production.", "people", "People")
    if shown.is_frontline:
        yield Answer(_reported(shown.reports), "my_reports", "All your reports")
    elif not actor.roles & (ON_CALL | APPROVERS | OWNERS):
        yield Answer(_moves(shown), "rollouts", "All rollouts")


def _alerts(rows: list[Alert]) -> str:
    nobodys = [row for row in rows if row.acknowledged_by_id is None and row.state == "triggered" and not row.is_quiet]
    if nobodys:
        return f"{_many(len(nobodys), ALERTS)} open alert{_s(len(nobodys))} nobody has: {_cut(nobodys[0].summary)}"
    return "Somebody has every open alert." if rows else "Nothing is open."


def _waiting(rows: list[ApprovalRequest]) -> str:
    if not rows:
        return "Nothing waits for your signature."
    verb = "waits" if len(rows) == 1 else "wait"
    return (
        f"{_many(len(rows), PAGE)} request{_s(len(rows))} {verb} for your signature, the first: {_cut(rows[0].title)}"
    )


def _stopped(rows: list[OwnWorkload]) -> str:
    stopped = [row for row in rows if row.step.stops]
    if not rows:
        return "You own no workload yet."
    if not stopped:
        return "Nothing stops your workloads."
    return f"{stopped[0].key} doesn't go on: {_cut(_small(stopped[0].step.words))}"


def _reported(rows: list[Report]) -> str:
    if not rows:
        return "An answer that didn't help? Say so in 30 seconds: its team answers you."
    led: Any = rows[0].duplicate_of or rows[0]
    return f"Your last report, on {rows[0].workload.key}: {led.get_state_display()}."


def _moves(shown: Home) -> str:
    troubled = [row for row in shown.active if row.state in {"held", "rolling_back"}]
    if shown.alerts:
        return f"Something is wrong: {_cut(shown.alerts[0].summary)}"
    if troubled:
        return f"{_many(len(troubled), PAGE)} rollout{_s(len(troubled))} stopped on the way."
    return "Everything that moves is fine." if shown.active else "Nothing is being rolled out."


def _many(count: int, shown: int) -> str:
    """How many there are, where no more than ``shown`` were looked at."""
    return f"{count} or more" if count >= shown else f"{count}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _small(words: str) -> str:
    """A sentence's beginning, inside another; a version's name keeps its letters."""
    first, _, rest = words.partition(" ")
    return f"{first.lower()} {rest}" if first in {"It", "Its", "No", "The"} else words


def _cut(text: str) -> str:
    shown = text if len(text) <= 90 else f"{text[:89].rstrip()}…"
    return shown if shown.endswith((".", "…")) else f"{shown}."
