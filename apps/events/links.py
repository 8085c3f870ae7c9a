"""Where a person looks at what an event is about."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from apps.events.rules import Happened
from apps.workloads.models import Workload

# Kinds of object with a page of their own that their id alone leads to.
PAGES = {
    "approvals.approvalrequest": "approval",
    "budgets.budgetalert": "budget_alert",
    "events.subscription": "event_subscription",
    "ownership.alert": "alert",
    "ownership.incident": "incident",
    "ownership.integration": "integration",
    "ownership.rota": "rota",
    "pricing.modelprice": "price",
    "rollouts.rollout": "rollout",
    "runbooks.drill": "drill",
    "runbooks.runbook": "runbook",
    "training.cohort": "cohort",
    "training.module": "module",
}
_WORKLOAD = "workloads.workload"


def source(slug: str) -> str:
    return f"{settings.PUBLIC_URL}/t/{slug}"


def links(tenant_id: UUID, slug: str, happened: Iterable[Happened]) -> dict[str, str]:
    """Addresses of pages by the object's id; what has no page isn't in it. One statement however many."""
    rows = list(happened)
    found = {
        row.object_id: reverse(PAGES[row.object_type], args=[slug, UUID(row.object_id)])
        for row in rows
        if row.object_type in PAGES
    }
    wanted = {row.object_id for row in rows if row.object_type == _WORKLOAD}
    keys = Workload.objects.filter(tenant=tenant_id, id__in=wanted).values_list("id", "key") if wanted else []
    found |= {str(workload): reverse("workload", args=[slug, key]) for workload, key in keys}
    return {object_id: f"{settings.PUBLIC_URL}{path}" for object_id, path in found.items()}
