"""Looking for something in the tenant: in everything that has a list, and as each list would show it.

Every source is the list's own queryset, so what somebody can't list they can't find. All sources are one statement.
Row policies let PostgreSQL use an index only for what can't leak (equality, order), which LIKE and full-text search
aren't: what is looked through is the tenant's own rows, newest first, and reading stops when there are enough.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Collate, Concat, Substr

from apps.approvals import queries as approvals
from apps.budgets.sizing.queries import old_gates
from apps.feedback import queries as feedback
from apps.ownership.alerts import queries as alerts
from apps.rollouts import queries as rollouts
from apps.rollouts.models import Rollout
from apps.runbooks import queries as runbooks
from apps.tenants import queries as tenants
from apps.tenants.roles import has_right
from apps.workloads import queries as workloads
from apps.workloads.models import AgentVersion
from apps.workspace.models import SavedFilter
from apps.workspace.rules import MOST_HITS, Fit, Standing
from portal.actor import Actor
from portal.errors import NotFound

# As much of a long text as a title needs.
_TITLE = 300
_NOTHING = Value("")
MOST_OWN = 200


class Kind(StrEnum):
    WORKLOAD = "workload"
    PLAN = "plan"
    ROLLOUT = "rollout"
    APPROVAL = "approval"
    ALERT = "alert"
    REPORT = "report"
    THEME = "theme"
    RUNBOOK = "runbook"
    PERSON = "person"
    TEAM = "team"


# What fits alike comes the newest first here, and by its name elsewhere.
_DATED = frozenset({Kind.ROLLOUT, Kind.APPROVAL, Kind.ALERT, Kind.REPORT})


@dataclass(frozen=True, slots=True)
class Found:
    """One hit. ``ref`` is what its page is addressed by."""

    kind: Kind
    ref: str
    title: str
    detail: str
    fit: Fit
    at: datetime


@dataclass(frozen=True, slots=True)
class _Source:
    """Where to look: ``fields`` are looked through, ``title`` and ``detail`` shown. ``is_ranked``: the best first, and
    else the newest, which may stop early."""

    kind: Kind
    rows: QuerySet[Any]
    fields: tuple[str, ...]
    title: Any
    detail: Any = _NOTHING
    ref: str = "id"
    is_ranked: bool = True


def find(tenant_id: UUID, actor: Actor, asked: Sequence[str]) -> list[Found]:
    """At most :data:`MOST_HITS` of each kind, the best first; in one statement. A token finds what it may read."""
    if not asked or not actor.allows("read"):
        return []
    first, *others = [_hits(source, asked) for source in _sources(tenant_id, actor)]
    rows = first.union(*others, all=True)
    found = [Found(Kind(kind), ref, title, detail, Fit(fit), at) for kind, ref, title, detail, fit, at in rows]
    return sorted(found, key=lambda each: (each.fit, -each.at.timestamp() if each.kind in _DATED else 0, each.title))


def _sources(tenant_id: UUID, actor: Actor) -> Iterator[_Source]:
    named = Concat(F("key"), Value(" "), F("name"))
    yield _Source(
        Kind.WORKLOAD, workloads.visible(tenant_id, actor), ("key", "name"), named, F("owner__name"), ref="key"
    )
    plan = Concat(Value("Plan a rollout for "), F("key"), Value(" "), F("name"))
    manageable = workloads.permitted(tenant_id, actor, "manage_workload").annotate(plan=plan)
    yield _Source(Kind.PLAN, manageable, ("plan", "key"), F("plan"), ref="key")
    yield _Source(
        Kind.ROLLOUT,
        rollouts.rollouts(tenant_id, actor),
        ("version__label", "workload__key", "workload__name"),
        Concat(F("workload__key"), Value(" "), F("version__label")),
        F("state"),
    )
    yield _Source(
        Kind.APPROVAL, approvals.requests(tenant_id, actor), ("title", "requester__name"), F("title"), F("state")
    )
    for_all = _bound(alerts.alerts(tenant_id), actor)
    yield _Source(Kind.ALERT, for_all, ("summary", "workload__key"), F("summary"), F("state"))
    yield _Source(
        Kind.REPORT,
        feedback.reports(tenant_id, actor),
        ("what_happened",),
        Substr("what_happened", 1, _TITLE),
        F("workload__key"),
        is_ranked=False,
    )
    yield _Source(Kind.THEME, _bound(feedback.titles(tenant_id), actor), ("title",), F("title"), F("workload__key"))
    yield _Source(Kind.RUNBOOK, runbooks.runbooks(tenant_id, actor), ("title",), F("title"), F("workload__key"))
    yield _Source(Kind.TEAM, tenants.teams(tenant_id), ("name", "slug"), F("name"), ref="slug")
    if actor.is_person and has_right(actor, "member.manage"):
        people = tenants.members(tenant_id)
        yield _Source(Kind.PERSON, people, ("user__name", "user__email"), F("user__name"), F("user__email"))


def _bound(rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    """Of what every member may list: what a token's workloads leave of it."""
    return rows if actor.workloads is None else rows.filter(workload__in=actor.workloads)


def _hits(source: _Source, asked: Sequence[str]) -> QuerySet[Any, Any]:
    newest = ("-created_at", "-id")
    alike = newest if source.kind in _DATED else ("found_title", "id")
    order = ("found_fit", *alike) if source.is_ranked else newest
    looked = {f"looked_{n}": _folded(field, asked) for n, field in enumerate(source.fields)}
    found: QuerySet[Any, Any] = (
        source.rows.alias(**looked)
        .filter(*(_any(looked, "icontains", word) for word in asked))
        .annotate(
            found_kind=Value(source.kind.value, CharField()),
            found_ref=Cast(source.ref, CharField()),
            found_title=Cast(source.title, CharField()),
            found_detail=Cast(source.detail, CharField()),
            found_fit=_fit(looked, " ".join(asked)) if source.is_ranked else Value(Fit.SOMEWHERE.value, IntegerField()),
            found_at=F("created_at"),
        )
        .order_by(*order)
        .values_list("found_kind", "found_ref", "found_title", "found_detail", "found_fit", "found_at")[:MOST_HITS]
    )
    return found


def _folded(field: str, asked: Sequence[str]) -> Any:
    """Letters of ASCII alone need no Unicode to be told apart from their capitals, which takes half the time."""
    return Collate(field, "C") if all(word.isascii() for word in asked) else F(field)


def _fit(looked: Collection[str], phrase: str) -> Case:
    fits = (
        ("iexact", phrase, Fit.WHOLE),
        ("istartswith", phrase, Fit.BEGINNING),
        ("icontains", f" {phrase}", Fit.WORD),
    )
    cases = [When(_any(looked, lookup, value), then=fit.value) for lookup, value, fit in fits]
    return Case(*cases, default=Fit.SOMEWHERE.value, output_field=IntegerField())


def _any(looked: Collection[str], lookup: str, value: str) -> Q:
    found = Q()
    for name in looked:
        found |= Q(**{f"{name}__{lookup}": value})
    return found


@dataclass(frozen=True, slots=True)
class OwnRow:
    key: str
    name: str
    stage: str
    rollout_id: UUID | None
    standing: Standing


def own_standings(tenant_id: UUID, actor: Actor, now: datetime) -> list[OwnRow]:
    """The workloads that somebody owns, with what :func:`apps.workspace.rules.next_step` asks; in one statement."""
    last = Rollout.objects.filter(tenant=tenant_id, workload=OuterRef("pk")).order_by("-created_at", "-id")
    versions = AgentVersion.objects.filter(tenant=tenant_id, workload=OuterRef("pk"))
    rows = workloads.workloads(tenant_id).filter(owner=actor.user_id)
    found = rows.annotate(
        has_version=Exists(versions),
        has_old_gate=Exists(old_gates(tenant_id, now).filter(workload=OuterRef("pk"))),
        rollout_id=Subquery(last.values("id")[:1]),
        rollout_state=Subquery(last.values("state")[:1]),
        rollout_note=Subquery(last.values("note")[:1]),
        rollout_version=Subquery(last.values("version__label")[:1]),
    )
    return [
        OwnRow(row.key, row.name, row.get_stage_display(), row.rollout_id, _standing(row)) for row in found[:MOST_OWN]
    ]


def _standing(row: Any) -> Standing:
    return Standing(
        posture=row.posture,
        has_team=row.team_id is not None,
        has_fallback=bool(row.fallback_kind),
        has_version=row.has_version,
        rollout=row.rollout_state or "",
        note=row.rollout_note or "",
        label=row.rollout_version or "",
        has_old_gate=row.has_old_gate,
    )


def filters(tenant_id: UUID, person_id: UUID, page: str = "", about: str = "") -> QuerySet[SavedFilter]:
    """What somebody has kept; with a page, of that page alone."""
    rows = SavedFilter.objects.filter(tenant=tenant_id, person=person_id)
    if page:
        rows = rows.filter(page=page, about=about)
    return rows.order_by("page", "about", "name", "id")


def saved_filter(tenant_id: UUID, person_id: UUID, filter_id: UUID) -> SavedFilter:
    found = filters(tenant_id, person_id).filter(id=filter_id).first()
    if found is None:
        raise NotFound()
    return found
