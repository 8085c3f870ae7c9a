"""A calendar from elsewhere becomes a temporary schedule, after its holes and doubles were shown (CALL-2)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.accounts.models import User
from apps.ownership import actions, queries
from apps.ownership.access import refuse_strangers
from apps.ownership.actions import LONGEST_OVERRIDE
from apps.ownership.calendars import reading
from apps.ownership.models import Rota, TemporarySchedule
from apps.ownership.rotation import Hours
from apps.tenants.queries import members
from portal.actor import Actor
from portal.errors import Invalid, Refused
from portal.instants import sane


@dataclass(frozen=True, slots=True)
class Report:
    """``holes`` are those in what has to be covered; ``names`` are people's, by id."""

    read: reading.Read
    holes: tuple[reading.Stretch, ...]
    names: dict[UUID, str]


def report(*, rota: Rota, text: str, start: datetime, end: datetime, actor: Actor) -> Report:
    """What a calendar says for a rota, and what it leaves open. Nothing is changed.

    Raises:
        Forbidden: not of the team, and without the right to manage rotas.
        Invalid: no calendar, or a span that is none or longer than 92 days.
    """
    refuse_strangers(actor, rota.team_id)
    sane(start, "start")
    sane(end, "end")
    if not start < end <= start + LONGEST_OVERRIDE:
        raise Invalid("span", f"Import a span of at most {LONGEST_OVERRIDE.days} days that ends after it begins.")
    rows = list(members(rota.tenant_id).filter(user__is_active=True))
    people = {row.user.email.lower(): row.user_id for row in rows}
    people |= {row.user.name.lower(): row.user_id for row in rows if row.user.name}
    found = reading.read(text, start, end, ZoneInfo(rota.zone), people)
    return Report(found, _wanted(found.holes, queries.target(rota)), {row.user_id: row.user.name for row in rows})


def take_over(
    *,
    rota: Rota,
    text: str,
    start: datetime,
    end: datetime,
    fallback: User | None,
    by: User,
    actor: Actor,
    now: datetime,
) -> TemporarySchedule:
    """Import it: for that time nothing else counts.

    Raises:
        Refused: it names people we don't know, or has holes and nobody to fall back to; all of them are listed.
    """
    found = report(rota=rota, text=text, start=start, end=end, actor=actor)
    if found.read.unknown:
        names = ", ".join(found.read.unknown[:5])
        raise Refused("unknown_people", f"No member here is meant by: {names}.", unknown=list(found.read.unknown))
    return actions.make_temporary(
        rota=rota,
        start=start,
        end=end,
        spans=found.read.spans,
        fallback=fallback,
        by=by,
        reason="imported from a calendar",
        actor=actor,
        now=now,
    )


def _wanted(holes: tuple[reading.Stretch, ...], target: Hours | None) -> tuple[reading.Stretch, ...]:
    """What of the holes lies in what has to be covered; without a target all of them."""
    if target is None:
        return holes
    return tuple(
        reading.Stretch(start, end, ()) for hole in holes for start, end in target.within(hole.start, hole.end)
    )
