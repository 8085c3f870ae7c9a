"""Search as people read it: groups of hits with their addresses, the best group first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from apps.workspace import queries
from apps.workspace.commands import COMMANDS
from apps.workspace.queries import Found, Kind
from apps.workspace.rules import MOST_HITS, Fit, fit, words
from portal import navigation
from portal.actor import Actor
from portal.directory import TenantLike


@dataclass(frozen=True, slots=True)
class Hit:
    title: str
    detail: str
    url: str
    fit: Fit


@dataclass(frozen=True, slots=True)
class Group:
    """``name`` for machines, ``label`` for people."""

    name: str
    label: str
    hits: tuple[Hit, ...]


# In this order where groups fit equally well, with the page that each leads to.
_SHOWN: dict[Kind, tuple[str, str]] = {
    Kind.WORKLOAD: ("Workloads", "workload"),
    Kind.ROLLOUT: ("Rollouts", "rollout"),
    Kind.APPROVAL: ("Approvals", "approval"),
    Kind.ALERT: ("Alerts", "alert"),
    Kind.REPORT: ("Reports", "report"),
    Kind.THEME: ("Themes", "theme"),
    Kind.RUNBOOK: ("Runbooks", "runbook"),
    Kind.TEAM: ("Teams", "answering_team"),
    Kind.PERSON: ("People", "person"),
}


def search(request: HttpRequest, tenant: TenantLike, actor: Actor, asked: str) -> list[Group]:
    """Everything that has all of the words, and that this person could list; nothing for less than two characters."""
    looked = words(asked)
    if not looked:
        return []
    found = queries.find(tenant.id, actor, looked)
    groups = [_objects(tenant, kind, (each for each in found if each.kind == kind)) for kind in _SHOWN]
    groups += [Group("pages", "Pages", _pages(request, looked))]
    if actor.is_person:
        plans = [_hit(tenant, "plan_rollout", each) for each in found if each.kind == Kind.PLAN]
        actions = sorted([*_commands(tenant, actor, looked), *plans], key=lambda hit: hit.fit)
        groups += [Group("actions", "Things to do", tuple(actions[:MOST_HITS]))]
    return sorted((group for group in groups if group.hits), key=lambda group: group.hits[0].fit)


def offered(request: HttpRequest, tenant: TenantLike, actor: Actor) -> list[Group]:
    """What stands there before anything is looked for: what one may do, and where one may go."""
    actions = tuple(
        Hit(each.label, "", reverse(each.url_name, args=[tenant.slug]), Fit.WHOLE)
        for each in COMMANDS
        if each.shown(actor)
    )
    pages = tuple(Hit(str(e["label"]), "", str(e["url"]), Fit.WHOLE) for e in navigation.entries(request))
    return [Group("actions", "Things to do", actions[:MOST_HITS]), Group("pages", "Pages", pages)]


def _objects(tenant: TenantLike, kind: Kind, found: Iterable[Found]) -> Group:
    label, url_name = _SHOWN[kind]
    return Group(kind.value, label, tuple(_hit(tenant, url_name, each) for each in found))


def _hit(tenant: TenantLike, url_name: str, found: Found) -> Hit:
    lines = found.title.strip().splitlines()
    title = lines[0] if lines else found.title
    shown = title if len(title) <= 100 else f"{title[:99].rstrip()}…"
    return Hit(shown, found.detail.replace("_", " "), reverse(url_name, args=[tenant.slug, found.ref]), found.fit)


def _pages(request: HttpRequest, looked: Sequence[str]) -> tuple[Hit, ...]:
    rows = [(entry, fit(looked, str(entry["label"]))) for entry in navigation.entries(request)]
    hits = [Hit(str(entry["label"]), "", str(entry["url"]), how) for entry, how in rows if how is not None]
    return tuple(sorted(hits, key=lambda hit: hit.fit)[:MOST_HITS])


def _commands(tenant: TenantLike, actor: Actor, looked: Sequence[str]) -> list[Hit]:
    rows = [(each, fit(looked, each.label, each.also)) for each in COMMANDS if each.shown(actor)]
    return [Hit(c.label, "", reverse(c.url_name, args=[tenant.slug]), how) for c, how in rows if how is not None]
