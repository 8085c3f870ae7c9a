"""Plans as stored: frozen JSON, the thing that is hashed and approved. Pure."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from apps.rollouts.assignment import Cohort
from apps.rollouts.plan import GuardrailPlan, Kind, Metric, OnBreach, PhasePlan

CHECK_SECONDS = 60
LEAST_CHECK_SECONDS = 2


def dump(
    phases: Sequence[PhasePlan],
    guardrails: Sequence[GuardrailPlan],
    *,
    check_seconds: int = CHECK_SECONDS,
    blind_high: timedelta,
    blind_low: timedelta,
) -> dict[str, Any]:
    """A plan as JSON; times in seconds, shares in basis points."""
    return {
        "check_seconds": check_seconds,
        "blind_high_seconds": blind_high.total_seconds(),
        "blind_low_seconds": blind_low.total_seconds(),
        "phases": [
            {
                "share": phase.share,
                "bake_seconds": phase.bake.total_seconds(),
                "min_transactions": phase.min_transactions,
                "cohort": phase.cohort and {"attribute": phase.cohort.attribute, "values": sorted(phase.cohort.values)},
            }
            for phase in phases
        ],
        "guardrails": [
            {"metric": g.metric, "kind": g.kind, "limit": g.limit, "on_breach": g.on_breach} for g in guardrails
        ],
    }


def phases(plan: dict[str, Any]) -> tuple[PhasePlan, ...]:
    return tuple(
        PhasePlan(
            share=item["share"],
            bake=timedelta(seconds=item["bake_seconds"]),
            min_transactions=item["min_transactions"],
            cohort=item["cohort"] and Cohort(item["cohort"]["attribute"], frozenset(item["cohort"]["values"])),
        )
        for item in plan["phases"]
    )


def guardrails(plan: dict[str, Any]) -> tuple[GuardrailPlan, ...]:
    return tuple(
        GuardrailPlan(Metric(g["metric"]), Kind(g["kind"]), g["limit"], OnBreach(g["on_breach"]))
        for g in plan["guardrails"]
    )


def content_hash(content: dict[str, Any]) -> str:
    """SHA-256 over canonical JSON, in hex."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
