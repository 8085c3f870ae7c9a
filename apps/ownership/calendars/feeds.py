"""Calendar feeds: made and revoked by people, read by calendars under a secret address (CALL-2)."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, QuerySet
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.actions import record
from apps.ownership import queries
from apps.ownership.calendars import feed
from apps.ownership.models import CalendarFeed, Rota, RotaOverride, RotationVersion, ShiftSwap, TemporarySchedule
from apps.tenants.queries import membership
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, NotFound, Refused
from portal.secrets import key_of, keyed, new_key, opens
from portal.tenancy.context import known_row_transaction

_PURPOSE = "calendar"
MOST = 20
BACK, AHEAD = timedelta(days=30), timedelta(days=180)


def make(*, tenant_id: UUID, person: User, rota: Rota | None, actor: Actor, now: datetime) -> CalendarFeed:
    """A new address; of a rota, or of all one's own shifts.

    Raises:
        Forbidden: for somebody else.
        Refused: twenty are enough.
    """
    if actor.user_id != person.id:
        raise Forbidden("not_yours", "Everybody makes their own.")
    if feeds(tenant_id, person.id).count() >= MOST:
        raise Refused("too_many", f"{MOST} are enough; revoke one first.")
    made = CalendarFeed.objects.create(tenant_id=tenant_id, person=person, rota=rota, key=new_key(), created_at=now)
    record(actor=actor, action="calendar.made", obj=made, after={"rota": rota.name if rota else "my shifts"})
    return made


def revoke(*, found: CalendarFeed, actor: Actor, now: datetime) -> None:
    """Nobody reads anything there any more, from this instant on."""
    rows = CalendarFeed.objects.filter(tenant=found.tenant_id, id=found.id, revoked_at=None)
    if not rows.update(revoked_at=now):
        raise Conflict("revoked", "It was revoked already.")
    record(actor=actor, action="calendar.revoked", obj=found)


def address(found: CalendarFeed) -> str:
    return reverse("calendar_feed", args=[keyed(found.key, _PURPOSE, found.id)])


def feeds(tenant_id: UUID, person_id: UUID) -> QuerySet[CalendarFeed]:
    rows = CalendarFeed.objects.filter(tenant=tenant_id, person=person_id, revoked_at=None)
    return rows.select_related("rota__team").order_by("created_at", "id")


def mine(tenant_id: UUID, person_id: UUID, feed_id: UUID) -> CalendarFeed:
    found = feeds(tenant_id, person_id).filter(id=feed_id).first()
    if found is None:
        raise NotFound()
    return found


def known(raw: str) -> CalendarFeed:
    """The feed at a secret address.

    Raises:
        NotFound: unknown, wrong or revoked; all look the same.
    """
    key = key_of(raw)
    if key:
        with known_row_transaction("portal.calendar_key", key):
            found = CalendarFeed.objects.filter(key=key, revoked_at=None).first()
        if found is not None and opens(raw, found.key, _PURPOSE, found.id):
            return found
    raise NotFound("There is no calendar at this address; it may have been revoked.")


def text(found: CalendarFeed, now: datetime) -> bytes:
    """The calendar, inside its tenant's transaction. Of somebody who left nothing is told any more."""
    if membership(found.tenant_id, found.person_id) is None:
        raise NotFound("There is no calendar at this address; it may have been revoked.")
    wanted = [queries.rota(found.tenant_id, found.rota_id)] if found.rota_id else list(queries.rotas(found.tenant_id))
    turns = [turn for rota in wanted[:200] for turn in _turns(rota, now)]
    if found.rota_id is None:
        turns = [turn for turn in turns if turn.person_id == found.person_id]
    named = queries.names(found.tenant_id, {turn.person_id for turn in turns})
    name = wanted[0].name if found.rota_id else "My shifts"
    return feed.calendar(name, sorted(turns, key=lambda turn: turn.start), named, now)


def _turns(rota: Rota, now: datetime) -> list[feed.Turn]:
    duties = queries.duties(rota, now - BACK, now + AHEAD)
    return feed.turns(rota.id, f"{rota.team.name}, {rota.name}", duties, _changes(rota))


def _changes(rota: Rota) -> int:
    """How often what decides was changed: it only ever grows, as SEQUENCE has to."""
    counted = [
        RotationVersion.objects.filter(tenant=rota.tenant_id, rotation__rota=rota.id).aggregate(n=Count("id")),
        *(
            model.objects.filter(tenant=rota.tenant_id, rota=rota.id).aggregate(n=Count("id") + Count("cancelled_at"))
            for model in (RotaOverride, TemporarySchedule)
        ),
        ShiftSwap.objects.filter(tenant=rota.tenant_id, version__rotation__rota=rota.id).aggregate(n=Count("taken_at")),
    ]
    return sum(row["n"] for row in counted)
