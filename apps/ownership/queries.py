"""Who is on call, from the database: one function for every page, feed and page-out (CALL-2).

What decides is read as it is, or *as it was known at* an instant; what has passed comes from frozen rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.db.models.functions import JSONObject

from apps.accounts.models import User
from apps.ownership import schedule as rules
from apps.ownership.models import (
    Channel,
    FrozenDuty,
    Rota,
    RotaOverride,
    RotationVersion,
    ShiftSwap,
    TeamOfThree,
    TemporarySchedule,
)
from apps.ownership.rotation import Hours, Rotation, Span, Unit
from apps.ownership.rules import JOBS
from apps.ownership.schedule import Change, Duty, Layer, Override, Schedule, Temporary, Version
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from portal.errors import NotFound
from portal.tenancy.due import by_tenant
from portal.tenancy.together import instant, together


def rotas(tenant_id: UUID) -> QuerySet[Rota]:
    """Every member sees them: unclear who answers is itself a finding."""
    return Rota.objects.filter(tenant=tenant_id).select_related("team").order_by("team__name", "rank", "id")


def has_proved_channel(tenant_id: UUID) -> bool:
    """Whether anybody at all could be reached."""
    return Channel.objects.filter(tenant=tenant_id, removed_at=None, verified_at__isnull=False).exists()


def rota(tenant_id: UUID, rota_id: UUID) -> Rota:
    found = rotas(tenant_id).filter(id=rota_id).first()
    if found is None:
        raise NotFound()
    return found


def of_team(tenant_id: UUID, slug: str, rank: int = 1) -> Rota | None:
    return rotas(tenant_id).filter(team__slug=slug, rank=rank).first()


def on_call(found: Rota, at: datetime, known_at: datetime | None = None) -> tuple[UUID, ...]:
    """Who is on call at an instant, as it is known now or was known at ``known_at``; nobody is a gap."""
    if at < found.frozen_until and (known_at is None or known_at >= at):
        row = _frozen(found, at, at + timedelta(microseconds=1)).first()
        return tuple(row.people) if row else ()
    return rules.people_at(schedules([found], known_at)[found.id], at)


def duties(found: Rota, start: datetime, end: datetime, known_at: datetime | None = None) -> list[Duty]:
    """The whole of ``[start, end)``: what has passed from frozen rows, the rest from the rules."""
    border = min(max(start, found.frozen_until), end) if known_at is None else start
    past = [
        Duty(max(row.start, start), min(row.end, border), tuple(row.people)) for row in _frozen(found, start, border)
    ]
    ahead = rules.final(schedules([found], known_at)[found.id], border, end) if border < end else []
    return [*past, *ahead]


def schedules(found: Sequence[Rota], known_at: datetime | None = None) -> dict[UUID, Schedule]:
    """What decides for each rota (all of one tenant), in two statements however many they are.

    What was over before all of them were last frozen is left out, unless it is asked what was known before.
    """
    if not found:
        return {}
    tenant_id, ids = found[0].tenant_id, [each.id for each in found]
    since = min(each.frozen_until for each in found) if known_at is None else None
    layers = _layers(tenant_id, ids, known_at, since)
    told = together(
        {
            "gone": (_gone(tenant_id, known_at), JSONObject(id="user")),
            "swapped": (
                _swapped(tenant_id, ids, known_at),
                JSONObject(version="version", shift="shift", to="taken_by"),
            ),
            "overrides": (
                _known(RotaOverride.objects.filter(tenant=tenant_id, rota__in=ids), known_at, since),
                JSONObject(**{name: name for name in _OVERRIDE}),
            ),
            "temporaries": (
                _known(TemporarySchedule.objects.filter(tenant=tenant_id, rota__in=ids), known_at, since),
                JSONObject(**{name: name for name in _TEMPORARY}),
            ),
        }
    )
    gone = frozenset(UUID(row["id"]) for row in told["gone"])
    swapped: dict[UUID, dict[int, UUID]] = defaultdict(dict)
    for row in told["swapped"]:
        swapped[UUID(row["version"])][row["shift"]] = UUID(row["to"])
    overrides, temporaries = _overrides(told["overrides"]), _temporaries(told["temporaries"])
    return {
        i: Schedule(
            layers=tuple(_layers_of(layers[i], swapped, known_at)),
            overrides=tuple(overrides[i]),
            temporaries=tuple(temporaries[i]),
            gone=gone,
        )
        for i in ids
    }


@dataclass(frozen=True, slots=True)
class Now:
    """A rota as the bar on every page shows it: who, until when, and who is next."""

    rota: Rota
    people: tuple[str, ...]
    until: datetime | None
    following: tuple[str, ...]


def now_on_call(
    tenant_id: UUID, now: datetime, found: Sequence[Rota], named: Mapping[UUID, str] | None = None
) -> list[Now]:
    """Each rota's people now and next, in a fixed number of statements; one fewer where their names are known."""
    horizon = now + timedelta(days=14)
    ahead = {i: rules.final(schedule, now, horizon) for i, schedule in schedules(found).items()}
    if named is None:
        named = names(tenant_id, {p for row in ahead.values() for duty in row[:2] for p in duty.people})
    known = named

    def people(duty: Duty | None) -> tuple[str, ...]:
        return tuple(known.get(p, "somebody who left") for p in duty.people) if duty else ()

    return [
        Now(
            each,
            people(ahead[each.id][0]),
            ahead[each.id][0].end if len(ahead[each.id]) > 1 else None,
            people(next(iter(ahead[each.id][1:]), None)),
        )
        for each in found
    ]


@dataclass(frozen=True, slots=True)
class Shift:
    """One stretch of somebody's: as it counts, and the rotation's shift that it comes from, if it may be offered."""

    rota: Rota
    start: datetime
    end: datetime
    version_id: UUID | None = None
    number: int | None = None


def shifts_of(tenant_id: UUID, person_id: UUID, now: datetime, limit: int = 50) -> list[Shift]:
    """When a person is on call in the next eight weeks, over all rotas."""
    found, end = list(rotas(tenant_id)[:200]), now + timedelta(days=56)
    own = _own_turns(tenant_id, person_id, now, end)
    decided = schedules(found)
    mine = [
        Shift(each, duty.start, duty.end, *own.get((each.id, duty.start), (None, None)))
        for each in found
        for duty in rules.final(decided[each.id], now, end)
        if person_id in duty.people
    ]
    return sorted(mine, key=lambda shift: shift.start)[:limit]


def _own_turns(
    tenant_id: UUID, person_id: UUID, now: datetime, end: datetime
) -> dict[tuple[UUID, datetime], tuple[UUID, int]]:
    """By rota and beginning: the shifts of open versions in which it is the person's turn, not offered yet."""
    rows = RotationVersion.objects.filter(
        tenant=tenant_id, participants__contains=[person_id], valid_to=None
    ).select_related("rotation")
    offered = ShiftSwap.objects.filter(tenant=tenant_id, version__in=rows, cancelled_at=None)
    taken = set(offered.values_list("version", "shift"))
    return {
        (row.rotation.rota_id, span.start): (row.id, k)
        for row in rows
        for k, span in as_rotation(row).spans(now, end)
        if span.person == person_id and span.start > now and (row.id, k) not in taken
    }


def version(found: Rota, version_id: UUID) -> RotationVersion:
    rows = RotationVersion.objects.filter(tenant=found.tenant_id, rotation__rota=found.id, id=version_id)
    row = rows.select_related("rotation__rota").first()
    if row is None:
        raise NotFound()
    return row


def names(tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    return dict(User.objects.filter(id__in=set(ids)).values_list("id", "name"))


def overrides(found: Rota, since: datetime) -> QuerySet[RotaOverride]:
    """Those that aren't over yet, cancelled ones too: who decided what, and when."""
    rows = RotaOverride.objects.filter(tenant=found.tenant_id, rota=found.id, end__gt=since)
    return rows.select_related("person", "instead_of", "by").order_by("start", "id")


def temporaries(found: Rota, since: datetime) -> QuerySet[TemporarySchedule]:
    """Those that aren't over yet, cancelled ones too."""
    rows = TemporarySchedule.objects.filter(tenant=found.tenant_id, rota=found.id, end__gt=since)
    return rows.select_related("by", "fallback").order_by("start", "id")


def temporary(found: Rota, temporary_id: UUID) -> TemporarySchedule:
    rows = TemporarySchedule.objects.filter(tenant=found.tenant_id, rota=found.id, id=temporary_id)
    row = rows.select_related("rota__team").first()
    if row is None:
        raise NotFound()
    return row


def team_of(workload: Workload) -> dict[str, list[User]]:
    """Who does each of the three jobs, by name."""
    rows = TeamOfThree.objects.filter(tenant=workload.tenant_id, workload=workload.id).select_related("person")
    found: dict[str, list[User]] = {job.value: [] for job in JOBS}
    for row in rows.order_by("person__name"):
        found[row.job].append(row.person)
    return found


def primary(workload: Workload) -> Rota | None:
    """The rota that answers for a workload: its team's first."""
    if workload.team_id is None:
        return None
    return rotas(workload.tenant_id).filter(team=workload.team_id, rank=1).first()


def answering_for(tenant_id: UUID, team_id: UUID | None, now: datetime) -> tuple[UUID, ...]:
    """Who is on call for a team now, by its first rota; nobody where it has none."""
    found = rotas(tenant_id).filter(team=team_id, rank=1).first() if team_id else None
    return on_call(found, now) if found else ()


def named(workload: Workload) -> QuerySet[TeamOfThree]:
    return TeamOfThree.objects.filter(tenant=workload.tenant_id, workload=workload.id)


def answering(workload: Workload) -> QuerySet[Rota]:
    """As :func:`primary`, for whoever reads it together with other things."""
    return Rota.objects.filter(tenant=workload.tenant_id, team=workload.team_id, rank=1)


def override(found: Rota, override_id: UUID) -> RotaOverride:
    row = RotaOverride.objects.filter(tenant=found.tenant_id, rota=found.id, id=override_id).first()
    if row is None:
        raise NotFound()
    return row


def swaps(found: Rota) -> QuerySet[ShiftSwap]:
    """Shifts that are offered or were taken, newest first."""
    rows = ShiftSwap.objects.filter(tenant=found.tenant_id, version__rotation__rota=found.id, cancelled_at=None)
    return rows.select_related("version__rotation", "offered_by", "taken_by").order_by("-created_at", "-id")


def swap(found: Rota, swap_id: UUID) -> ShiftSwap:
    row = swaps(found).filter(id=swap_id).first()
    if row is None:
        raise NotFound()
    return row


def open_versions(found: Rota) -> list[RotationVersion]:
    """What each rotation says now, the highest priority first."""
    rows = RotationVersion.objects.filter(tenant=found.tenant_id, rotation__rota=found.id, valid_to=None)
    return list(rows.select_related("rotation", "by").order_by("-rotation__priority", "rotation__name"))


def target(found: Rota) -> Hours | None:
    if not found.has_target:
        return None
    return Hours(ZoneInfo(found.zone), frozenset(found.target_days), found.target_starts, found.target_ends)


def due(now: datetime, limit: int = 1_000) -> dict[UUID, list[UUID]]:
    """Rotas whose past is to be frozen further: ids by tenant."""
    return by_tenant(
        "ownership.find",
        lambda alias: Rota.objects.using(alias).filter(freeze_at__lte=now).order_by("freeze_at"),
        limit,
    )


def as_rotation(row: RotationVersion) -> Rotation:
    zone = ZoneInfo(row.zone)
    return Rotation(
        anchor=datetime.combine(row.anchor_day, row.anchor_time),
        zone=zone,
        unit=Unit(row.unit),
        length=row.length,
        participants=tuple(row.participants),
        hours=Hours(zone, frozenset(row.days), row.starts, row.ends) if row.has_hours else None,
        counts_active_days=row.counts_active_days,
    )


def _frozen(found: Rota, start: datetime, end: datetime) -> QuerySet[FrozenDuty]:
    rows = FrozenDuty.objects.filter(tenant=found.tenant_id, rota=found.id, start__lt=end, end__gt=start)
    return rows.order_by("start")


def _known(rows: QuerySet, known_at: datetime | None, since: datetime | None) -> QuerySet:  # type: ignore[type-arg]
    """What was there at an instant, not cancelled by then, and not over since."""
    if known_at is None:
        rows = rows.filter(cancelled_at=None)
    else:
        rows = rows.filter(Q(cancelled_at=None) | Q(cancelled_at__gt=known_at), created_at__lte=known_at)
    return rows.filter(end__gt=since) if since is not None else rows


def _gone(tenant_id: UUID, known_at: datetime | None) -> QuerySet[Membership]:
    """Who has left the tenant: nobody wakes them."""
    rows = Membership.objects.filter(tenant=tenant_id, ended_at__isnull=False)
    return rows if known_at is None else rows.filter(ended_at__lte=known_at)


def _layers(
    tenant_id: UUID, ids: list[UUID], known_at: datetime | None, since: datetime | None
) -> dict[UUID, list[tuple[int, RotationVersion]]]:
    rows = RotationVersion.objects.filter(tenant=tenant_id, rotation__rota__in=ids).select_related("rotation")
    if known_at is not None:
        rows = rows.filter(created_at__lte=known_at)
    if since is not None:
        rows = rows.filter(Q(valid_to=None) | Q(valid_to__gt=since))
    found: dict[UUID, list[tuple[int, RotationVersion]]] = defaultdict(list)
    for row in rows.order_by("rotation__priority", "rotation_id", "number"):
        found[row.rotation.rota_id].append((row.rotation.priority, row))
    return found


def _layers_of(
    rows: list[tuple[int, RotationVersion]], swaps: dict[UUID, dict[int, UUID]], known_at: datetime | None
) -> Iterator[Layer]:
    by_rotation: dict[UUID, list[tuple[int, Version]]] = defaultdict(list)
    for priority, row in rows:
        # A version that was replaced later than that was still the open one.
        replaced = row.replaced_at is not None and (known_at is None or row.replaced_at <= known_at)
        version = Version(as_rotation(row), row.valid_from, row.valid_to if replaced else None, swaps.get(row.id, {}))
        by_rotation[row.rotation_id].append((priority, version))
    for versions in by_rotation.values():
        yield Layer(versions[0][0], tuple(version for _, version in versions))


def _swapped(tenant_id: UUID, ids: list[UUID], known_at: datetime | None) -> QuerySet[ShiftSwap]:
    """Shifts that somebody else took."""
    rows = ShiftSwap.objects.filter(
        tenant=tenant_id, version__rotation__rota__in=ids, taken_by__isnull=False, cancelled_at=None
    )
    return rows if known_at is None else rows.filter(taken_at__lte=known_at)


_OVERRIDE = ("id", "rota", "change", "start", "end", "created_at", "person", "instead_of")
_TEMPORARY = ("id", "rota", "start", "end", "created_at", "spans", "fallback")


def _overrides(rows: list[dict[str, Any]]) -> dict[UUID, list[Override]]:
    """By rota, as they were made."""
    found: dict[UUID, list[Override]] = defaultdict(list)
    for row in sorted(rows, key=_made):
        made = Override(
            Change(row["change"]),
            instant(row["start"]),
            instant(row["end"]),
            instant(row["created_at"]),
            _person(row["person"]),
            _person(row["instead_of"]),
        )
        found[UUID(row["rota"])].append(made)
    return found


def _temporaries(rows: list[dict[str, Any]]) -> dict[UUID, list[Temporary]]:
    """By rota, as they were made."""
    found: dict[UUID, list[Temporary]] = defaultdict(list)
    for row in sorted(rows, key=_made):
        made = Temporary(instant(row["start"]), instant(row["end"]), spans_of(row["spans"]), _person(row["fallback"]))
        found[UUID(row["rota"])].append(made)
    return found


def _made(row: dict[str, Any]) -> tuple[datetime, str]:
    return instant(row["created_at"]), row["id"]


def _person(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def spans_of(stored: Iterable[dict[str, str]]) -> tuple[Span, ...]:
    return tuple(
        Span(datetime.fromisoformat(s["start"]), datetime.fromisoformat(s["end"]), UUID(s["person"])) for s in stored
    )


def everybody(schedule: Schedule) -> set[UUID]:
    """All people who take turns in a schedule's open versions."""
    open_ones = (version for layer in schedule.layers for version in layer.versions if version.valid_to is None)
    return set(chain.from_iterable(version.rotation.participants for version in open_ones))
