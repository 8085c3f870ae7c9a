"""Where the gates' messages go: what runs out is told to the owner in time, what has run out is an alert (STAGE-3)."""

from django.utils import timezone

from apps.ownership.alerts import actions as alerts
from apps.ownership.alerts.actions import Signal
from apps.ownership.channels.telling import tell_of
from apps.ownership.models.alerts import Severity, Source
from apps.workloads.models import Workload
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction


@handles("evidence.expiring")
def _tell_the_owner(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        workload = _workload(envelope)
        tell_of(
            envelope,
            people=[workload.owner_id],
            title=f"{workload.key}: {envelope.payload['what']} runs out",
            body=f"It counts until {envelope.payload['until'][:16]} UTC; record it anew before then.",
            link=f"workloads/{workload.key}/gates/{workload.stage}/",
        )


@handles("evidence.stale")
def _raise_an_alert(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        signal = Signal(
            source=Source.GATE,
            key=f"evidence:{envelope.key}",
            summary=f"{envelope.payload['what']} has run out: the gate that rests on it holds no more.",
            severity=Severity.WARNING,
            workload=_workload(envelope),
            cause=envelope.message_id,
        )
        alerts.trigger_once(tenant_id=envelope.tenant_id, signal=signal, now=timezone.now())


def _workload(envelope: Envelope) -> Workload:
    return Workload.objects.select_related("owner", "team").get(
        tenant=envelope.tenant_id, key=envelope.payload["workload"]
    )
