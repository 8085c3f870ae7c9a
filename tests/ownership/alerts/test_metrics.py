"""What a monitor outside sees of paging."""

from datetime import UTC, datetime, timedelta

from django.test import Client

from apps.ownership.models import Notification
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import MINUTE, opened, person_step, policy_of, reachable
from tests.world import World


def metric(name: str) -> float:
    lines = Client().get("/metrics").content.decode().splitlines()
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(f"{name} ")))


def test_lateness_and_what_is_overdue(live_world: World) -> None:
    reachable(live_world.tenant, live_world.bob)
    policy_of(live_world, person_step(live_world.bob, 5))
    assert metric("causeway_alerts_triggered") == 0
    for number in range(3):
        opened(live_world, datetime.now(UTC) - 10 * MINUTE, f"k{number}")
    assert metric("causeway_alerts_triggered") == metric("causeway_alerts_overdue") == 3
    assert metric("causeway_pages_overdue") == 3
    with tenant_transaction(live_world.tenant.id):
        for late, row in enumerate(Notification.objects.filter(channel__isnull=False), start=1):
            sent_at = datetime.now(UTC) - MINUTE
            due_at = sent_at - timedelta(seconds=late)
            Notification.objects.filter(id=row.id).update(state="sent", sent_at=sent_at, due_at=due_at)
    assert metric("causeway_pages_overdue") == 0
    assert metric('causeway_pages_lateness_seconds{quantile="0.5"}') == 2.0
