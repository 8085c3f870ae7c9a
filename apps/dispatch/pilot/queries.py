"""Reading services before rollout, tenant first."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.rules import BEFORE_ROLLOUT
from apps.workloads.models import Workload
from portal.tenancy.due import by_tenant


def standing(tenant_id: UUID, now: datetime) -> QuerySet[PilotService]:
    """Those that are served now, for the decision path."""
    rows = PilotService.objects.filter(tenant=tenant_id, ended_at=None, ends_at__gt=now)
    return rows.filter(workload__stage__in=BEFORE_ROLLOUT).select_related("version")


def services(workload: Workload) -> QuerySet[PilotService]:
    """The workload's, the one that stands first."""
    rows = PilotService.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("version").order_by("-created_at", "-id")


def service_of(workload: Workload, now: datetime) -> PilotService | None:
    """The one that stands."""
    return services(workload).filter(ended_at=None, ends_at__gt=now).first()


def over(now: datetime) -> dict[UUID, list[UUID]]:
    """Those whose time is over, by tenant."""
    return by_tenant(
        "dispatch.find",
        lambda alias: (
            PilotService.objects.using(alias).filter(ended_at=None, ends_at__lte=now).order_by("ends_at", "tenant_id")
        ),
        5_000,
    )
