"""Channels are added, proved, given rules and removed; people tell each other things, and say when they are away."""

import hashlib
import secrets as entropy
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F

from apps.accounts.models import User
from apps.audit.actions import record
from apps.ownership.channels.deliver import VERIFY
from apps.ownership.models import Absence, Channel, Notification, NotificationRule
from apps.ownership.models.channels import ChannelKind, SendState, Urgency
from apps.tenants.models import Team
from apps.tenants.roles import has_right
from portal import outbound
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.instants import sane
from portal.outbox.actions import enqueue
from portal.secrets import seal

MOST = 10
# Whoever adds and removes all day would mail strangers with our name on it.
MOST_A_DAY = 20
CODE_LASTS, CODE_EVERY = timedelta(minutes=30), timedelta(minutes=1)
TRIES, MOST_CODES = 5, 5
LONGEST_AFTER = timedelta(hours=1)


def add_channel(
    *, tenant_id: UUID, owner: User | Team, kind: ChannelKind, address: str, name: str, actor: Actor, now: datetime
) -> Channel:
    """A way to reach somebody or a team, with a code sent there; nothing else goes there before it is entered.

    Raises:
        Forbidden: for somebody else, or for a team one isn't of.
        Invalid: no such address, or one that messages may not go to.
        Refused: ten are enough.
    """
    _refuse_strangers(owner, actor)
    shown = _checked(kind, address)
    mine = {"person": owner} if isinstance(owner, User) else {"team": owner}
    if Channel.objects.filter(tenant=tenant_id, removed_at=None, **mine).count() >= MOST:
        raise Refused("too_many", f"{MOST} channels are enough; remove one first.")
    today = Channel.objects.filter(tenant=tenant_id, created_at__gt=now - timedelta(days=1), **mine)
    if today.count() >= MOST_A_DAY:
        raise Refused("too_many", f"{MOST_A_DAY} new channels a day are enough; try again tomorrow.")
    made = Channel.objects.create(
        tenant_id=tenant_id,
        kind=kind,
        name=name.strip()[:100] or ChannelKind(kind).label,
        sealed=seal(address.strip()),
        shown=shown,
        created_at=now,
        **mine,
    )
    record(actor=actor, action="channel.added", obj=made, after={"kind": kind, "shown": shown})
    send_code(channel=made, actor=actor, now=now)
    return made


def send_code(*, channel: Channel, actor: Actor, now: datetime) -> None:
    """Send a new code there; the former one counts no more."""
    _refuse_strangers(channel.person or channel.team, actor)
    if channel.verified_at is not None or channel.removed_at is not None:
        raise Refused("verified", "This channel needs no code any more.")
    if channel.code_until is not None and now < channel.code_until - CODE_LASTS + CODE_EVERY:
        raise Refused("code_sent", "A code is on its way; ask for another in a minute.")
    if channel.codes_sent >= MOST_CODES:
        raise Refused("too_many_codes", f"{MOST_CODES} codes are enough; remove this channel and add it anew.")
    code = f"{entropy.randbelow(1_000_000):06d}"
    channel.code_digest, channel.code_until, channel.code_tries = _digest(channel, code), now + CODE_LASTS, 0
    channel.codes_sent += 1
    channel.save(update_fields=["code_digest", "code_until", "code_tries", "codes_sent"])
    payload = {"channel": str(channel.id), "code": seal(code)}
    enqueue(topic=VERIFY, key=f"{channel.id}:{now:%Y%m%d%H%M%S}", payload=payload, now=now)


def confirm(*, channel: Channel, code: str, actor: Actor, now: datetime) -> Channel:
    """Enter the code that arrived there.

    Raises:
        Refused: wrong, too old, or tried too often; ask for a new one.
    """
    _refuse_strangers(channel.person or channel.team, actor)
    rows = Channel.objects.filter(tenant=channel.tenant_id, id=channel.id, verified_at=None, removed_at=None)
    # Counted before it is compared, in one statement: guessing at once gains nothing.
    if not rows.filter(code_tries__lt=TRIES, code_until__gt=now).update(code_tries=F("code_tries") + 1):
        raise Refused("code_over", "This code is over or was tried too often; ask for a new one.")
    if not entropy.compare_digest(rows.values_list("code_digest", flat=True).get(), _digest(channel, code.strip())):
        raise Invalid("code", "That isn't the code; it has six digits.")
    rows.update(verified_at=now, code_digest="", code_until=None)
    channel.refresh_from_db()
    record(actor=actor, action="channel.verified", obj=channel)
    return channel


def remove_channel(*, channel: Channel, actor: Actor, now: datetime, reason: str = "") -> None:
    """Nothing goes there any more, what waits included. ``reason``: a tenant's admin says why, and may remove any."""
    if not (reason and _administers(actor)):
        _refuse_strangers(channel.person or channel.team, actor)
    if not Channel.objects.filter(tenant=channel.tenant_id, id=channel.id, removed_at=None).update(removed_at=now):
        raise Conflict("removed", "This channel was removed already.")
    record(actor=actor, action="channel.removed", obj=channel, reason=reason)


def set_rule(*, channel: Channel, urgency: Urgency, after: timedelta | None, actor: Actor) -> None:
    """Say how long after a page one is told there; None: not there at all, as long as there is any other rule.

    Raises:
        Invalid: longer than an hour.
    """
    if channel.person_id is None:
        raise Invalid("channel", "Rules are for one's own channels; a team's stand in its escalation policy.")
    _refuse_strangers(channel.person, actor)
    rows = NotificationRule.objects.filter(tenant=channel.tenant_id, channel=channel.id, urgency=urgency)
    if after is None:
        rows.delete()
    elif not timedelta() <= after <= LONGEST_AFTER:
        raise Invalid("after", "At once, or up to an hour after.")
    elif not rows.update(after=int(after.total_seconds())):
        NotificationRule.objects.create(
            tenant_id=channel.tenant_id,
            person_id=channel.person_id,
            channel=channel,
            urgency=urgency,
            after=int(after.total_seconds()),
        )
    said = None if after is None else int(after.total_seconds())
    record(actor=actor, action="channel.rule_set", obj=channel, after={"urgency": urgency, "after": said})


def tell(
    *, tenant_id: UUID, people: Sequence[UUID], title: str, body: str, link: str, cause: UUID, now: datetime
) -> None:
    """A notice in the product for each of the people; the same ``cause`` (an outbox message) is told once."""
    Notification.objects.bulk_create(
        [
            Notification(
                id=uuid5(cause, str(person)),
                tenant_id=tenant_id,
                person_id=person,
                urgency=Urgency.NOTICE,
                title=title[:200],
                body=body,
                link=link[:500],
                due_at=now,
                state=SendState.SENT,
                sent_at=now,
                created_at=now,
            )
            for person in dict.fromkeys(people)
        ],
        ignore_conflicts=True,
    )


def mark_read(*, tenant_id: UUID, person: UUID, now: datetime, notice: UUID | None = None) -> int:
    """One of somebody's notices, or all of them, are read. Returns how many weren't before."""
    rows = Notification.objects.filter(tenant=tenant_id, person=person, channel=None, read_at=None)
    return (rows.filter(id=notice) if notice else rows).update(read_at=now)


def mark_unread(*, tenant_id: UUID, person: UUID, read_at: datetime) -> int:
    """Take back what :func:`mark_read` did at one instant."""
    rows = Notification.objects.filter(tenant=tenant_id, person=person, channel=None, read_at=read_at)
    return rows.update(read_at=None)


def plan_absence(
    *, tenant_id: UUID, person: User, start: datetime, end: datetime, note: str, actor: Actor, now: datetime
) -> Absence:
    """Somebody will be away; shifts in that time are shown as a clash, nothing is changed by itself."""
    if actor.user_id != person.id and not has_right(actor, "rota.manage"):
        raise Forbidden("not_yours", "Only they themselves, or somebody with the right 'rota.manage', can plan this.")
    sane(start, "start")
    sane(end, "end")
    if not start < end or end <= now or end - start > timedelta(days=366):
        raise Invalid("span", "It ends after it begins, in the future, and lasts a year at most.")
    made = Absence.objects.create(
        tenant_id=tenant_id, person=person, start=start, end=end, note=note.strip()[:200], created_at=now
    )
    after = {"person": person.email, "from": start.isoformat(), "until": end.isoformat()}
    record(actor=actor, action="absence.planned", obj=made, after=after)
    return made


def cancel_absence(*, absence: Absence, actor: Actor, now: datetime) -> None:
    if actor.user_id != absence.person_id and not has_right(actor, "rota.manage"):
        raise Forbidden("not_yours", "Only they themselves, or somebody with the right 'rota.manage', can do this.")
    rows = Absence.objects.filter(tenant=absence.tenant_id, id=absence.id, cancelled_at=None)
    if not rows.update(cancelled_at=now):
        raise Conflict("cancelled", "It was cancelled already.")
    record(actor=actor, action="absence.cancelled", obj=absence)


def _checked(kind: ChannelKind, address: str) -> str:
    """What people see of an address that will do."""
    text = address.strip()
    if kind == ChannelKind.EMAIL:
        try:
            validate_email(text)
        except ValidationError as error:
            raise Invalid("address", "This is no e-mail address.") from error
        return text[:120]
    place = outbound.check(text)
    # The end tells two webhooks of one host apart, and is too little to use one.
    return f"{place.netloc}/…{text[-4:]}"[:120]


def _administers(actor: Actor) -> bool:
    return actor.kind == "operator" or has_right(actor, "member.manage")


def _digest(channel: Channel, code: str) -> str:
    return hashlib.sha256(f"{channel.id}:{code}".encode()).hexdigest()


def _refuse_strangers(owner: User | Team | None, actor: Actor) -> None:
    mine = owner is not None and (owner.id == actor.user_id if isinstance(owner, User) else owner.id in actor.teams)
    if not mine and (isinstance(owner, User) or not has_right(actor, "rota.manage")):
        raise Forbidden("not_yours", "A channel is changed by its owner: the person, or the team.")
