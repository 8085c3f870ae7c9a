"""Reading the tenant's classifier: what it learns from, its versions, its rules, and what is due."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from apps.dispatch.classify.model import NOBODY, Label
from apps.dispatch.classify.models import Classifier, Dispatcher, Example, ExampleSource, Rule
from apps.dispatch.classify.rules import Pattern
from apps.workloads import queries as workloads
from portal.actor import Actor
from portal.errors import NotFound
from portal.tenancy.due import by_tenant

DUE_AT_ONCE = 100


def dispatcher(tenant_id: UUID) -> Dispatcher:
    """The tenant's one; an unsaved one, with nothing live, before the first training."""
    found = Dispatcher.objects.filter(tenant=tenant_id).select_related("live").defer("live__data").first()
    return found or Dispatcher(tenant_id=tenant_id)


def versions(tenant_id: UUID) -> QuerySet[Classifier]:
    """All that are kept, the newest first, without what they learned."""
    return Classifier.objects.filter(tenant=tenant_id).defer("data").order_by("-number")


def version(tenant_id: UUID, number: int) -> Classifier:
    # A number that the column doesn't hold is no version's.
    found = versions(tenant_id).filter(number=number).first() if 0 < number < 2**31 else None
    if found is None:
        raise NotFound(f"There is no version {number} of the classifier here.")
    return found


def rules(tenant_id: UUID) -> QuerySet[Rule]:
    """In the order in which they are asked; those of retired workloads are asked no more."""
    rows = Rule.objects.filter(tenant=tenant_id, workload__retired_at=None).select_related("workload")
    return rows.order_by("place", "id")


def rule(tenant_id: UUID, rule_id: UUID) -> Rule:
    found = rules(tenant_id).filter(id=rule_id).first()
    if found is None:
        raise NotFound("There is no such rule here.")
    return found


def examples(tenant_id: UUID, workload_id: UUID | None) -> QuerySet[Example]:
    """Those of a workload, or of nobody, the latest first."""
    rows = Example.objects.filter(tenant=tenant_id, workload=workload_id).select_related("workload")
    return rows.order_by("-said_at", "-id")


def example_for(tenant_id: UUID, actor: Actor, example_id: UUID) -> Example:
    """An example of a workload that the actor may see, or of nobody."""
    mine = Q(workload=None) | Q(workload__in=workloads.visible(tenant_id, actor))
    found = Example.objects.filter(mine, tenant=tenant_id, id=example_id).select_related("workload").first()
    if found is None:
        raise NotFound()
    return found


def corrections(tenant_id: UUID, since: datetime | None) -> QuerySet[Example]:
    """Corrections that no version has learned yet: those after ``since``."""
    rows = Example.objects.filter(tenant=tenant_id, source=ExampleSource.CORRECTED)
    if since is not None:
        rows = rows.filter(said_at__gt=since)
    return rows.select_related("workload").order_by("-said_at", "-id")


def counts(tenant_id: UUID) -> list[dict[str, Any]]:
    """How many examples and topics each workload has; the workload without a key is nobody. In one statement."""
    rows = Example.objects.filter(tenant=tenant_id, workload__retired_at=None).order_by()
    named = rows.values(key=F("workload__key"), name=F("workload__name"))
    topics = Count("topic", distinct=True, filter=~Q(topic=""))
    found = named.annotate(n=Count("id"), topics=topics).order_by("workload__key")
    return [dict(row) for row in found]


@dataclass(frozen=True, slots=True)
class ToLearn:
    """A tenant's examples as the training takes them, and their digest."""

    texts: list[str]
    labels: list[Label]
    digest: str


def to_learn(tenant_id: UUID) -> ToLearn:
    """Always in the same order: the same examples are the same training."""
    rows = Example.objects.filter(tenant=tenant_id, workload__retired_at=None).order_by("digest")
    found = list(rows.values_list("text", "workload", "topic", "digest"))
    labels = [Label(str(owner) if owner else NOBODY, topic if owner else "") for _, owner, topic, _ in found]
    return ToLearn(
        [row[0] for row in found],
        labels,
        _digest((row[3], f"{row[1]} {row[2]}") for row in found),
    )


def _digest(parts: Iterable[tuple[str, str]]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update("\x00".join(part).encode())
    return whole.hexdigest()


def due(now: datetime) -> dict[UUID, list[UUID]]:
    """Tenants whose training is due, in one statement over a narrow index."""

    def rows(alias: str) -> QuerySet[Dispatcher]:
        return Dispatcher.objects.using(alias).filter(due_at__lte=now).order_by("due_at")

    return by_tenant("dispatch.find", rows, DUE_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the decision path needs beside the classifier itself: which one, from when on it answers, the rules, and the
    keys of the workloads that can be answered.
    """

    classifier_id: UUID | None
    number: int | None
    threshold: float
    patterns: tuple[Pattern, ...]
    keys: dict[UUID, str]


def setting(tenant_id: UUID) -> Setting:
    """In three statements."""
    found = dispatcher(tenant_id)
    patterns = tuple(Pattern(tuple(row.phrases), row.workload_id) for row in rules(tenant_id))
    keys = dict(workloads.workloads(tenant_id).values_list("id", "key"))
    number = found.live.number if found.live else None
    return Setting(found.live_id, number, found.threshold, patterns, keys)


def data_of(tenant_id: UUID, classifier_id: UUID) -> bytes:
    return bytes(Classifier.objects.values_list("data", flat=True).get(tenant=tenant_id, id=classifier_id))
