"""How fast a month's budget goes, and when it would be used up (COST-3). Pure.

The pace is the burn of the last seven days, as the alerts have it: a week holds working days and a weekend, and what
was a month ago says nothing about tomorrow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from apps.budgets.months import Month

BURN_OVER = timedelta(days=7)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outlook:
    """``burn`` is per hour. ``reached_at`` is when the limit was or would be reached, None where the month lasts."""

    used: Decimal
    limit: Decimal
    burn: Decimal
    reached_at: datetime | None
    month: Month
    is_over: bool

    @property
    def is_reached(self) -> bool:
        return self.used >= self.limit

    def said(self, what: str) -> str:
        """In words, on the tenant's own clock; ``what`` is the limit's name."""
        if self.is_over:
            return f"The month is over; the {what} was {'' if self.is_reached else 'not '}reached."
        if self.is_reached:
            return f"The {what} is reached."
        if self.burn <= 0:
            return f"Nothing was used in the last 7 days: at this pace the {what} lasts the month."
        if self.reached_at is None:
            return f"At the pace of the last 7 days the {what} lasts the month."
        day = self.reached_at.astimezone(zone_of(self.month))
        return f"At the pace of the last 7 days the {what} is reached on the {ordinal(day.day)}."


def outlook(*, used: Decimal, limit: Decimal, burned: Decimal, month: Month, now: datetime) -> Outlook:
    """Where the month goes. ``burned`` is what was used in the seven days up to ``now``."""
    burn = burned / Decimal(BURN_OVER / _HOUR)
    return Outlook(used, limit, burn, _reached(used, limit, burn, month, now), month, now >= month.end)


def _reached(used: Decimal, limit: Decimal, burn: Decimal, month: Month, now: datetime) -> datetime | None:
    if used >= limit:
        return now
    rest = Decimal(max(month.end - now, timedelta(0)) / _HOUR)
    if burn <= 0 or burn * rest <= limit - used:
        return None
    return now + _HOUR * float((limit - used) / burn)


def running(days: Mapping[date, Decimal], month: Month, now: datetime) -> Iterator[tuple[datetime, Decimal]]:
    """The sum so far at the month's beginning and at the end of each of its days until ``now``.

    What was posted after the month's end, since it came late, counts at its end.
    """
    zone, end = zone_of(month), min(now, month.end)
    total, day, at = Decimal(0), month.start.astimezone(zone).date(), month.start
    yield at, total
    while at < end:
        total += days.get(day, Decimal(0))
        day += timedelta(days=1)
        at = min(_midnight(day, zone), end)
        if at == month.end:
            total += sum((amount for posted, amount in days.items() if posted >= day), Decimal(0))
        yield at, total


def zone_of(month: Month) -> ZoneInfo:
    return ZoneInfo(month.key.partition("@")[2])


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def ordinal(day: int) -> str:
    """1st, 2nd, 23rd."""
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
