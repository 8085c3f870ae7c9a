"""Which price counts where: the tenant's own rows first, then the bundled list, else unknown (COST-4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet

from apps.pricing import seed
from apps.pricing.models import ModelPrice
from apps.pricing.rules import Price, at, unknown
from apps.workloads import queries as workloads
from apps.workloads.models import AgentVersion, Workload
from portal.errors import NotFound


def prices(tenant_id: UUID, models: Iterable[str], day: date) -> dict[str, Price]:
    """What each model costs on a day (:func:`apps.pricing.rules.day_of`), in one statement however many.

    Every name that was asked for is in it; one without a price is unknown, and costs None. Whoever keeps the answer
    asks again when the day or the tenant's configuration version changes.
    """
    wanted = set(models)
    # No column holds a NUL, and the database takes none in a text.
    rows = own(tenant_id).filter(model__in=[name for name in wanted if "\0" not in name], valid_from__lte=day)
    latest = rows.order_by("model", "-valid_from").distinct("model")
    found = {row.model: row.price for row in latest}
    return {name: found.get(name) or seed.price_at(name, day) or unknown(name) for name in wanted}


def price(tenant_id: UUID, model: str, day: date) -> Price:
    return prices(tenant_id, [model], day)[model]


@dataclass(frozen=True, slots=True)
class Book:
    """What models cost on any day, read once: for whoever prices a month of calls."""

    own: Mapping[str, Sequence[Price]]

    def on(self, model: str, day: date) -> Price:
        return at(self.own.get(model, ()), day) or seed.price_at(model, day) or unknown(model)


def book(tenant_id: UUID, models: Iterable[str]) -> Book:
    """All that was ever set here for these models, in one statement."""
    found: dict[str, list[Price]] = {}
    for row in own(tenant_id).filter(model__in=[name for name in models if "\0" not in name]):
        found.setdefault(row.model, []).append(row.price)
    return Book(found)


def own(tenant_id: UUID) -> QuerySet[ModelPrice]:
    """Everything that was set here, what is to come first."""
    return ModelPrice.objects.filter(tenant=tenant_id).select_related("set_by").order_by("-valid_from", "-id")


def in_order(tenant_id: UUID) -> QuerySet[ModelPrice]:
    """Everything that was set here, by model and day, as a file has it."""
    return own(tenant_id).order_by("model", "valid_from")


def own_for(tenant_id: UUID, price_id: UUID) -> ModelPrice:
    """
    Raises:
        NotFound: there is none, or it was forgotten.
    """
    found = own(tenant_id).filter(id=price_id).first()
    if found is None:
        raise NotFound()
    return found


def own_of(tenant_id: UUID, model: str) -> QuerySet[ModelPrice]:
    return own(tenant_id).filter(model=model)


def to_come(tenant_id: UUID, models: Iterable[str], day: date) -> dict[str, Price]:
    """For each model whose price changes after ``day`` the next one that was set here, in one statement."""
    rows = own(tenant_id).filter(model__in=list(models), valid_from__gt=day)
    return {row.model: row.price for row in rows.order_by("model", "valid_from").distinct("model")}


def models_in_use(tenant_id: UUID, among: QuerySet[Workload] | None = None) -> dict[str, list[str]]:
    """Each model that calls may be made with, by name, and the keys of the workloads that use it; one statement.

    A workload uses its two tiers, and the models of its versions since the one that serves: what was before that is
    history. ``among`` narrows it to the workloads that somebody may see.
    """
    rows = workloads.workloads(tenant_id) if among is None else among
    versions = AgentVersion.objects.filter(tenant=tenant_id, workload=OuterRef("id")).filter(
        Q(created_at__gte=OuterRef("serving_version__created_at")) | Q(workload__serving_version__isnull=True)
    )
    named = ArraySubquery(versions.order_by().values("model").distinct())
    used: dict[str, list[str]] = {}
    for key, primary, budget, models in rows.order_by("key").values_list("key", "primary_tier", "budget_tier", named):
        for model in {primary, budget, *models} - {""}:
            used.setdefault(model, []).append(key)
    return dict(sorted(used.items()))
