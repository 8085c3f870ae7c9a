"""Operators see of each regular job when it last ran, whether it went well, and whether it is late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from portal import jobs
from portal.health import gauges
from portal.models import JobRun
from portal.outbox import queries
from portal.tasks import outbox_tick
from portal.tenancy.context import platform_work

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def run_of(name: str) -> JobRun:
    with platform_work("jobs.read") as alias:
        return JobRun.objects.using(alias).get(name=name)


def found(name: str, now: datetime) -> jobs.Job:
    return next(job for job in jobs.jobs(now) if job.name == name)


def test_a_worker_keeps_how_a_run_went_and_the_last_success_stays(db: None, monkeypatch: Any) -> None:
    outbox_tick.apply()
    first = run_of("outbox.tick")
    assert first.error == "" and first.succeeded_at is not None and first.began_at <= first.succeeded_at

    def broken(now: datetime) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(queries, "due", broken)
    outbox_tick.apply()
    second = run_of("outbox.tick")
    assert second.error == "RuntimeError: the disk is full"
    assert second.succeeded_at == first.succeeded_at and second.began_at > first.began_at


def test_every_job_of_beat_is_there_also_one_that_never_ran(db: None) -> None:
    every = {job.name: job.every for job in jobs.jobs(NOW)}
    assert set(every) == {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert every["outbox.tick"] == timedelta(seconds=1)
    assert every["feedback.trust"] == timedelta(minutes=5)
    assert every["outbox.prune"] == timedelta(hours=1)
    assert found("outbox.prune", NOW).is_late and found("outbox.prune", NOW).run is None


@pytest.mark.parametrize(("ago", "is_late"), [(180, False), (181, True)])
def test_late_is_two_turns_and_a_minute_without_a_success(db: None, ago: int, is_late: bool) -> None:
    jobs.ran(name="gates.tick", began_at=NOW - timedelta(milliseconds=40), now=NOW)
    assert run_of("gates.tick").took_ms == 40
    assert found("gates.tick", NOW + timedelta(seconds=ago)).is_late is is_late


def test_metrics_say_how_long_ago_each_last_succeeded(db: None) -> None:
    jobs.ran(name="gates.tick", began_at=NOW, now=datetime.now(UTC) - timedelta(seconds=90))
    seen = {reading.which: reading.value for reading in gauges() if reading.name == "causeway_job_succeeded_seconds"}
    assert seen["gates.tick"] == pytest.approx(90, abs=20)


def test_tenants_can_not_read_them(db: None) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select * from portal_jobrun")
