"""When each regular job last ran: written by the worker after the run, read by operators and ``/metrics``."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from prometheus_client import Gauge

from portal.health import on_scrape
from portal.models import JobRun
from portal.tenancy.context import platform_work

SUCCEEDED = Gauge("causeway_job_succeeded_seconds", "How long ago a regular job last succeeded", ["job"])
# A run may wait for the one before it, and beat for its next look.
PATIENCE = timedelta(minutes=1)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A regular job and its last run, None if it never ran. ``is_late``: it should have succeeded since."""

    name: str
    every: timedelta
    run: JobRun | None
    is_late: bool


def jobs(now: datetime) -> list[Job]:
    """All that beat starts, by name. One statement."""
    with platform_work("jobs.read") as alias:
        runs = {run.name: run for run in JobRun.objects.using(alias).all()}
    found = []
    entries: Iterable[dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE.values()
    for entry in entries:
        run, every = runs.get(entry["task"]), _every(entry["schedule"])
        last = run.succeeded_at if run else None
        is_late = last is None or now - last > 2 * every + PATIENCE
        found.append(Job(entry["task"], every, run, is_late))
    return sorted(found, key=lambda job: job.name)


def ran(*, name: str, began_at: datetime, now: datetime, error: str = "") -> None:
    """Keep how a run ended; of the runs before it the last success stays."""
    values = {
        "began_at": began_at,
        "took_ms": round((now - began_at) / timedelta(milliseconds=1)),
        "error": error[:_LONGEST],
    }
    if not error:
        values["succeeded_at"] = now
    with platform_work("jobs.write") as alias:
        JobRun.objects.using(alias).bulk_create(
            [JobRun(name=name, **values)], update_conflicts=True, unique_fields=["name"], update_fields=list(values)
        )


@on_scrape
def _set_gauge() -> None:
    now = timezone.now()
    SUCCEEDED.clear()
    for job in jobs(now):
        if job.run and job.run.succeeded_at:
            SUCCEEDED.labels(job.name).set((now - job.run.succeeded_at).total_seconds())


def _every(schedule: Any) -> timedelta:
    """Of a crontab that runs each hour: an hour by how many minutes of it are named."""
    minutes = getattr(schedule, "minute", None)
    once = 3_600 / len(minutes) if minutes else schedule
    return timedelta(seconds=once)
