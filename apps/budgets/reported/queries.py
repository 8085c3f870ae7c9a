"""Reading what records report, tenant first."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet, Window
from django.db.models.functions import RowNumber

from apps.budgets.models import Reservation, UsageReport
from apps.workloads.models import Workload
from portal.tenancy.due import by_tenant

BATCH, OF_ONE_TENANT = 5_000, 1_000
RECENT = timedelta(days=30)


def held_for(tenant_id: UUID, wanted: Collection[tuple[UUID, int]]) -> dict[tuple[UUID, int], Reservation]:
    """The reservations of these attempts, and the first of each of their requests, in one statement."""
    rows = Reservation.objects.filter(
        tenant=tenant_id,
        request_id__in={request for request, _ in wanted},
        attempt__in={1, *(attempt for _, attempt in wanted)},
    )
    columns = ["id", "tenant_id", "workload_id", "request_id", "attempt", "state", "used_input", "used_output"]
    return {(row.request_id, row.attempt): row for row in rows.only(*columns)}


def due(now: datetime) -> dict[UUID, list[UUID]]:
    """Reports that wait to be settled, by tenant; one tenant's flood keeps no other waiting."""

    def rows(alias: str) -> QuerySet[UsageReport]:
        waiting = UsageReport.objects.using(alias).filter(due_at__lte=now)
        place = Window(RowNumber(), partition_by="tenant", order_by=["due_at", "id"])
        return waiting.annotate(place=place).filter(place__lte=OF_ONE_TENANT).order_by("place", "tenant_id")

    return by_tenant("budgets.find", rows, BATCH)


def misfits(workload: Workload) -> QuerySet[UsageReport]:
    """What this workload's records say that didn't fit its ledger, the newest first."""
    rows = UsageReport.objects.filter(tenant=workload.tenant_id, workload=workload.id).exclude(misfit="")
    return rows.select_related("reservation").order_by("-created_at", "-id")


def recent_misfits(workload: Workload, now: datetime) -> QuerySet[UsageReport]:
    """Those of a month, for the page that people look at anyway."""
    return misfits(workload).filter(created_at__gt=now - RECENT)
