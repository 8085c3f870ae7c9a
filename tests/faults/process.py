"""One tick in a process of its own, as beat and worker would do it, for a test to kill."""

import sys

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from apps.budgets import tasks as budgets  # noqa: E402
from apps.events import courier  # noqa: E402
from apps.gates import tasks as gates  # noqa: E402
from apps.ownership.alerts import pager  # noqa: E402
from apps.rollouts import tasks as rollouts  # noqa: E402
from portal import tasks as outbox  # noqa: E402
from portal.celery import app  # noqa: E402
from portal.outbox import queries  # noqa: E402


def main(work: str) -> None:
    assert settings.DATABASES["default"]["NAME"].startswith("test_"), "only ever on a test database"
    app.conf.task_always_eager = True
    if work == "pager":
        page()
        return
    if work == "courier":
        carry()
        return
    ticks = {"rollouts": rollouts.tick, "outbox": outbox.outbox_tick, "gates": gates.tick, "budgets": budgets.tick}
    ticks[work].apply(throw=True)


def page() -> None:
    """One look of the pager."""
    pager.climb_due(timezone.now())
    senders = pager.senders()
    senders.offer(queries.due(timezone.now()))
    senders.close()


def carry() -> None:
    """One look of the courier."""
    senders = courier.senders()
    courier.look(senders)
    senders.close()


if __name__ == "__main__":
    main(sys.argv[1])
