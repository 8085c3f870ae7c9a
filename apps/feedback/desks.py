"""The support desk of a workload: named before its rollout begins, measured while it runs (FEED-5, ROLL-10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate

from apps.audit.actions import record
from apps.feedback.models import Desk, DeskPerson, Report
from apps.feedback.queries import WAITING
from apps.feedback.rules import (
    LIVE_SUPPORT,
    OPEN,
    WEEKLY_SHARES,
    Hours,
    forecast,
    hours_problem,
    is_open,
    open_time,
    opened_for,
    shares_problem,
)
from apps.rollouts.models import Rollout
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Invalid

LONGEST_TARGET, MOST_EXPECTED = 7 * 24 * 60, 1_000_000
_MOST_ANSWERED = 200


def name_desk(
    *,
    workload: Workload,
    people: Sequence[UUID],
    hours: Sequence[Hours],
    zone: str,
    target_minutes: int,
    expected_reports: int,
    actor: Actor,
    now: datetime,
    weekly_shares: Sequence[int] = WEEKLY_SHARES,
) -> Desk:
    """Say who answers, when, how soon, and how much is expected over the 30 days. Naming it anew replaces it.

    Raises:
        Invalid: nobody, no opening time, an unknown zone, a load that isn't heaviest at first; nothing is changed.
    """
    hours = [
        Hours(h.weekday, h.opens.replace(second=0, microsecond=0), h.closes.replace(second=0, microsecond=0))
        for h in hours
    ]
    _check(hours, zone, target_minutes, expected_reports, weekly_shares)
    wanted = set(people)
    here = Membership.objects.filter(tenant=workload.tenant_id, ended_at=None, user__in=wanted)
    if not wanted or here.count() != len(wanted):
        raise Invalid("people", "Name at least one person; all of them members of this tenant.")
    fields = {
        "zone": zone,
        "hours": [[h.weekday, f"{h.opens:%H:%M}", f"{h.closes:%H:%M}"] for h in hours],
        "target_minutes": target_minutes,
        "expected_reports": expected_reports,
        "weekly_shares": list(weekly_shares),
    }
    desk, is_new = Desk.objects.select_for_update(of=("self",)).get_or_create(
        tenant_id=workload.tenant_id, workload=workload, defaults={**fields, "created_at": now}
    )
    if not is_new:
        for name, value in fields.items():
            setattr(desk, name, value)
        desk.revision += 1
        desk.save(update_fields=[*fields, "revision"])
    _set_people(desk, wanted)
    after = {**fields, "people": sorted(map(str, wanted))}
    record(actor=actor, action="feedback.desk_named", obj=desk, after=after)
    return desk


def _check(
    hours: Sequence[Hours], zone: str, target_minutes: int, expected_reports: int, shares: Sequence[int]
) -> None:
    problem = hours_problem(hours) or shares_problem(shares)
    if problem:
        raise Invalid("desk", problem)
    if zone not in available_timezones():
        raise Invalid("zone", f"{zone!r} is no time zone; take one like Europe/Berlin.")
    if not 1 <= target_minutes <= LONGEST_TARGET:
        raise Invalid("target_minutes", "The first response is due within a minute to a week.")
    if not 0 <= expected_reports <= MOST_EXPECTED:
        raise Invalid("expected_reports", f"Expect 0 to {MOST_EXPECTED} reports.")


def _minute(clock: time) -> time:
    return clock.replace(second=0, microsecond=0)


def _set_people(desk: Desk, wanted: set[UUID]) -> None:
    rows = DeskPerson.objects.filter(tenant=desk.tenant_id, desk=desk.id)
    before = set(rows.values_list("person", flat=True))
    rows.filter(person__in=before - wanted).delete()
    DeskPerson.objects.bulk_create(
        DeskPerson(tenant_id=desk.tenant_id, desk=desk, person_id=person) for person in wanted - before
    )


def desk_of(workload: Workload) -> Desk | None:
    return Desk.objects.filter(tenant=workload.tenant_id, workload=workload.id).first()


def has_desk(tenant_id: UUID) -> bool:
    return Desk.objects.filter(tenant=tenant_id).exists()


def hours_of(desk: Desk) -> list[Hours]:
    return [Hours(day, time.fromisoformat(opens), time.fromisoformat(closes)) for day, opens, closes in desk.hours]


def people_of(desk: Desk) -> list[DeskPerson]:
    rows = DeskPerson.objects.filter(tenant=desk.tenant_id, desk=desk.id).select_related("person")
    return list(rows.order_by("person__name", "id"))


def is_staffed(desk: Desk) -> bool:
    """Whether anybody of it is still a member of the tenant."""
    here = Membership.objects.filter(tenant=desk.tenant_id, ended_at=None).values("user")
    return DeskPerson.objects.filter(tenant=desk.tenant_id, desk=desk.id, person__in=here).exists()


@dataclass(frozen=True, slots=True)
class Load:
    """One day of live support: reports that came, against those that were expected."""

    day: date
    expected: float
    actual: int | None


@dataclass(frozen=True, slots=True)
class DeskFigures:
    """How a desk does. ``since`` is when live support began, None before a rollout; minutes are of opening time."""

    since: datetime | None
    until: datetime | None
    is_open: bool
    queue: int
    late: int
    answered: int
    median_minutes: float | None
    in_time: int
    load: list[Load]

    @property
    def came(self) -> int:
        return sum(each.actual or 0 for each in self.load)

    @property
    def expected_so_far(self) -> float:
        return sum(each.expected for each in self.load if each.actual is not None)


def live_since(workload: Workload, now: datetime) -> datetime | None:
    """When the newest live support began: with the first phase of the last rollout that started."""
    rows = Rollout.objects.filter(tenant=workload.tenant_id, workload=workload.id, started_at__lte=now)
    return rows.order_by("-started_at").values_list("started_at", flat=True).first()


def figures(desk: Desk, now: datetime) -> DeskFigures:
    """The queue and the load of the 30 days that run, or ran last."""
    zone, hours = ZoneInfo(desk.zone), hours_of(desk)
    since = live_since(desk.workload, now)
    took = [
        open_time(hours, zone, came, answered).total_seconds() / 60 for came, answered in _answers(desk, since, now)
    ]
    due_from = opened_for(hours, zone, now, timedelta(minutes=desk.target_minutes))
    queue = _waiting(desk).aggregate(n=Count("id"), late=Count("id", filter=Q(created_at__lt=due_from)))
    return DeskFigures(
        since=since,
        until=since + LIVE_SUPPORT if since else None,
        is_open=is_open(hours, zone, now),
        queue=queue["n"],
        late=queue["late"],
        answered=len(took),
        median_minutes=median(took) if took else None,
        in_time=sum(minutes <= desk.target_minutes for minutes in took),
        load=_load(desk, since, zone, now) if since else [],
    )


def all_desks(tenant_id: UUID) -> list[Desk]:
    return list(Desk.objects.filter(tenant=tenant_id).select_related("workload").order_by("workload__key"))


def late(tenant_id: UUID, now: datetime) -> Q:
    """Which reports wait longer than their desk's target, counted in its opening time."""
    return _late(all_desks(tenant_id), now)


def late_by_workload(tenant_id: UUID, desks: Sequence[Desk], now: datetime) -> dict[UUID, int]:
    rows = Report.objects.filter(_late(desks, now), tenant=tenant_id)
    return dict(rows.order_by().values_list("workload").annotate(Count("id")))


def _late(desks: Sequence[Desk], now: datetime) -> Q:
    """Each desk has an instant before which whatever waits is late."""
    found = Q(pk__in=[])
    for desk in desks:
        target = timedelta(minutes=desk.target_minutes)
        due_from = opened_for(hours_of(desk), ZoneInfo(desk.zone), now, target)
        found |= Q(workload=desk.workload_id, created_at__lt=due_from)
    return found & WAITING & Q(duplicate_of=None, state__in=sorted(OPEN))


def attending(workload: Workload) -> list[UUID]:
    """Who of the desk is still here; the workload's owner where nobody is."""
    here = Membership.objects.filter(tenant=workload.tenant_id, ended_at=None).values("user")
    rows = DeskPerson.objects.filter(tenant=workload.tenant_id, desk__workload=workload.id, person__in=here)
    return list(rows.values_list("person", flat=True)) or [workload.owner_id]


def _waiting(desk: Desk) -> QuerySet[Report]:
    rows = Report.objects.filter(WAITING, tenant=desk.tenant_id, workload=desk.workload_id, duplicate_of=None)
    return rows.filter(state__in=sorted(OPEN))


def _answers(desk: Desk, since: datetime | None, now: datetime) -> list[tuple[datetime, datetime]]:
    """When the last reports of these 30 days came, and when each was first answered."""
    if since is None:
        return []
    rows = Report.objects.filter(
        tenant=desk.tenant_id,
        workload=desk.workload_id,
        duplicate_of=None,
        answered_at__isnull=False,
        created_at__gte=since,
        created_at__lt=min(now, since + LIVE_SUPPORT),
    )
    newest = rows.order_by("-created_at").values_list("created_at", "answered_at")[:_MOST_ANSWERED]
    return [(came, answered) for came, answered in newest if answered is not None]


def _load(desk: Desk, since: datetime, zone: ZoneInfo, now: datetime) -> list[Load]:
    first = since.astimezone(zone).date()
    rows = Report.objects.filter(
        Q(created_at__gte=datetime.combine(first, time(), zone)),
        tenant=desk.tenant_id,
        workload=desk.workload_id,
        created_at__lt=since + LIVE_SUPPORT,
    )
    by_day = rows.annotate(day=TruncDate("created_at", tzinfo=zone)).order_by().values("day").annotate(n=Count("id"))
    came = dict(by_day.values_list("day", "n"))
    today = now.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range(LIVE_SUPPORT.days)]
    expected = forecast(desk.expected_reports, desk.weekly_shares)
    return [Load(day, expected[n], came.get(day, 0) if day <= today else None) for n, day in enumerate(days)]
