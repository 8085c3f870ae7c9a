"""The fan-out from the registry, tenant first: what the actor may see of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.budgets import gates, overview
from apps.budgets.overview import Standing, Tier
from apps.dispatch import snapshot
from apps.dispatch.classify import queries as classifying
from apps.dispatch.classify.access import may_read
from apps.dispatch.fanout.facts import Answering, Dispatcher, Specialist, Whole
from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.queries import standing
from apps.dispatch.pilot.rules import Mode, Terms
from apps.rollouts.models import Rollout
from apps.rollouts.queries import served
from apps.workloads import queries as workloads
from apps.workloads import specialists
from apps.workloads.models import Workload
from apps.workloads.specialists import Finding
from portal.actor import Actor


@dataclass(frozen=True, slots=True)
class Seen:
    """A workload that the actor may see, with its gate."""

    id: UUID
    key: str
    gate: Standing


def seen(tenant_id: UUID, actor: Actor, month: str) -> list[Seen]:
    """All that the actor may see, by key, in two statements."""
    rows = overview.with_gates(tenant_id, workloads.visible(tenant_id, actor), month)
    found = gates.read(tenant_id)
    return [_seen(row, found) for row in rows.values("id", *gates.POLICY, *overview.COLUMNS)]


def _seen(row: Mapping[str, Any], found: gates.Gates) -> Seen:
    gaps = found.lacked(row["id"], gates.policy(**{name: row[name] for name in gates.POLICY}))
    return Seen(row["id"], row["key"], overview.standing(row, gaps))


def monoliths(tenant_id: UUID) -> dict[UUID, Finding]:
    """AP-01, judged among all of the tenant's workloads, whoever asks."""
    rows = workloads.registered(tenant_id).values(*workloads.REGISTERED)
    return specialists.findings([specialists.registered(row) for row in rows])


def whole(rows: Sequence[Seen], found: Mapping[UUID, Finding]) -> Whole:
    visible = {row.id for row in rows}
    return Whole(
        keys=tuple(row.key for row in rows),
        incomplete=tuple(row.key for row in rows if not row.gate.admits),
        reached=tuple(row.key for row in rows if row.gate.admits and row.gate.is_reached),
        monoliths=tuple((row.key, found[row.id].said(visible)) for row in rows if row.id in found),
    )


def dispatcher(tenant_id: UUID, actor: Actor) -> Dispatcher | None:
    """None for whoever may not read the classifier."""
    if not may_read(actor):
        return None
    row = classifying.dispatcher(tenant_id)
    return Dispatcher(classifying.rules(tenant_id).count(), row.live.number if row.live else None, row.threshold)


def drawn(
    tenant_id: UUID, page: Sequence[Seen], found: Mapping[UUID, Finding], visible: frozenset[UUID], now: datetime
) -> tuple[Specialist, ...]:
    """The specialists of one page, with what the decision path would answer now."""
    ids = [row.id for row in page]
    rows = workloads.workloads(tenant_id).filter(id__in=ids).select_related("serving_version").in_bulk()
    splits, pilots = _splits(tenant_id), {row.workload_id: row for row in standing(tenant_id, now)}
    tiers = overview.ceilings(tenant_id, ids, now)
    said = {key: each.said(visible) for key, each in found.items()}
    return tuple(
        _specialist(rows[each.id], _flag(rows[each.id], each.gate, splits, pilots), each.gate, tiers[each.id], said)
        for each in page
        if each.id in rows
    )


def _flag(
    row: Workload, gate: Standing, splits: Mapping[UUID, Rollout], pilots: Mapping[UUID, PilotService]
) -> snapshot.Flag:
    return snapshot.flag(row, splits.get(row.id), pilots.get(row.id), is_gated=gate.admits)


def _specialist(
    row: Workload, flag: snapshot.Flag, gate: Standing, tiers: Sequence[Tier], said: Mapping[UUID, str]
) -> Specialist:
    split = flag.split
    return Specialist(
        key=row.key,
        name=row.name,
        stage=row.get_stage_display(),
        stable=_answering(flag.stable),
        rollout=_answering(split.agent) if split else None,
        share=split.exposure.share if split else 0,
        pilot=_answering(flag.pilot.agent) if flag.pilot else None,
        pilot_for=_pilot_for(flag.pilot.terms) if flag.pilot else "",
        fallback=row.fallback_description or row.get_fallback_kind_display() or "none named",
        budget_model=flag.budget_model,
        gate=gate,
        tiers=tuple(tiers),
        finding=said.get(row.id, ""),
    )


def _splits(tenant_id: UUID) -> dict[UUID, Rollout]:
    """The rollout that each workload is in, if it is in one."""
    found: dict[UUID, Rollout] = {}
    for rollout in served(tenant_id):
        found.setdefault(rollout.workload_id, rollout)
    return found


def _pilot_for(terms: Terms) -> str:
    """Whom the service before rollout takes, in words (DISP-2)."""
    if terms.mode is Mode.SHADOW:
        return f"{terms.share / 100:g} % in shadow"
    return f"the cohort {terms.name}"


def _answering(version: Any) -> Answering | None:
    return Answering(version.label, version.model) if version else None
