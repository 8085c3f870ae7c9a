"""Where the gates of many workloads stand in one month, in as few statements as for one (COST-1, COST-9)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from apps.budgets.completeness import Gap
from apps.budgets.models import CostGate, TierGate, UserTier, WorkloadMonth
from apps.workloads.models import Workload
from portal.tenancy.together import instant, together


@dataclass(frozen=True, slots=True)
class Standing:
    """A workload's gate: its spend cap (None: it has no gate), and what of it is spent and held in the month.

    An incomplete one goes no further on its road; unless it ``admits``, everybody gets the fallback (COST-9).
    """

    cap: Decimal | None
    currency: str
    spent: Decimal
    held: Decimal
    is_complete: bool
    admits: bool

    @property
    def is_reached(self) -> bool:
        return self.cap is not None and self.spent + self.held >= self.cap

    @property
    def share(self) -> float | None:
        """Of the cap, what is spent or held."""
        if self.cap is None:
            return None
        return float((self.spent + self.held) / self.cap) if self.cap else 1.0


# What :func:`with_gates` adds to a row.
COLUMNS = ("gate_cap", "gate_currency", "gate_spent", "gate_held")


def with_gates(tenant_id: UUID, workloads: QuerySet[Workload], month: str) -> QuerySet[Any]:
    """The same workloads, each with its gate and its month as :data:`COLUMNS`."""
    gate = CostGate.objects.filter(tenant=tenant_id, workload=OuterRef("pk"))
    purse = WorkloadMonth.objects.filter(tenant=tenant_id, workload=OuterRef("pk"), month=month)
    return workloads.annotate(
        gate_cap=Subquery(gate.values("spend_cap")[:1]),
        gate_currency=Subquery(gate.values("currency")[:1]),
        gate_spent=Subquery(purse.values("spent")[:1]),
        gate_held=Subquery(purse.values("held")[:1]),
    )


def standing(row: Mapping[str, Any], gaps: Sequence[Gap]) -> Standing:
    """``gaps`` as :mod:`apps.budgets.gates` says; of prices they say nothing."""
    nothing = Decimal(0)
    return Standing(
        cap=row["gate_cap"],
        currency=row["gate_currency"] or "",
        spent=row["gate_spent"] or nothing,
        held=row["gate_held"] or nothing,
        is_complete=not gaps,
        admits=not any(gap.stops for gap in gaps),
    )


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier's ceiling at one workload; None where it has none."""

    slug: str
    name: str
    ceiling: int | None
    pattern: str = ""
    is_opted_in: bool = False


def ceilings(tenant_id: UUID, workload_ids: Iterable[UUID], now: datetime) -> dict[UUID, list[Tier]]:
    """For each workload all tiers of the tenant, with their ceilings, in one statement."""
    wanted = list(workload_ids)
    found = together(
        {
            "tiers": (UserTier.objects.filter(tenant=tenant_id), JSONObject(id="id", slug="slug", name="name")),
            "ceilings": (
                TierGate.objects.filter(tenant=tenant_id, workload__in=wanted),
                JSONObject(
                    workload="workload", tier="tier", ceiling="ceiling", pattern="pattern", until="opted_in_until"
                ),
            ),
        }
    )
    tiers = sorted(found["tiers"], key=lambda tier: tier["slug"])
    rows = {(row["workload"], row["tier"]): row for row in found["ceilings"]}
    return {key: [_tier(tier, rows.get((str(key), tier["id"])), now) for tier in tiers] for key in wanted}


def _tier(tier: Mapping[str, str], row: Mapping[str, Any] | None, now: datetime) -> Tier:
    if row is None:
        return Tier(tier["slug"], tier["name"], None)
    is_opted_in = row["until"] is not None and instant(row["until"]) > now
    return Tier(tier["slug"], tier["name"], row["ceiling"], row["pattern"], is_opted_in)
