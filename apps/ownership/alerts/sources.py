"""Where alerts come from inside the portal: apps above put ``alert.raise`` or ``alert.end`` into the outbox (CALL-4).

The state change that something is wrong with commits together with its message; whatever happens to paging can't undo
a rollback. Payload: ``source``, ``key``, ``summary``, and where there are any ``severity``, ``workload`` (its key),
``team`` (its id), ``link`` (a path below the tenant's) and ``details``.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.ownership.alerts import actions
from apps.ownership.alerts.actions import Signal
from apps.ownership.alerts.climb import RAISE
from apps.ownership.models.alerts import Severity, Source
from apps.tenants.models import Team, Tenant
from apps.workloads.models import Workload
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction

END = "alert.end"


@handles(RAISE)
def raise_alert(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        signal = replace(_signal(envelope.tenant_id, envelope.payload), cause=envelope.message_id)
        actions.trigger_once(tenant_id=envelope.tenant_id, signal=signal, now=timezone.now())


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
