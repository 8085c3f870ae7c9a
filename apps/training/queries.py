"""Reading training: by workload for those who may see it, and one's own for everybody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from apps.tenants.models import Membership
from apps.training.models import Cohort, CohortMember, Completion, Module
from apps.training.rules import Coverage, Done, How, coverage, missing_topics, trained_until
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import NotFound


def modules(tenant_id: UUID, workload_id: UUID) -> QuerySet[Module]:
    """What the workload asks its users to learn."""
    return Module.objects.filter(tenant=tenant_id, workload=workload_id, retired_at=None).order_by("topic", "title")


def open_to(tenant_id: UUID, actor: Actor) -> QuerySet[Module]:
    """Modules that the actor may read: of workloads that they see, and of cohorts that they are in."""
    cohorts = CohortMember.objects.filter(tenant=tenant_id, person=actor.user_id).values("cohort__workload")
    rows = Module.objects.filter(tenant=tenant_id, retired_at=None, workload__retired_at=None)
    rows = rows.filter(Q(workload__in=workloads.visible(tenant_id, actor)) | Q(workload__in=cohorts))
    return rows.select_related("workload").order_by("workload__key", "topic", "title", "id")


def module_for(tenant_id: UUID, actor: Actor, module_id: UUID, permission: str = "") -> Module:
    found = open_to(tenant_id, actor).filter(id=module_id).first()
    if found is None:
        raise NotFound()
    if permission:
        workloads.workload_for(tenant_id, actor, found.workload.key, permission)
    return found


def cohorts(workload: Workload) -> QuerySet[Cohort]:
    rows = Cohort.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.order_by("-is_first", "name", "id")


def cohorts_of_tenant(tenant_id: UUID) -> QuerySet[Cohort]:
    return Cohort.objects.filter(tenant=tenant_id).select_related("workload").order_by("workload__key", "name")


def cohort_for(tenant_id: UUID, actor: Actor, cohort_id: UUID, permission: str = "see_workload") -> Cohort:
    rows = Cohort.objects.filter(tenant=tenant_id, workload__in=workloads.visible(tenant_id, actor), id=cohort_id)
    found = rows.select_related("workload", "workload__owner").first()
    if found is None:
        raise NotFound()
    if permission != "see_workload":
        workloads.workload_for(tenant_id, actor, found.workload.key, permission)
    return found


@dataclass(frozen=True, slots=True)
class Covered:
    """A cohort and how much of it is trained; ``ends`` is each person's own end."""

    cohort: Cohort
    coverage: Coverage
    ends: dict[UUID, datetime | None]
    last_at: datetime | None


def covered(workload: Workload, found: Iterable[Cohort], now: datetime) -> list[Covered]:
    """How cohorts stand, in two statements however many they are, in the order in which they came."""
    asked = dict(modules(workload.tenant_id, workload.id).values_list("id", "counts_from"))
    ids = [cohort.id for cohort in found]
    by_id = {each.cohort.id: each for each in _covered(cohorts(workload).filter(id__in=ids), asked, now)}
    return [by_id[i] for i in ids]


def _covered(found: QuerySet[Cohort], asked: Mapping[UUID, int], now: datetime) -> list[Covered]:
    """In one statement, each cohort with its people and what they completed; who left the tenant doesn't count."""
    here = Membership.objects.filter(tenant=OuterRef("tenant"), ended_at=None, user=OuterRef("person"))
    done = Completion.objects.filter(
        tenant=OuterRef("tenant"), person=OuterRef("person"), module__workload=OuterRef("cohort__workload")
    )
    told = JSONObject(module="module", revision="revision", at="completed_at", until="until")
    people = CohortMember.objects.filter(Exists(here), tenant=OuterRef("tenant"), cohort=OuterRef("id")).order_by()
    shown = people.values_list(JSONObject(person="person", done=ArraySubquery(done.order_by().values_list(told))))
    return [_cohort(cohort, asked, now) for cohort in found.annotate(people=ArraySubquery(shown))]


@dataclass(frozen=True, slots=True)
class _Completed:
    done: Done
    at: datetime


def _completed(row: Mapping[str, Any]) -> _Completed:
    """From JSON, in which the database hands over a person's completions."""
    until, at = datetime.fromisoformat(row["until"]), datetime.fromisoformat(row["at"])
    return _Completed(Done(UUID(row["module"]), row["revision"], until), at)


def _cohort(cohort: Any, asked: Mapping[UUID, int], now: datetime) -> Covered:
    people = {UUID(row["person"]): [_completed(each) for each in row["done"]] for row in cohort.people}
    ends = {person: trained_until(asked, [row.done for row in rows]) for person, rows in people.items()}
    last = max((row.at for rows in people.values() for row in rows), default=None)
    return Covered(cohort, coverage(list(ends.values()), cohort.threshold, now), ends, last)


@dataclass(frozen=True, slots=True)
class FirstUsers:
    """What H8 rests on: the cohorts of first users, what isn't taught, and who recorded others' attendance."""

    cohorts: list[Covered]
    untaught: list[str]
    takers: tuple[UUID, ...]


def first_users(workload: Workload, now: datetime) -> FirstUsers:
    """In two statements; whoever recorded attendance is an author of the evidence (APPR-2)."""
    attended = Completion.objects.filter(tenant=workload.tenant_id, module=OuterRef("id"), how=How.ATTENDED)
    takers = ArraySubquery(attended.order_by().values("recorded_by").distinct())
    rows = list(modules(workload.tenant_id, workload.id).values_list("id", "counts_from", "topic", takers))
    covered = _covered(cohorts(workload).filter(is_first=True), {row[0]: row[1] for row in rows}, now)
    return FirstUsers(
        covered, missing_topics(row[2] for row in rows), tuple(sorted({t for row in rows for t in row[3]}))
    )


def own(tenant_id: UUID, person_id: UUID, found: Iterable[Module]) -> dict[UUID, datetime]:
    """Until when the person's completion of each module counts; modules without one that counts are left out."""
    floor = {module.id: module.counts_from for module in found}
    rows = Completion.objects.filter(tenant=tenant_id, person=person_id, module__in=list(floor))
    ends: dict[UUID, datetime] = {}
    for module_id, revision, until in rows.values_list("module", "revision", "until"):
        if revision >= floor[module_id]:
            ends[module_id] = max(until, ends.get(module_id, until))
    return ends


def asked_of(tenant_id: UUID, person_id: UUID) -> QuerySet[Module]:
    """The modules of the cohorts that the person is in."""
    in_them = CohortMember.objects.filter(tenant=tenant_id, person=person_id).values("cohort__workload")
    rows = Module.objects.filter(tenant=tenant_id, workload__in=in_them, retired_at=None, workload__retired_at=None)
    return rows.select_related("workload").order_by("workload__key", "topic", "title", "id")


def named(workload: Workload, attribute: str, values: Iterable[str]) -> QuerySet[Cohort]:
    """The cohorts that a rollout's phase means (FEED-4)."""
    return cohorts(workload).filter(attribute=attribute, value__in=list(values)).order_by("value", "name")
