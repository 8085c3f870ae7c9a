"""TEN-3: every task names its tenant, or is on the list of those that look across."""

import pytest

from apps.rollouts.tasks import check
from portal.celery import PlatformTask, TenantTask, app

PLATFORM_TASKS = {
    "approvals.tick",
    "audit.publish_heads",
    "budgets.keep",
    "budgets.tick",
    "budgets.tick_reported",
    "dispatch.tick",
    "feedback.trust",
    "feedback.tick",
    "events.prune",
    "gates.tick",
    "outbox.prune",
    "outbox.tick",
    "ownership.prune",
    "ownership.tick",
    "rollouts.tick",
    "telemetry.keep_partitions",
}


def own_tasks() -> dict[str, object]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_every_task_is_a_tenants_or_on_the_written_list() -> None:
    found = own_tasks()
    assert len(found) >= 6
    across = {name for name, task in found.items() if isinstance(task, PlatformTask)}
    assert across == PLATFORM_TASKS
    assert all(isinstance(task, TenantTask) for name, task in found.items() if name not in across)


def test_a_tenants_task_refuses_to_run_without_one() -> None:
    with pytest.raises(TypeError, match="pass tenant_id"):
        check(ids=[])


def test_everything_that_beat_sends_exists() -> None:
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} == PLATFORM_TASKS
