"""Making and changing rotas (CALL-2). Nothing here changes the past: it is frozen before anything is written."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.ownership import queries
from apps.ownership import schedule as rules
from apps.ownership.access import refuse_strangers
from apps.ownership.models import (
    FrozenDuty,
    Rota,
    RotaOverride,
    Rotation,
    RotationVersion,
    ShiftSwap,
    TeamOfThree,
    TemporarySchedule,
)
from apps.ownership.rotation import ALL_DAYS, MIDNIGHT, Span, Unit
from apps.ownership.rotation import Rotation as Turns
from apps.ownership.rules import JOBS, team_shortcomings
from apps.ownership.schedule import Change, Duty, Override, Schedule, Temporary
from apps.tenants.actions import known_zone
from apps.tenants.models import Membership, Team
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict, Invalid, Refused
from portal.instants import sane
from portal.reasons import given

FREEZE_EVERY = timedelta(minutes=15)
HORIZON = timedelta(days=45)
LONGEST_OVERRIDE = timedelta(days=92)
MOST_PEOPLE = 60


def create_rota(
    *,
    team: Team,
    name: str,
    zone: str,
    actor: Actor,
    now: datetime,
    rank: int = 1,
    target: tuple[frozenset[int], time, time] | None = (ALL_DAYS, MIDNIGHT, MIDNIGHT),
) -> Rota:
    """A rota without anybody yet: all of its target is a gap.

    Raises:
        Invalid: no such zone, or no name.
        Refused: the team has a rota of this rank.
    """
    refuse_strangers(actor, team.id)
    if not 1 <= len(name.strip()) <= 100 or not 1 <= rank <= 5:
        raise Invalid("name", "Give the rota a name of at most 100 characters, and a rank from 1 to 5.")
    days, starts, ends = target or (ALL_DAYS, MIDNIGHT, MIDNIGHT)
    try:
        with transaction.atomic():
            made = Rota.objects.create(
                tenant_id=team.tenant_id,
                team=team,
                name=name.strip(),
                rank=rank,
                zone=known_zone(zone),
                has_target=target is not None,
                target_days=sorted(days),
                target_starts=starts,
                target_ends=ends,
                covered_until=now,
                frozen_until=now,
                freeze_at=now + FREEZE_EVERY,
            )
    except IntegrityError as error:
        raise Refused("rank_taken", f"{team.name} has a rota of rank {rank} already.") from error
    record(actor=actor, action="rota.created", obj=made, after={"team": team.slug, "name": made.name, "zone": zone})
    return made


def set_rotation(
    *,
    rota: Rota,
    name: str,
    anchor: datetime,
    unit: Unit,
    participants: Sequence[UUID],
    actor: Actor,
    now: datetime,
    length: int = 1,
    priority: int = 1,
    zone: str = "",
    hours: tuple[frozenset[int], time, time] | None = None,
    counts_active_days: bool = True,
) -> RotationVersion:
    """Make a rotation, or change one of this name from its next hand-over on; the past keeps its version.

    ``anchor`` is a local wall time without a zone; it may be one that the clock jumps over (V26).

    Raises:
        Invalid: no such zone, nobody in it, strangers, or a length that is none.
    """
    refuse_strangers(actor, rota.team_id)
    zone = known_zone(zone or rota.zone)
    _check_rotation(rota, participants, length, anchor, hours)
    _lock_and_freeze(rota, now)
    rotation, _ = Rotation.objects.get_or_create(
        tenant_id=rota.tenant_id, rota=rota, name=name.strip(), defaults={"priority": priority}
    )
    number, begins = _succeed(rotation, now)
    days, starts, ends = hours or (ALL_DAYS, MIDNIGHT, MIDNIGHT)
    made = RotationVersion.objects.create(
        tenant_id=rota.tenant_id,
        rotation=rotation,
        number=number,
        anchor_day=anchor.date(),
        anchor_time=anchor.time(),
        zone=zone,
        unit=unit,
        length=length,
        participants=list(participants),
        has_hours=hours is not None,
        days=sorted(days),
        starts=starts,
        ends=ends,
        counts_active_days=counts_active_days,
        valid_from=begins,
        by_id=actor.user_id,
        created_at=now,
    )
    _look_ahead(rota, now)
    after = {"rotation": name, "number": number, "from": begins.isoformat(), "people": len(participants)}
    record(actor=actor, action="rota.rotation_set", obj=made, after=after)
    return made


def add_override(
    *,
    rota: Rota,
    change: Change,
    start: datetime,
    end: datetime,
    person: User,
    by: User,
    reason: str,
    actor: Actor,
    now: datetime,
    instead_of: User | None = None,
) -> tuple[RotaOverride, bool]:
    """Somebody more, somebody less, or one instead of another. Returns it, and whether it changes anything: to replace
    somebody who isn't on call then wakes nobody.

    Raises:
        Forbidden: for others than oneself it takes the right, or being of the team.
        Invalid: a span that is none or lies in the past, or somebody who isn't a member.
    """
    refuse_strangers(actor, rota.team_id)
    _check_span(start, end, now)
    if (change is Change.REPLACE) != (instead_of is not None):
        raise Invalid("instead_of", "Say whom a replacement stands in for, and only then.")
    _members(rota.tenant_id, [person.id])
    _lock_and_freeze(rota, now)
    made = RotaOverride.objects.create(
        tenant_id=rota.tenant_id,
        rota=rota,
        change=change,
        start=max(start, now),
        end=end,
        person=person,
        instead_of=instead_of,
        reason=_reason(reason),
        by=by,
        created_at=now,
    )
    schedule = _look_ahead(rota, now)
    after = {"change": change, "who": person.email, "from": made.start.isoformat(), "until": end.isoformat()}
    record(actor=actor, action="rota.overridden", obj=made, after=after, reason=reason)
    mine = Override(change, made.start, end, made.created_at, person.id, instead_of.id if instead_of else None)
    return made, mine not in rules.needless(schedule)


def cancel_override(*, override: RotaOverride, actor: Actor, now: datetime) -> None:
    """From now on it no longer counts; what it did until now stays."""
    rota = override.rota
    refuse_strangers(actor, rota.team_id)
    _lock_and_freeze(rota, now)
    rows = RotaOverride.objects.filter(tenant=rota.tenant_id, id=override.id, cancelled_at=None, end__gt=now)
    if not rows.update(cancelled_at=now):
        raise Refused("over", "This override is over, or was cancelled already.")
    _look_ahead(rota, now)
    record(actor=actor, action="rota.override_cancelled", obj=override)


def take_now(*, rota: Rota, person: User, by: User, actor: Actor, now: datetime, reason: str) -> list[RotaOverride]:
    """Take the shift that runs now, until it ends; whoever is on call is relieved. A manager may do it for somebody.

    Raises:
        Refused: they are on call already.
    """
    refuse_strangers(actor, rota.team_id)
    _members(rota.tenant_id, [person.id])
    _lock_and_freeze(rota, now)
    current, *_ = rules.final(queries.schedules([rota])[rota.id], now, now + timedelta(days=14))
    if person.id in current.people:
        raise Refused("on_call_already", f"{person.name} is on call already.")
    common: dict[str, Any] = {
        "rota": rota,
        "start": now,
        "end": current.end,
        "person": person,
        "by": by,
        "reason": reason or "takes this shift",
        "actor": actor,
        "now": now,
    }
    if not current.people:
        return [add_override(change=Change.ADD, **common)[0]]
    relieved = User.objects.filter(id__in=current.people).order_by("id")
    return [add_override(change=Change.REPLACE, instead_of=each, **common)[0] for each in relieved]


def make_temporary(
    *,
    rota: Rota,
    start: datetime,
    end: datetime,
    spans: Sequence[Span],
    fallback: User | None,
    by: User,
    reason: str,
    actor: Actor,
    now: datetime,
) -> TemporarySchedule:
    """For a while nothing else counts.

    Raises:
        Refused: it has holes and nobody to fall back to; ``holes`` lists them.
    """
    refuse_strangers(actor, rota.team_id)
    _check_span(start, end, now)
    inside = [cut for span in spans if span.person is not None and (cut := span.cut(start, end))]
    _members(rota.tenant_id, [*{span.person for span in inside if span.person}, *([fallback.id] if fallback else [])])
    made = Temporary(start, end, tuple(inside), fallback.id if fallback else None)
    holes = [duty for duty in rules.final(Schedule(temporaries=(made,)), start, end) if not duty.people]
    if holes:
        listed = [f"{hole.start:%Y-%m-%d %H:%M} to {hole.end:%Y-%m-%d %H:%M} UTC" for hole in holes]
        raise Refused(
            "holes", f"Nobody: {'; '.join(listed[:5])}. Fill it, or name somebody to fall back to.", holes=listed
        )
    _lock_and_freeze(rota, now)
    stored = TemporarySchedule.objects.create(
        tenant_id=rota.tenant_id,
        rota=rota,
        start=max(start, now),
        end=end,
        spans=[{"start": s.start.isoformat(), "end": s.end.isoformat(), "person": str(s.person)} for s in inside],
        fallback=fallback,
        reason=_reason(reason),
        by=by,
        created_at=now,
    )
    _look_ahead(rota, now)
    after = {"from": stored.start.isoformat(), "until": end.isoformat(), "shifts": len(inside)}
    record(actor=actor, action="rota.temporary_made", obj=stored, after=after, reason=reason)
    return stored


def cancel_temporary(*, temporary: TemporarySchedule, actor: Actor, now: datetime) -> None:
    """From now on it no longer counts; what it did until now stays."""
    rota = temporary.rota
    refuse_strangers(actor, rota.team_id)
    _lock_and_freeze(rota, now)
    rows = TemporarySchedule.objects.filter(tenant=rota.tenant_id, id=temporary.id, cancelled_at=None, end__gt=now)
    if not rows.update(cancelled_at=now):
        raise Refused("over", "This schedule is over, or was cancelled already.")
    _look_ahead(rota, now)
    record(actor=actor, action="rota.temporary_cancelled", obj=temporary)


def offer_swap(
    *, rota: Rota, version: RotationVersion, shift: int, by: User, actor: Actor, now: datetime, note: str = ""
) -> ShiftSwap:
    """Offer a shift of one's own that lies ahead.

    Raises:
        Refused: it isn't theirs, has begun, or is offered already.
    """
    turns = queries.as_rotation(version)
    begins = turns.boundary(shift)
    if turns.person_of(shift) != by.id or actor.user_id != by.id:
        raise Refused("not_yours", "Only your own shift can be offered.")
    if begins <= now or begins >= turns.boundary(shift + 1) or (version.valid_to and begins >= version.valid_to):
        raise Refused("not_ahead", "Offer a shift that lies ahead.")
    try:
        with transaction.atomic():
            made = ShiftSwap.objects.create(
                tenant_id=rota.tenant_id,
                version=version,
                shift=shift,
                offered_by=by,
                note=note.strip()[:300],
                created_at=now,
            )
    except IntegrityError as error:
        raise Refused("offered_already", "This shift is offered or swapped already.") from error
    record(actor=actor, action="rota.swap_offered", obj=made, after={"shift": begins.isoformat()})
    return made


def take_swap(*, swap: ShiftSwap, by: User, actor: Actor, now: datetime) -> ShiftSwap:
    """Take an offered shift; of two who take it at once one gets it.

    Raises:
        Conflict: somebody has taken it.
        Refused: it has begun, or is one's own.
    """
    rota = swap.version.rotation.rota
    _members(rota.tenant_id, [by.id])
    if by.id == swap.offered_by_id:
        raise Refused("your_own", "It is your own shift; cancel the offer to keep it.")
    if queries.as_rotation(swap.version).boundary(swap.shift) <= now:
        raise Refused("begun", "This shift has begun; take it with “take this shift now”.")
    _lock_and_freeze(rota, now)
    rows = ShiftSwap.objects.filter(tenant=rota.tenant_id, id=swap.id, taken_by=None, cancelled_at=None)
    if not rows.update(taken_by=by, taken_at=now):
        raise Conflict("taken", "Somebody has taken this shift, or it is no longer offered.")
    swap.refresh_from_db()
    record(actor=actor, action="rota.swap_taken", obj=swap, after={"by": by.email})
    return swap


def name_team(*, workload: Workload, named: Mapping[str, Sequence[UUID]], actor: Actor) -> None:
    """Say who does each of the three jobs for a workload; these and nobody else.

    Raises:
        Invalid: a job has nobody, one person does all three, or somebody isn't a member; nothing is changed.
    """
    people = {job: list(dict.fromkeys(named.get(job, ()))) for job in JOBS}
    problems = team_shortcomings({job: [str(p) for p in each] for job, each in people.items()})
    if problems or set(named) - set(JOBS):
        raise Invalid("team_of_three", " ".join(problems) or f"The jobs are {', '.join(JOBS)}.", problems=problems)
    _members(workload.tenant_id, [person for each in people.values() for person in each])
    rows = TeamOfThree.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    before = sorted((job, str(person)) for job, person in rows.values_list("job", "person"))
    wanted = sorted((job.value, str(person)) for job, each in people.items() for person in each)
    if before == wanted:
        return
    rows.delete()
    TeamOfThree.objects.bulk_create(
        TeamOfThree(tenant_id=workload.tenant_id, workload=workload, job=job, person_id=person)
        for job, each in people.items()
        for person in each
    )
    record(
        actor=actor,
        action="workload.team_named",
        obj=workload,
        before={"team": [list(row) for row in before]},
        after={"team": [list(row) for row in wanted]},
    )


def freeze(*, rota: Rota, now: datetime) -> int:
    """Write down who was on call until now; those rows are the answer from here on. Returns how many were written."""
    written = _lock_and_freeze(rota, now)
    _look_ahead(rota, now)
    return written


def _lock_and_freeze(rota: Rota, now: datetime) -> int:
    """One change of a rota at a time, and none of them moves what has passed."""
    locked = Rota.objects.select_for_update(of=("self",)).get(tenant=rota.tenant_id, id=rota.id)
    rota.frozen_until = locked.frozen_until
    if now <= locked.frozen_until:
        return 0
    passed = rules.final(queries.schedules([locked])[locked.id], locked.frozen_until, now)
    FrozenDuty.objects.bulk_create(_row(locked, duty) for duty in passed)
    Rota.objects.filter(tenant=rota.tenant_id, id=rota.id).update(frozen_until=now, freeze_at=now + FREEZE_EVERY)
    rota.frozen_until = now
    return len(passed)


def _look_ahead(rota: Rota, now: datetime) -> Schedule:
    """Note until when what has to be covered is; returns what decides from here on."""
    schedule = queries.schedules([rota])[rota.id]
    duties = rules.final(schedule, now, now + HORIZON)
    first = next(iter(rules.gaps(duties, queries.target(rota))), None)
    rota.covered_until = first.start if first else now + HORIZON
    Rota.objects.filter(tenant=rota.tenant_id, id=rota.id).update(covered_until=rota.covered_until)
    return schedule


def _row(rota: Rota, duty: Duty) -> FrozenDuty:
    return FrozenDuty(tenant_id=rota.tenant_id, rota=rota, start=duty.start, end=duty.end, people=list(duty.people))


def _succeed(rotation: Rotation, now: datetime) -> tuple[int, datetime]:
    """End the open version where the next one begins; that one's number and beginning."""
    rows = RotationVersion.objects.filter(tenant=rotation.tenant_id, rotation=rotation.id)
    former = rows.order_by("-number").first()
    begins = _begin(former, now)
    rows.filter(valid_to=None).update(valid_to=begins, replaced_at=now)
    return (former.number if former else 0) + 1, begins


def _begin(former: RotationVersion | None, now: datetime) -> datetime:
    """A change takes effect at the next hand-over; a new rotation at once, and one that hasn't begun in its place."""
    if former is None:
        return now
    if former.valid_from > now:
        return former.valid_from
    turns: Turns = queries.as_rotation(former)
    return turns.boundary(turns.index(now) + 1)


def _check_rotation(
    rota: Rota,
    participants: Sequence[UUID],
    length: int,
    anchor: datetime,
    hours: tuple[frozenset[int], time, time] | None,
) -> None:
    if not 1 <= length <= 1_000:
        raise Invalid("length", "A shift is 1 to 1,000 units long.")
    if not 1 <= len(participants) <= MOST_PEOPLE:
        raise Invalid("participants", f"Name 1 to {MOST_PEOPLE} people, in the order in which they take turns.")
    if anchor.tzinfo is not None or anchor.second or anchor.microsecond:
        raise Invalid("anchor", "Write the first hand-over as a local time to the minute, without an offset.")
    if hours is not None and (not hours[0] or not hours[0] <= ALL_DAYS):
        raise Invalid("days", "Name the days on which it is active, 0 for Monday to 6 for Sunday.")
    _members(rota.tenant_id, participants)


def _check_span(start: datetime, end: datetime, now: datetime) -> None:
    sane(start, "start")
    sane(end, "end")
    if not start < end or end <= now:
        raise Invalid("span", "It has to end after it begins, and in the future: the past stays as it was.")
    if end - start > LONGEST_OVERRIDE:
        raise Invalid("span", f"{LONGEST_OVERRIDE.days} days at most; change the rotation for longer.")


def _members(tenant_id: UUID, people: Sequence[UUID]) -> None:
    wanted = set(people)
    rows = Membership.objects.filter(tenant=tenant_id, ended_at=None, user__in=wanted, user__is_active=True)
    if rows.count() != len(wanted):
        raise Invalid("not_a_member", "Only members of this tenant can be on call.")


def _reason(reason: str) -> str:
    return given(reason)[:300]
