"""The continuous check that each counter is the sum of its entries; a difference wakes somebody (COST-4)."""

from datetime import datetime
from uuid import UUID

from apps.budgets import counters
from apps.budgets.models import LedgerCheck, UserMonth, WorkloadMonth
from portal.outbox.actions import enqueue

MOST_NAMED = 20


def check(*, tenant_id: UUID, now: datetime) -> LedgerCheck:
    """Compare now, and keep what came of it."""
    found = counters.differences(tenant_id)
    counted = sum(model.objects.filter(tenant=tenant_id).count() for model in (UserMonth, WorkloadMonth))
    fields = {
        "checked_at": now,
        "counters": counted,
        "differing": len(found),
        "found": [each.said for each in found[:MOST_NAMED]],
    }
    row, _ = LedgerCheck.objects.update_or_create(
        tenant_id=tenant_id, defaults=fields, create_defaults={**fields, "created_at": now}
    )
    if found:
        payload = {
            "source": "budget",
            "key": "ledger",
            "summary": f"{len(found)} budget counter{'' if len(found) == 1 else 's'} differ from the ledger.",
            "severity": "critical",
            "details": {"first": found[0].said},
        }
        enqueue(topic="alert.raise", key=f"ledger:{now:%Y%m%d%H%M}", payload=payload, now=now)
    return row
