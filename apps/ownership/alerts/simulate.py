"""Simulated alerts: a drill of the whole way, from the policy to somebody's acknowledgement (CALL-6)."""

from datetime import datetime

from apps.ownership.alerts.actions import Signal, trigger
from apps.ownership.models import Alert
from apps.ownership.models.alerts import OPEN, Severity, Source
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Refused


def simulate(*, workload: Workload, actor: Actor, now: datetime, severity: Severity = Severity.CRITICAL) -> Alert:
    """Open a drill: it wakes, climbs and is acknowledged like any other, and says on its face what it is.

    Raises:
        Refused: one is open already.
    """
    rows = Alert.objects.filter(OPEN, tenant=workload.tenant_id, workload=workload.id, is_simulated=True)
    if rows.exists():
        raise Refused("drill_open", f"A drill for {workload.key} is open already; resolve it first.")
    signal = Signal(
        source=Source.PERSON,
        key=f"drill:{workload.id}:{now:%Y%m%d%H%M%S}",
        summary=f"Drill: somebody has to acknowledge this within 15 minutes. Called by {actor.label}.",
        severity=severity,
        workload=workload,
        is_simulated=True,
    )
    alert, _ = trigger(tenant_id=workload.tenant_id, signal=signal, now=now, actor=actor)
    return alert
