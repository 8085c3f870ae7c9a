"""Telling people in time that evidence runs out, and when it has (STAGE-3).

States are worked out at each look and need no sweep; this only sends messages. Finding what is due is one statement
over a narrow index, whatever exists.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.gates.models import Evidence
from apps.gates.own import queries as own
from apps.gates.own.queries import Ageing
from portal.outbox.actions import enqueue_many
from portal.tenancy.due import by_tenant


def due(now: datetime, limit: int = 20_000) -> dict[UUID, list[UUID]]:
    """Evidence about which somebody has to hear: ids by tenant."""
    return by_tenant(
        "gates.find",
        lambda alias: Evidence.objects.using(alias).filter(notice_at__lte=now).order_by("notice_at"),
        limit,
    )


def tell(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Send what is due, once each; a record that a newer one has replaced says nothing. Returns how many were sent."""
    rows = Evidence.objects.filter(tenant=tenant_id, id__in=list(ids), notice_at__lte=now)
    found = list(rows.select_for_update(skip_locked=True, of=("self",)).select_related("workload").order_by("id"))
    newest = _newest(tenant_id, found)
    ageing = own.ageing(tenant_id)
    sent = [row for row in found if row.id in newest and row.kind in ageing]
    enqueue_many(messages=[_message(row, ageing[row.kind], now) for row in sent], now=now)
    told = {row.id for row in sent}
    for row in found:
        row.notice_at = _next(row, ageing[row.kind], now) if row.id in told else None
    Evidence.objects.bulk_update(found, ["notice_at"])
    return len(sent)


def running_out(tenant_id: UUID, now: datetime, within: timedelta) -> list[UUID]:
    """The newest documents of each workload and kind that are fresh now and won't be in a while."""
    latest = Evidence.objects.filter(tenant=tenant_id, source="attestation")
    ordered = latest.order_by("workload", "kind", "-observed_at", "-created_at").distinct("workload", "kind")
    ageing = own.ageing(tenant_id)
    return [
        row_id
        for row_id, kind, observed_at in ordered.values_list("id", "kind", "observed_at")
        if kind in ageing and now < observed_at + ageing[kind].life <= now + within
    ]


def _newest(tenant_id: UUID, rows: list[Evidence]) -> set[UUID]:
    """Those that no later document of the same workload and kind has replaced, in one statement."""
    workloads = {row.workload_id for row in rows}
    latest = Evidence.objects.filter(tenant=tenant_id, workload__in=workloads, source="attestation")
    ordered = latest.order_by("workload", "kind", "-observed_at", "-created_at").distinct("workload", "kind")
    return set(ordered.values_list("id", flat=True))


def _next(row: Evidence, what: Ageing, now: datetime) -> datetime | None:
    """After the warning comes the end; after the end nothing."""
    ends = row.observed_at + what.life
    return ends if now < ends else None


def _message(row: Evidence, what: Ageing, now: datetime) -> tuple[str, str, dict[str, Any]]:
    ends = row.observed_at + what.life
    topic = "evidence.expiring" if now < ends else "evidence.stale"
    return topic, str(row.id), {"workload": row.workload.key, "what": what.title, "until": ends.isoformat()}
