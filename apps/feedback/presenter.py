"""The pictures of trust and of the support desk's load."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from apps.feedback.desks import Load
from apps.feedback.models import TrustDay
from portal.charts import PERCENT, Amount, BarChart, Point, Series, SeriesChart, bar_chart, series_chart


def trust_chart(rows: Sequence[TrustDay], zone: ZoneInfo) -> SeriesChart:
    """The share that re-check or redo, day by day; a day nobody was heard of is a gap."""
    points = [Point(datetime.combine(row.day, time(12), zone), row.share) for row in rows]
    shares = Series("re-checked or redid", points)
    return series_chart("Who re-checks or redoes it", [shares], zone=zone, unit=PERCENT, every=timedelta(days=1))


def load_chart(load: Sequence[Load]) -> BarChart:
    """Reports a day as they came, against the forecast."""
    amounts = [Amount(f"{each.day:%d %b}", each.actual, each.expected, each.actual is None) for each in load]
    return bar_chart("Reports a day", amounts)
