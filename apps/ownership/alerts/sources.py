"""Where alerts come from inside the portal: apps above put ``alert.raise`` or ``alert.end`` into the outbox (CALL-4).

The state change that something is wrong with commits together with its message; whatever happens to paging can't undo
a rollback. Payload: ``source``, ``key``, ``summary``, and where there are any ``severity``, ``workload`` (its key),
``team`` (its id), ``link`` (a path below the tenant's) and ``details``.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.ownership.alerts import actions
from apps.ownership.alerts.actions import Signal
from apps.ownership.alerts.climb import END, HOLE, RAISE
from apps.ownership.channels.telling import tell_of
from apps.ownership.models.alerts import Severity, Source
from apps.tenants.models import Membership, Team, Tenant
from apps.tenants.roles import Role
from apps.workloads.models import Workload
from portal.models import OutboxMessage
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction


@handles(RAISE)
def raise_alert(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        if _is_over(envelope):
            return
        signal = replace(_signal(envelope.tenant_id, envelope.payload), cause=envelope.message_id)
        actions.trigger_once(tenant_id=envelope.tenant_id, signal=signal, now=timezone.now())


def _is_over(envelope: Envelope) -> bool:
    """Whether its end was said already: the two messages may be delivered in either order."""
    rows = OutboxMessage.objects.filter(tenant=envelope.tenant_id, topic=END, key=envelope.payload["key"][:200])
    return rows.exists()


@handles(HOLE)
def tell_of_a_hole(envelope: Envelope) -> None:
    """The team whose step reached nobody hears of it, and whoever leads operations."""
    with tenant_transaction(envelope.tenant_id):
        named = envelope.payload["team"]
        team = Team.objects.filter(tenant=envelope.tenant_id, id=named).first() if named else None
        of_team = Q(teams__team=team.id) if team else Q(roles__contains=[Role.ADMIN])
        rows = Membership.objects.filter(
            of_team | Q(roles__contains=[Role.OPS_LEAD]), tenant=envelope.tenant_id, ended_at=None
        )
        tell_of(
            envelope,
            people=list(rows.values_list("user", flat=True)),
            title=f"Step {envelope.payload['step'] + 1} of {team.name if team else 'the catch-all'} reached nobody",
            body="An alert climbed past it at once. Look who stands behind it, and whether they have a channel.",
            link=f"rotas/teams/{team.slug}/" if team else "alerts/",
        )


@handles(END)
def end_alert(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        signal = _signal(envelope.tenant_id, envelope.payload)
        actions.end_signal(tenant_id=envelope.tenant_id, signal=signal, now=timezone.now())


def _signal(tenant_id: UUID, payload: dict[str, Any]) -> Signal:
    key, team = payload.get("workload"), payload.get("team")
    rows = Workload.objects.filter(tenant=tenant_id, key=key).select_related("team", "owner") if key else None
    return Signal(
        source=Source(payload["source"]),
        key=payload["key"][:255],
        summary=payload["summary"],
        severity=Severity(payload.get("severity", Severity.ERROR)),
        workload=rows.first() if rows is not None else None,
        team=Team.objects.filter(tenant=tenant_id, id=team).first() if team else None,
        link=f"/t/{_slug(tenant_id)}/{payload['link']}" if payload.get("link") else "",
        details=payload.get("details", {}),
    )


def _slug(tenant_id: UUID) -> str:
    return Tenant.objects.values_list("slug", flat=True).get(id=tenant_id)
