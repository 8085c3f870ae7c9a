"""Subscriptions are made, changed, paused, resumed and removed; events are tested and sent again."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from apps.accounts.models import User
from apps.audit.actions import record
from apps.audit.models import AuditEntry
from apps.events import queries, rules, sending
from apps.events.access import refuse_others
from apps.events.catalogue import TEST, TYPES
from apps.events.models import Delivery, DeliveryState, Replay, State, Subscription
from apps.events.queries import Span
from apps.events.rules import FORMER_COUNTS, KEPT, MOST_REPLAYED, Happened
from apps.ownership.channels.signing import secret_text
from portal import outbound
from portal.actor import Actor
from portal.errors import Conflict, Invalid, Refused
from portal.ids import uuid7
from portal.secrets import seal

MOST = 20


def subscribe(
    *, tenant_id: UUID, name: str, address: str, patterns: Iterable[str], by: User, actor: Actor, now: datetime
) -> Subscription:
    """Have events of these types sent to an address, from this one on: its own making is the first that may match.

    Raises:
        Invalid: an address that messages may not go to, or a pattern that no event will ever match.
        Refused: twenty are enough, or one has this name already.
    """
    refuse_others(actor)
    wanted = rules.patterns(patterns, TYPES)
    with _named_once(name):
        made = Subscription.objects.create(
            tenant_id=tenant_id,
            name=_name(name),
            sealed=seal(address.strip()),
            shown=_shown(address),
            patterns=wanted,
            cursor=queries.head(tenant_id),
            created_by=by,
            created_at=now,
        )
        after = {"name": made.name, "shown": made.shown, "patterns": wanted}
        record(actor=actor, action="subscription.created", obj=made, after=after)
        # Counted under the lock of the trail's head, so that of two at once the second sees the first.
        if queries.subscriptions(tenant_id).count() > MOST:
            raise Refused("too_many", f"{MOST} subscriptions are enough; remove one first.")
    return made


def change(
    *, subscription: Subscription, name: str, patterns: Iterable[str], actor: Actor, address: str = ""
) -> Subscription:
    """Another name, other types or, where one is given, another address; what waits already is sent all the same."""
    refuse_others(actor)
    wanted = rules.patterns(patterns, TYPES)
    row = _held(subscription)
    before = {"name": row.name, "shown": row.shown, "patterns": row.patterns}
    row.name, row.patterns = _name(name), wanted
    if address.strip():
        row.sealed, row.shown = seal(address.strip()), _shown(address)
    with _named_once(name):
        row.save(update_fields=["name", "patterns", "sealed", "shown"])
    after = {"name": row.name, "shown": row.shown, "patterns": row.patterns}
    record(actor=actor, action="subscription.changed", obj=row, before=before, after=after)
    return row


def pause(*, subscription: Subscription, actor: Actor, reason: str = "") -> Subscription:
    """Nothing goes out any more; what happens meanwhile waits. ``reason``: why an operator of the platform does it."""
    if not (reason and actor.kind == "operator"):
        refuse_others(actor)
    row = _held(subscription)
    if row.state != State.ACTIVE:
        raise Conflict("not_active", f"It is {row.get_state_display()} already.")
    row.state, row.why = State.PAUSED, f"By {actor.label}. {reason}".strip()[:300]
    row.save(update_fields=["state", "why"])
    record(actor=actor, action="subscription.paused", obj=row, reason=reason)
    return row


def resume(*, subscription: Subscription, from_now: bool, actor: Actor, now: datetime) -> Subscription:
    """Go on from where it stopped, or from now: then what waited is skipped, and can be replayed.

    Raises:
        Conflict: it isn't paused or stopped.
        Refused: more waits than a replay may send; go on from now, and replay a part of it.
    """
    refuse_others(actor)
    row = _held(subscription)
    if row.state == State.ACTIVE:
        raise Conflict("active", "It is active already.")
    head = queries.head(row.tenant_id)
    if from_now:
        skip_waiting(row, now)
        row.cursor = head
    elif queries.matching(row, row.cursor, head)[: MOST_REPLAYED + 1].count() > MOST_REPLAYED:
        raise Refused("too_much", f"Over {MOST_REPLAYED:,} events wait: resume from now, and replay a part of them.")
    row.state, row.why, row.failures, row.failing_since, row.rest_until = State.ACTIVE, "", 0, None, None
    row.save(update_fields=["state", "why", "failures", "failing_since", "rest_until", "cursor"])
    record(actor=actor, action="subscription.resumed", obj=row, after={"from_now": from_now, "after": row.cursor})
    return row


def skip_waiting(row: Subscription, now: datetime) -> None:
    """Nothing of what waits is sent; a replay that runs ends."""
    mine = {"tenant": row.tenant_id, "subscription": row.id}
    Delivery.objects.filter(state=DeliveryState.PENDING, **mine).update(state=DeliveryState.SKIPPED, done_at=now)
    Replay.objects.filter(finished_at=None, **mine).update(finished_at=now, is_cancelled=True)


def try_now(*, subscription: Subscription, actor: Actor, now: datetime) -> None:
    """Ask the receiver again at once, with everything that it hasn't taken; it changes nothing besides."""
    refuse_others(actor)
    row = _held(subscription)
    if row.state != State.ACTIVE:
        raise Conflict("not_active", f"It is {row.get_state_display()}: resume it.")
    row.rest_until = None
    row.save(update_fields=["rest_until"])
    queries.deliveries(row, DeliveryState.PENDING).filter(due_at__gt=now).update(due_at=now)


def remove(*, subscription: Subscription, actor: Actor, now: datetime) -> None:
    """Nothing goes there any more. The address is forgotten; the log is kept for its 30 days."""
    refuse_others(actor)
    row = _held(subscription)
    skip_waiting(row, now)
    row.removed_at, row.sealed = now, ""
    row.save(update_fields=["removed_at", "sealed"])
    record(actor=actor, action="subscription.removed", obj=row)


def rotate(*, subscription: Subscription, keep_former: bool, actor: Actor, now: datetime) -> Subscription:
    """A new signing secret. The former one signs too for a day, unless it leaked."""
    refuse_others(actor)
    row = _held(subscription)
    row.secret_number += 1
    row.former_until = now + FORMER_COUNTS if keep_former else None
    row.save(update_fields=["secret_number", "former_until"])
    record(actor=actor, action="subscription.secret_rotated", obj=row, after={"former_counts_on": keep_former})
    return row


def show_secret(*, subscription: Subscription, actor: Actor, now: datetime) -> str:
    """The signing secret as receivers take it; looking at it is written down."""
    refuse_others(actor)
    record(actor=actor, action="subscription.secret_shown", obj=subscription)
    return secret_of(subscription, now)


def secret_of(subscription: Subscription, now: datetime) -> str:
    return secret_text(sending.secrets_of(subscription, now)[0])


def send_test(*, subscription: Subscription, actor: Actor, now: datetime) -> Delivery:
    """An event of the type ``causeway.test``, in its turn with the others.

    Raises:
        Conflict: it is paused or stopped, or the last test waits still.
    """
    refuse_others(actor)
    row = _held(subscription)
    if row.state != State.ACTIVE:
        raise Conflict("not_active", f"It is {row.get_state_display()}: resume it first.")
    if queries.deliveries(row, DeliveryState.PENDING).filter(action=TEST).exists():
        raise Conflict("test_waits", "The last test event waits still; its line in the log says why.")
    told = Happened(uuid7(), None, now, TEST, row._meta.label_lower, str(row.id), actor.label, actor.kind)
    (made,) = sending.prepare(row, [told], 0, now)
    record(actor=actor, action="subscription.tested", obj=row)
    return made


def replay(*, subscription: Subscription, span: Span, by: User, actor: Actor, now: datetime) -> Replay:
    """Send the matching events of a span again, each with a new ``webhook-id`` and its old event id.

    Raises:
        Refused: one runs already, nothing matches, or there are more than 100,000.
    """
    refuse_others(actor)
    row = _held(subscription)
    if span.total > MOST_REPLAYED:
        raise Refused("too_much", f"A replay sends {MOST_REPLAYED:,} events at most; begin later.", most=MOST_REPLAYED)
    if not span.total:
        raise Refused("nothing", "Nothing since then is of the types that this subscription wants.")
    if queries.replays(row).filter(finished_at=None).exists():
        raise Conflict("replay_runs", "A replay runs already; wait for it, or break it off.")
    made = _start(row, span, by, now)
    after = {"first": span.first, "last": span.last, "events": span.total}
    record(actor=actor, action="subscription.replayed", obj=row, after=after)
    return made


def cancel_replay(*, subscription: Subscription, actor: Actor, now: datetime) -> None:
    """What it hasn't sent yet stays unsent."""
    refuse_others(actor)
    row = _held(subscription)
    running = queries.replays(row).filter(finished_at=None).first() or queries.replays(row).first()
    waiting = queries.deliveries(row, DeliveryState.PENDING).filter(run=running.number if running else -1)
    if running is None or (running.finished_at is not None and not waiting.exists()):
        raise Conflict("no_replay", "No replay runs.")
    waiting.update(state=DeliveryState.SKIPPED, done_at=now)
    running.finished_at, running.is_cancelled = now, True
    running.save(update_fields=["finished_at", "is_cancelled"])
    record(actor=actor, action="subscription.replay_cancelled", obj=row, after={"number": running.number})


def resend(*, delivery: Delivery, by: User, actor: Actor, now: datetime) -> Delivery:
    """Send one event of the log again, whatever became of it: a replay of one.

    Raises:
        Refused: a test; send another.
        Conflict: it waits still, and is sent anyway.
    """
    refuse_others(actor)
    row = _held(delivery.subscription)
    if delivery.seq is None:
        raise Refused("test", "A test is not sent again; send another one.")
    if delivery.state == DeliveryState.PENDING:
        raise Conflict("waits", "It waits still, and is sent anyway: “Try again now” is on the subscription's page.")
    entry = AuditEntry.objects.get(tenant=row.tenant_id, seq=delivery.seq)
    replayed = _start(row, Span(entry.seq, entry.seq, 1), by, now, finished_at=now)
    (made,) = sending.prepare(row, [sending.happened(entry)], replayed.number, now)
    record(actor=actor, action="subscription.replayed", obj=row, after={"first": entry.seq, "last": entry.seq})
    return made


def forget(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Drop those of the deliveries that were done with 30 days ago. Returns how many."""
    return Delivery.objects.filter(tenant=tenant_id, id__in=ids, done_at__lt=now - KEPT).delete()[0]


def _start(row: Subscription, span: Span, by: User, now: datetime, finished_at: datetime | None = None) -> Replay:
    last = queries.replays(row).aggregate(number=Max("number"))["number"] or 0
    return Replay.objects.create(
        tenant_id=row.tenant_id,
        subscription=row,
        number=last + 1,
        first=span.first,
        last=span.last,
        cursor=span.first - 1,
        total=span.total,
        by=by,
        finished_at=finished_at,
        created_at=now,
    )


def _held(subscription: Subscription) -> Subscription:
    """The row as it is now, locked.

    Raises:
        Conflict: it was removed meanwhile.
    """
    rows = Subscription.objects.filter(tenant=subscription.tenant_id, id=subscription.id, removed_at=None)
    found = rows.select_for_update(of=("self",)).first()
    if found is None:
        raise Conflict("removed", "This subscription was removed.")
    return found


def _name(said: str) -> str:
    name = said.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid("name", "Give it a name of at most 100 characters.")
    return name


@contextmanager
def _named_once(name: str) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "events_subscription_name" not in str(error):
            raise
        raise Refused("name_taken", f"There is a subscription {name.strip()!r} already.") from error


def _shown(address: str) -> str:
    """What people see of an address that will do: too little to use it, enough to tell two of one host apart."""
    place = outbound.check(address)
    tail = place.path[-4:] if len(place.path) >= 16 else ""
    return f"{place.netloc}/…{tail}"[:120]
