"""Reactions are kept, matched to their actions when those have arrived, and summed up by day (FEED-3, ROLL-5).

A report often comes before the action it is about: exporters send in batches. So a reaction is kept at once and
counted as soon as its action is there, looked for less and less often, for a day.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber

from apps.feedback import trust
from apps.feedback.models import ReactionRecord, TrustDay
from apps.feedback.rules import DOUBTS, Reaction
from apps.telemetry import queries as telemetry
from apps.telemetry import reactions
from apps.telemetry.reactions import Count, Place
from apps.tenants.queries import zone_of
from apps.workloads.models import Workload
from portal.outbox.actions import enqueue_many
from portal.tenancy.due import by_tenant
from portal.tenancy.locks import one_at_a_time

GIVEN_UP_AFTER = timedelta(days=1)
KEPT = timedelta(days=60)
BATCH, OF_ONE_TENANT = 1_000, 200


def keep(
    *,
    workload: Workload,
    said: Sequence[tuple[str, Reaction, str]],
    now: datetime,
    said_by: str = "",
    is_own: bool = False,
) -> int:
    """Keep (request id, kind, user key) and count what can be counted at once. Returns how many were new.

    What was given up is looked for again when it is said again.
    """
    new = {(request, kind): key for request, kind, key in said}
    rows = [
        ReactionRecord(
            tenant_id=workload.tenant_id,
            workload=workload,
            request_id=request,
            kind=kind,
            user_key=key,
            said_by=said_by,
            is_own=is_own,
            created_at=now,
            next_look_at=now,
        )
        for (request, kind), key in sorted(new.items())
    ]
    ReactionRecord.objects.bulk_create(rows, ignore_conflicts=True)
    requests = {request for request, _ in new}
    mine = _rows(workload.tenant_id).filter(workload=workload.id, request_id__in=requests)
    mine.filter(next_look_at=None, counted_at=None).update(next_look_at=now, created_at=now)
    waiting = mine.filter(next_look_at__lte=now).values_list("id", flat=True)
    count(tenant_id=workload.tenant_id, ids=list(waiting), now=now)
    return _rows(workload.tenant_id).filter(id__in=[row.id for row in rows]).count()


def own_since(tenant_id: UUID, user_key: str, since: datetime) -> int:
    """How many reactions were said with one user's ticket."""
    return _rows(tenant_id).filter(is_own=True, user_key=user_key, created_at__gt=since).count()


def due(now: datetime) -> dict[UUID, list[UUID]]:
    """Reactions whose actions are to be looked for, by tenant; a tenant that floods keeps no other one waiting."""

    def rows(alias: str) -> QuerySet[ReactionRecord]:
        waiting = ReactionRecord.objects.using(alias).filter(next_look_at__lte=now)
        place = Window(RowNumber(), partition_by="tenant", order_by=["next_look_at", "id"])
        return waiting.annotate(place=place).filter(place__lte=OF_ONE_TENANT).order_by("place", "tenant_id")

    return by_tenant("feedback.find", rows, BATCH)


def count(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Count those whose action has arrived, each once; the others are looked for later. Returns how many counted."""
    one_at_a_time(tenant_id, "feedback.count")
    rows = list(
        _rows(tenant_id)
        .filter(id__in=ids, next_look_at__lte=now)
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("workload", "request_id", "kind")
    )
    if not rows:
        return 0
    found = reactions.places(tenant_id, {(row.workload_id, row.request_id) for row in rows})
    matched = [(row, found[_where(row)]) for row in rows if _where(row) in found]
    counted = [(row, place) for row, place in matched if _is_theirs(row, place)]
    for row, place in matched:
        row.started_at, row.stay, row.user_key = place.started_at, _stay(place), place.user_key or row.user_key
    reactions.add(tenant_id=tenant_id, counts=_counts(tenant_id, counted))
    for row in rows:
        if _where(row) in found:
            row.counted_at, row.next_look_at = now, None
        else:
            row.next_look_at = _next_look(row.created_at, now)
    columns = ["counted_at", "next_look_at", "user_key", "started_at", "stay"]
    ReactionRecord.objects.bulk_update(rows, columns)
    return len(counted)


def _is_theirs(row: ReactionRecord, place: Place) -> bool:
    """What was said with one user's ticket is about that user's answers alone; it is kept, and counts nowhere else."""
    return not (row.is_own and place.user_key and place.user_key != row.user_key)


def _stay(place: Place) -> str:
    return f"{place.rollout_id or ''}:{'' if place.phase is None else place.phase}"


def _where(row: ReactionRecord) -> tuple[UUID, str]:
    return row.workload_id, row.request_id


def _counts(tenant_id: UUID, matched: Sequence[tuple[ReactionRecord, Place]]) -> list[Count]:
    """A transaction is heard of once, however much is said about it, and not by a report: that says nothing of whether
    the application listens. One reporter is one soft failure a stay, since the bounds count people who don't know
    each other.
    """
    before = _rows(tenant_id).filter(
        workload__in={row.workload_id for row, _ in matched},
        request_id__in={row.request_id for row, _ in matched},
        counted_at__isnull=False,
    )
    heard = set(before.exclude(kind=Reaction.UNHELPFUL).values_list("workload", "request_id"))
    told = _told_before(tenant_id, matched)
    counts = []
    for row, place in matched:
        is_failure, who = row.kind == Reaction.UNHELPFUL, (row.workload_id, row.stay, row.said_by)
        counts.append(
            Count(
                place,
                is_first=not is_failure and _where(row) not in heard,
                is_doubt=row.kind in DOUBTS,
                is_failure=is_failure and who not in told,
            )
        )
        if is_failure:
            told.add(who)
        else:
            heard.add(_where(row))
    return counts


def _told_before(tenant_id: UUID, matched: Sequence[tuple[ReactionRecord, Place]]) -> set[tuple[UUID, str, str]]:
    """Who has reported a soft failure in these stays already."""
    failures = [row for row, _ in matched if row.kind == Reaction.UNHELPFUL]
    before = _rows(tenant_id).filter(
        kind=Reaction.UNHELPFUL,
        counted_at__isnull=False,
        workload__in={row.workload_id for row in failures},
        stay__in={row.stay for row in failures},
        said_by__in={row.said_by for row in failures},
    )
    return set(before.values_list("workload", "stay", "said_by")) if failures else set()


def _next_look(said_at: datetime, now: datetime) -> datetime | None:
    """As long again as it has waited already: soon at first, seldom later, and not for ever."""
    waited = now - said_at
    return None if waited >= GIVEN_UP_AFTER else now + max(waited, timedelta(seconds=5))


def forget(*, tenant_id: UUID, now: datetime) -> None:
    """Reactions are kept as long as a trend looks back; their sums stay."""
    _rows(tenant_id).filter(created_at__lt=now - KEPT).delete()


def sum_up(*, tenant_id: UUID, now: datetime) -> None:
    """Yesterday and today of every workload anew, and an alert where trust falls. Running twice is running once."""
    zone = zone_of(tenant_id)
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        _sum_up_day(tenant_id, day, zone, now)
    _watch(tenant_id, today, now)


def days(tenant_id: UUID, today: date, workloads: Collection[UUID] | None = None) -> dict[UUID, list[TrustDay]]:
    """The days that a trend looks at, by workload, oldest first."""
    since = today - trust.BEFORE - trust.RECENT
    rows = TrustDay.objects.filter(tenant=tenant_id, day__gt=since, day__lte=today)
    if workloads is not None:
        rows = rows.filter(workload__in=workloads)
    found: dict[UUID, list[TrustDay]] = defaultdict(list)
    for row in rows.order_by("workload", "day"):
        found[row.workload_id].append(row)
    return found


def trend(rows: Sequence[TrustDay], today: date) -> trust.Trend:
    return trust.trend([trust.Day(row.day, row.users, row.doubting) for row in rows], today)


def _sum_up_day(tenant_id: UUID, day: date, zone: ZoneInfo, now: datetime) -> None:
    since, until = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    doubts = _rows(tenant_id).filter(
        started_at__gte=since, started_at__lt=until, kind__in=sorted(DOUBTS), counted_at__isnull=False
    )
    doubting: dict[UUID, set[str]] = {}
    for workload_id, key in doubts.filter(~Q(user_key="")).values_list("workload", "user_key").distinct():
        doubting.setdefault(workload_id, set()).add(key)
    users = telemetry.users(tenant_id, since, until)
    rows = [
        TrustDay(
            tenant_id=tenant_id,
            workload_id=workload_id,
            day=day,
            users=max(users.get(workload_id, 0), len(doubting.get(workload_id, ()))),
            doubting=len(doubting.get(workload_id, ())),
            as_of=now,
        )
        for workload_id in sorted({*users, *doubting}, key=str)
    ]
    TrustDay.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant", "workload", "day"],
        update_fields=["users", "doubting", "as_of"],
    )


def _watch(tenant_id: UUID, today: date, now: datetime) -> None:
    """An alert where trust begins to fall, and its end where it convincingly no longer does: too few users to tell is
    no recovery. Nothing for all the others.
    """
    found = days(tenant_id, today)
    names = dict(Workload.objects.filter(tenant=tenant_id, id__in=found).values_list("id", "key"))
    changed: list[TrustDay] = []
    messages = []
    for workload_id, rows in found.items():
        seen, last = trend(rows, today), rows[-1]
        falling = [row for row in rows if row.is_falling]
        if seen.is_rising and not falling:
            last.is_falling = True
            changed.append(last)
            # Named by its instant: a second fall on the same day is another one.
            key = f"trust:{workload_id}:{now:%Y%m%d%H%M%S}"
            messages.append(("alert.raise", key, _alarm(workload_id, names, seen)))
        elif falling and not seen.is_rising and not seen.needed:
            for row in falling:
                row.is_falling = False
            changed += falling
            messages.append(("alert.end", f"trust:{workload_id}:{now:%Y%m%d%H%M%S}:over", _signal(workload_id)))
    TrustDay.objects.bulk_update(changed, ["is_falling"])
    enqueue_many(messages=messages, now=now)


def _alarm(workload_id: UUID, names: dict[UUID, str], seen: trust.Trend) -> dict[str, Any]:
    key, share, before = names[workload_id], seen.share or 0.0, seen.share_before or 0.0
    return {
        **_signal(workload_id),
        "summary": f"{key}: {share:.0%} of its users re-check or redo its work; it was {before:.0%}.",
        "severity": "warning",
        "workload": key,
        "link": f"workloads/{key}/feedback/trust/",
        "details": {"users": seen.users, "doubting": seen.doubting},
    }


def _signal(workload_id: UUID) -> dict[str, Any]:
    return {"source": "feedback", "key": f"trust:{workload_id}", "summary": "Trust has come back."}


def _rows(tenant_id: UUID) -> QuerySet[ReactionRecord]:
    return ReactionRecord.objects.filter(tenant=tenant_id)
