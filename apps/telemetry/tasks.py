from datetime import timedelta

from django.db import connections
from django.utils import timezone

from apps.telemetry import partitions
from portal.celery import platform_task
from portal.tenancy.context import platform_work


@platform_task("telemetry.keep_partitions")
def keep_partitions() -> None:
    """Make the partitions of the next days before they are needed."""
    today = timezone.now().date()
    days = [today + timedelta(days=n) for n in range(partitions.AHEAD.days + 1)]
    with platform_work("telemetry.partitions") as alias, connections[alias].cursor() as cursor:
        cursor.execute("select telemetry_make_partition(day) from unnest(%s::date[]) as day", [days])
