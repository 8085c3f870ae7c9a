"""Setting, changing and ending a workload's service before its rollout (DISP-2).

It ends by itself with its time, when the stage leaves Validate, and when a rollout starts; going back a stage doesn't
bring it back. Whoever sets or ends one holds the workload's row, so that no service is set beside a rollout that is
just starting.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.audit.actions import record
from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.rules import BEFORE_ROLLOUT, Terms, normal, problems
from apps.rollouts import queries as rollouts
from apps.rollouts.models import Rollout
from apps.rollouts.starting import on_started
from apps.tenants.actions import bump_config
from apps.workloads.models import AgentVersion, Workload
from apps.workloads.moving import on_stage_set
from portal import actor as actors
from portal.actor import Actor
from portal.errors import Invalid, Refused
from portal.reasons import given

LONGEST_REASON = 500


def set_service(
    *,
    workload: Workload,
    version: AgentVersion,
    terms: Terms,
    ends_at: datetime,
    actor: Actor,
    reason: str,
    now: datetime,
) -> PilotService:
    """Serve a cohort, or a share in shadow, from the next second on; said again it takes the place of what stands.

    Raises:
        Invalid: no reason, or terms that can't be; ``problems`` names each, and nothing is changed.
        Refused: the workload is past Validate, in a rollout or in service.
    """
    why = given(reason)[:LONGEST_REASON]
    terms = _clean(terms)
    if wrong := problems(terms, ends_at, now):
        told = [{"field": name, "message": message} for name, message in wrong]
        raise Invalid(wrong[0][0], wrong[0][1], problems=told)
    _refuse_unless_before(_held(workload))
    row = _standing(workload)
    if row is not None and row.ends_at <= now:
        _end(row, actors.task("dispatch"), "its time was over", now)
        row = None
    before = _said(row) if row else None
    row = row or PilotService(
        tenant_id=workload.tenant_id, workload=workload, seed=secrets.token_hex(16), created_at=now
    )
    _write(row, version, terms, ends_at)
    row.reason, row.set_by = why, actor.label[:200]
    row.save()
    bump_config(workload.tenant_id)
    record(actor=actor, action="pilot.set", obj=row, before=before, after=_said(row), reason=why)
    return row


def end_service(*, workload: Workload, actor: Actor, reason: str, now: datetime) -> PilotService:
    """Everybody gets the fallback again, within a second.

    Raises:
        Invalid: no reason.
        Refused: none stands.
    """
    why = given(reason)[:LONGEST_REASON]
    _held(workload)
    row = _standing(workload)
    if row is None:
        raise Refused("no_pilot", f"{workload.key} has no service before its rollout.")
    return _end(row, actor, why, now)


def end_over(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Write down the end of those whose time is over; nobody has been served since. Returns how many."""
    rows = PilotService.objects.filter(tenant=tenant_id, id__in=ids, ended_at=None, ends_at__lte=now)
    found = list(rows.select_for_update(skip_locked=True, of=("self",)).select_related("workload").order_by("id"))
    for row in found:
        _end(row, actors.task("dispatch"), "its time was over", now)
    return len(found)


@on_stage_set
def _stage_was_set(workload: Workload, actor: Actor) -> None:
    if workload.stage not in BEFORE_ROLLOUT:
        _end_if_any(workload, actor, f"the stage is {workload.get_stage_display()}", timezone.now())


@on_started
def _rollout_started(rollout: Rollout, actor: Actor, now: datetime) -> None:
    _end_if_any(rollout.workload, actor, "a rollout started", now)


def _end_if_any(workload: Workload, actor: Actor, why: str, now: datetime) -> None:
    _held(workload)
    row = _standing(workload)
    if row is not None:
        _end(row, actor, why, now)


def _end(row: PilotService, actor: Actor, why: str, now: datetime) -> PilotService:
    row.ended_at, row.ended_by, row.ended_why = now, actor.label[:200], why
    row.save(update_fields=["ended_at", "ended_by", "ended_why"])
    bump_config(row.tenant_id)
    record(actor=actor, action="pilot.ended", obj=row, before=_said(row), reason=why)
    return row


def _held(workload: Workload) -> Workload:
    return Workload.objects.select_for_update(of=("self",)).get(tenant=workload.tenant_id, id=workload.id)


def _standing(workload: Workload) -> PilotService | None:
    """Held too: the tick that ends what is over passes it by."""
    rows = PilotService.objects.filter(tenant=workload.tenant_id, workload=workload.id, ended_at=None)
    return rows.select_related("workload", "version").select_for_update(of=("self",)).first()


def _refuse_unless_before(workload: Workload) -> None:
    """Held, so that what it says stays so until this is done."""
    if workload.stage not in BEFORE_ROLLOUT:
        stage = workload.get_stage_display()
        raise Refused("past_validate", f"{workload.key} is in {stage}: from Harden on a rollout decides who is served.")
    if workload.serving_version_id is not None:
        raise Refused("in_service", f"A version of {workload.key} is in service: everybody gets it already.")
    if any(each.workload_id == workload.id for each in rollouts.served(workload.tenant_id)):
        raise Refused("in_rollout", f"{workload.key} is being rolled out: the rollout decides who is served.")


def _clean(terms: Terms) -> Terms:
    return Terms(
        mode=terms.mode,
        name=terms.name.strip(),
        units=_filled(normal(unit) for unit in terms.units),
        attribute=terms.attribute.strip(),
        values=_filled(terms.values),
        share=terms.share,
    )


def _filled(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(text.strip() for text in texts) - {""}


def _write(row: PilotService, version: AgentVersion, terms: Terms, ends_at: datetime) -> None:
    row.version, row.ends_at = version, ends_at
    for name, value in asdict(terms).items():
        setattr(row, name, sorted(value) if isinstance(value, frozenset) else value)


def _said(row: PilotService) -> dict[str, Any]:
    """As the trail tells it; of many units how many."""
    return {
        "workload": row.workload.key,
        "version": row.version.label,
        "mode": str(row.mode),
        "name": row.name,
        "units": len(row.units),
        "attribute": row.attribute,
        "values": list(row.values),
        "share": row.share,
        "ends_at": row.ends_at,
    }
