"""TEL-2: the day's partition is made on demand, and by several processes at the same moment."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from psycopg import connect

from tests.world import World

MAKE = "select telemetry_make_partition(%s)"


def test_whoever_waits_for_another_to_make_the_days_partition_goes_on_with_it(live_world: World) -> None:
    day = (datetime.now(UTC) + timedelta(days=30)).date()
    parameters = connections["owner"].get_connection_params()
    failures: list[Exception] = []

    def make() -> None:
        try:
            second.execute(MAKE, [day])
        except Exception as error:
            failures.append(error)

    with _session(parameters) as first, _session(parameters) as second, _session(parameters) as watch:
        first.execute(MAKE, [day])
        thread = threading.Thread(target=make)
        thread.start()
        waiting = "select count(*) from pg_stat_activity where pid = %s and wait_event = 'advisory'"
        for _ in range(200):
            if watch.execute(waiting, [second.info.backend_pid]).fetchone() == (1,):
                break
            watch.rollback()
            thread.join(0.02)
        else:
            pytest.fail("the second session never waited for the first")
        first.commit()
        thread.join(10)
        second.commit()
        name = f"telemetry_action_{day:%Y%m%d}"
        found = watch.execute("select to_regclass(%s)::text", [name]).fetchone()
        watch.execute(f"drop table {name}")
        watch.commit()
    assert (failures, found) == ([], (name,))


def _session(parameters: dict):  # type: ignore[no-untyped-def, type-arg]
    keep = {name: parameters[name] for name in ("dbname", "user", "host") if parameters.get(name)}
    return connect(**keep)
