"""Whether cost gates are complete and live, for one workload or for many at once: one statement, and the rate card."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, JSONObject

from apps.budgets.completeness import AtCeiling, Gap, Policy, Tier, gaps, unpriced
from apps.budgets.models import CostGate, TierGate, UserTier
from apps.budgets.rules import Pattern
from apps.pricing.queries import prices
from apps.workloads.models import AgentVersion, Workload
from apps.workloads.policy import Sensitivity
from apps.workloads.queries import newest_version
from portal.tenancy.together import together


@dataclass(frozen=True, slots=True)
class Gates:
    """The tenant's tiers, and each workload's spend cap and ceilings by tier, as they stand now."""

    tiers: tuple[Tier, ...] = ()
    caps: dict[UUID, Decimal] = field(default_factory=dict)
    ceilings: dict[UUID, dict[UUID, AtCeiling]] = field(default_factory=dict)

    def lacks(self, workload: Workload) -> list[Gap]:
        """What the workload's gate lacks by itself; prices aside."""
        return self.lacked(workload.id, policy_of(workload))

    def admits(self, workload: Workload) -> bool:
        """Whether any call of the workload can be admitted (COST-9)."""
        return not any(gap.stops for gap in self.lacks(workload))

    def lacked(self, workload_id: UUID, policy: Policy) -> list[Gap]:
        """The same, of a workload that wasn't read as a whole."""
        has_gate = workload_id in self.caps
        return gaps(policy, self.tiers, self.ceilings.get(workload_id, {}) if has_gate else None)


# What of a workload :func:`policy` wants.
POLICY = ("key", "sensitivity", "may_degrade", "budget_tier")


def policy_of(workload: Workload) -> Policy:
    return policy(**{name: getattr(workload, name) for name in POLICY})


def policy(*, key: str, sensitivity: str, may_degrade: bool, budget_tier: str) -> Policy:
    return Policy(key, sensitivity == Sensitivity.REGULATED, budget_tier if may_degrade else "")


def read(tenant_id: UUID) -> Gates:
    """Every gate of a tenant, in one statement."""
    return _gates(together(_asked(tenant_id)))


def missing(workload: Workload, models: Iterable[str], day: date) -> list[Gap]:
    """What the gate lacks if these models may answer, on a day (:func:`apps.pricing.rules.day_of`).

    Nothing: it is complete and live. The budget model that the workload's policy permits is among the models anyway.
    """
    return _missing(workload, _gates(together(_asked(workload.tenant_id, workload))), models, day)


def look(workload: Workload, day: date) -> tuple[Gates, list[Gap]]:
    """A workload's gate and what it lacks, for the version that serves or, while none does, the newest."""
    return seen(workload, together(asked(workload)), day)


def asked(workload: Workload) -> dict[str, tuple[QuerySet[Any], JSONObject]]:
    """What :func:`look` reads, for whoever reads it together with other things; :func:`seen` makes sense of it."""
    return {**_asked(workload.tenant_id, workload), "answering": (_answering(workload), JSONObject(model="model"))}


def seen(workload: Workload, found: Mapping[str, list[Any]], day: date) -> tuple[Gates, list[Gap]]:
    gates = _gates(found)
    return gates, _missing(workload, gates, [row["model"] for row in found["answering"]], day)


def _answering(workload: Workload) -> QuerySet[AgentVersion]:
    if workload.serving_version_id is None:
        return newest_version(workload)
    return AgentVersion.objects.filter(tenant=workload.tenant_id, id=workload.serving_version_id)


def _missing(workload: Workload, found: Gates, models: Iterable[str], day: date) -> list[Gap]:
    wanted = {*models, policy_of(workload).budget_model} - {""}
    card = prices(workload.tenant_id, wanted, day) if wanted else {}
    return [*found.lacks(workload), *unpriced(wanted, (name for name, price in card.items() if price.is_complete))]


def _asked(tenant_id: UUID, workload: Workload | None = None) -> dict[str, tuple[QuerySet[Any], JSONObject]]:
    caps, ceilings = CostGate.objects.filter(tenant=tenant_id), TierGate.objects.filter(tenant=tenant_id)
    if workload is not None:
        caps, ceilings = caps.filter(workload=workload.id), ceilings.filter(workload=workload.id)
    return {
        "tiers": (
            UserTier.objects.filter(tenant=tenant_id),
            JSONObject(id="id", slug="slug", name="name", is_free="is_free", is_default="is_default"),
        ),
        "caps": (caps, JSONObject(workload="workload", cap=Cast("spend_cap", TextField()))),
        "ceilings": (
            ceilings,
            JSONObject(workload="workload", tier="tier", tokens="ceiling", pattern="pattern", disclosure="disclosure"),
        ),
    }


def _gates(found: Mapping[str, list[Any]]) -> Gates:
    tiers = sorted((_tier(row) for row in found["tiers"]), key=lambda tier: (not tier.is_default, tier.name))
    return Gates(
        tiers=tuple(tiers),
        caps={UUID(row["workload"]): Decimal(row["cap"]) for row in found["caps"]},
        ceilings=_by_workload(found["ceilings"]),
    )


def _tier(row: Mapping[str, Any]) -> Tier:
    return Tier(UUID(row["id"]), row["slug"], row["name"], row["is_free"], row["is_default"])


def _by_workload(rows: Iterable[Mapping[str, Any]]) -> dict[UUID, dict[UUID, AtCeiling]]:
    found: dict[UUID, dict[UUID, AtCeiling]] = {}
    for row in rows:
        at_ceiling = AtCeiling(row["tokens"], Pattern(row["pattern"]), row["disclosure"])
        found.setdefault(UUID(row["workload"]), {})[UUID(row["tier"])] = at_ceiling
    return found
