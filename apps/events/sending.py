"""Taking one delivery after another from a subscription to its receiver (docs/decisions/0008).

Claim, send, settle: each survives the death of the process after it. Claiming leases the whole subscription, so that
its events keep their order and one slow receiver holds one thread; the fence tells a sender whose lease ran out that
its word no longer counts. Events are turned into deliveries when there is room for them, never ahead of time: what
waits behind a receiver that is down is the audit trail, and nothing grows.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone

from apps.audit.actions import record
from apps.audit.models import AuditEntry
from apps.events import queries, rules
from apps.events.links import links, source
from apps.events.models import Delivery, DeliveryState, Replay, State, Subscription
from apps.events.rules import Answered, Happened, Verdict
from apps.ownership.channels.actions import tell
from apps.ownership.channels.signing import signature
from apps.tenants.models import Tenant
from portal import actor as actors
from portal import faults, outbound
from portal.errors import Invalid
from portal.secrets import Unreadable, derived, unseal
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("events")

# Longer than one attempt takes at the very most: ten seconds, and what the resolver takes for a name.
LEASE = timedelta(seconds=90)
# A thread goes on with the next subscription after so long, whatever is left of this one.
TURN = 5.0
BATCH = 100


@dataclass(frozen=True, slots=True)
class Work:
    """What a sender needs, and nothing that it would have to ask the database for while it sends."""

    tenant_id: UUID
    subscription_id: UUID
    fence: int
    delivery_id: UUID
    sealed: str
    secrets: tuple[bytes, ...]
    body: bytes


def turn(tenant_id: UUID, subscription_id: UUID) -> int:
    """Send what is due of one subscription, for a few seconds at most. Returns how many attempts were made."""
    ends, made = time.monotonic() + TURN, 0
    while time.monotonic() < ends:
        work = claim(tenant_id, subscription_id, timezone.now())
        if work is None:
            break
        faults.point("events.claimed")
        answer = attempt(work, int(timezone.now().timestamp()))
        faults.point("events.sent")
        settle(work, answer, timezone.now())
        faults.point("events.settled")
        made += 1
    return made


def claim(tenant_id: UUID, subscription_id: UUID, now: datetime) -> Work | None:
    """Lease the subscription for its next delivery; nothing if there is none, or if somebody else has it."""
    with tenant_transaction(tenant_id):
        rows = Subscription.objects.filter(tenant=tenant_id, id=subscription_id, state=State.ACTIVE, removed_at=None)
        row = rows.select_for_update(skip_locked=True, of=("self",)).first()
        if row is None or row.rests(now) or (row.leased_until is not None and now < row.leased_until):
            return None
        found = _next(row, now)
        row.worked_at = now
        if found is None:
            row.save(update_fields=["cursor", "worked_at"])
            return None
        row.fence, row.leased_until = row.fence + 1, now + LEASE
        row.save(update_fields=["cursor", "worked_at", "fence", "leased_until"])
        found.attempts, found.first_at = found.attempts + 1, found.first_at or now
        found.save(update_fields=["attempts", "first_at"])
        faults.point("events.handed")
        return Work(
            tenant_id=tenant_id,
            subscription_id=row.id,
            fence=row.fence,
            delivery_id=found.id,
            sealed=row.sealed,
            secrets=tuple(secrets_of(row, now)),
            body=found.body.encode(),
        )


def attempt(work: Work, timestamp: int) -> Answered:
    """One POST. Whatever goes wrong is an answer, too."""
    began = time.monotonic()
    try:
        got = outbound.post(unseal(work.sealed), work.body, headers(work, timestamp))
    except (outbound.Unreachable, Unreadable) as error:
        return Answered(0, rules.printable(str(error)), time.monotonic() - began)
    except Invalid as error:
        return Answered(0, rules.printable(error.message), time.monotonic() - began)
    return Answered(got.status, rules.printable(got.text), time.monotonic() - began, got.retry_after)


def headers(work: Work, timestamp: int) -> dict[str, str]:
    """Standard Webhooks, signed with each secret that counts now."""
    key = str(work.delivery_id)
    signatures = (signature(secret, key, timestamp, work.body) for secret in work.secrets)
    return {
        "Content-Type": "application/cloudevents+json",
        "Idempotency-Key": key,
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def settle(work: Work, answer: Answered, now: datetime) -> bool:
    """Write down what came of it, and when to go on. False if the lease ran out and somebody else has it since."""
    with tenant_transaction(work.tenant_id):
        held = Subscription.objects.filter(tenant=work.tenant_id, id=work.subscription_id, fence=work.fence)
        row = held.select_for_update(of=("self",)).first()
        if row is None:
            return False
        found = Delivery.objects.get(tenant=work.tenant_id, id=work.delivery_id)
        found.status, found.answer = answer.status, answer.text
        found.tries = rules.noted(found.tries, answer, now)
        row.leased_until = None
        if answer.verdict == Verdict.TAKEN:
            _taken(row, found, now)
        else:
            _not_taken(row, found, answer, now)
        found.save(update_fields=["status", "answer", "tries", "state", "due_at", "done_at"])
        row.save(update_fields=["leased_until", "failures", "failing_since", "rest_until"])
        if answer.verdict != Verdict.TAKEN:
            _stop_if_hopeless(row, found, answer, now)
        return True


def secrets_of(row: Subscription, now: datetime) -> list[bytes]:
    """The secret, and for a day after it was changed the former one."""
    numbers = [row.secret_number]
    if row.former_until is not None and now < row.former_until:
        numbers.append(row.secret_number - 1)
    return [derived(f"events:{number}", row.id) for number in numbers]


def happened(entry: AuditEntry) -> Happened:
    kind = json.loads(entry.body).get("actor_kind", "")
    return Happened(
        entry.id, entry.seq, entry.at, entry.action, entry.object_type, entry.object_id or "", entry.actor or "", kind
    )


def prepare(row: Subscription, told: Sequence[Happened], run: int, now: datetime) -> list[Delivery]:
    """Deliveries of what happened, with the bytes that every attempt will send."""
    slug = Tenant.objects.values_list("slug", flat=True).get(id=row.tenant_id)
    where = links(row.tenant_id, slug, told)
    made = [
        Delivery(
            tenant_id=row.tenant_id,
            subscription=row,
            run=run,
            seq=each.seq,
            event=each.id,
            action=each.action,
            body=rules.encoded(rules.cloud_event(each, source=source(slug), link=where.get(each.object_id, ""))),
            due_at=now,
            created_at=now,
        )
        for each in told
    ]
    return Delivery.objects.bulk_create(made)


def set_back(tenant_id: UUID, subscription_id: UUID, now: datetime) -> None:
    """Leave one that can't be served alone for a minute, so that it costs the others nothing."""
    with tenant_transaction(tenant_id):
        rows = Subscription.objects.filter(tenant=tenant_id, id=subscription_id)
        rows.update(rest_until=now + timedelta(minutes=1))


def _next(row: Subscription, now: datetime) -> Delivery | None:
    """What goes out next: what failed and is due again, then the trail, then what is replayed."""
    pending = Delivery.objects.filter(tenant=row.tenant_id, subscription=row.id, state=DeliveryState.PENDING)
    if row.is_failing:
        # Asked with what it has owed the longest, whenever that would be due by itself.
        oldest = pending.order_by(F("first_at").asc(nulls_last=True), "run", "seq").first()
        if oldest is not None:
            return oldest
    again = pending.filter(attempts__gt=0, due_at__lte=now).order_by("due_at", "run", "seq").first()
    return again or _fresh(row, pending, now)


def _fresh(row: Subscription, pending: QuerySet[Delivery], now: datetime) -> Delivery | None:
    fresh = pending.filter(attempts=0).order_by("run", "seq", "id")
    first = fresh.first()
    if first is not None and first.run == 0:
        return first
    _follow(row, now)
    first = fresh.first()
    if first is None and _replay(row, now):
        first = fresh.first()
    return first


def _follow(row: Subscription, now: datetime) -> None:
    """Turn the next entries of the trail into deliveries."""
    end = queries.head(row.tenant_id)
    if end <= row.cursor:
        return
    entries = list(queries.matching(row, row.cursor, end)[:BATCH])
    prepare(row, [happened(entry) for entry in entries], 0, now)
    row.cursor = entries[-1].seq if len(entries) == BATCH else end


def _replay(row: Subscription, now: datetime) -> bool:
    """Turn the next entries of a replay into deliveries; the last ones end it."""
    replay = Replay.objects.filter(tenant=row.tenant_id, subscription=row.id, finished_at=None).first()
    if replay is None:
        return False
    entries = list(queries.matching(row, replay.cursor, replay.last)[:BATCH])
    prepare(row, [happened(entry) for entry in entries], replay.number, now)
    replay.cursor = entries[-1].seq if len(entries) == BATCH else replay.last
    replay.finished_at = now if replay.cursor >= replay.last else None
    replay.save(update_fields=["cursor", "finished_at"])
    return True


def _taken(row: Subscription, found: Delivery, now: datetime) -> None:
    found.state, found.done_at = DeliveryState.DELIVERED, now
    if row.is_failing:
        # It is back: what it owes goes out now and not when each would have been tried by itself.
        owed = Delivery.objects.filter(tenant=row.tenant_id, subscription=row.id, state=DeliveryState.PENDING)
        owed.filter(due_at__gt=now).update(due_at=now)
    row.failures, row.failing_since, row.rest_until = 0, None, None


def _not_taken(row: Subscription, found: Delivery, answer: Answered, now: datetime) -> None:
    row.failures, row.failing_since = row.failures + 1, row.failing_since or now
    pause = max(rules.rest(row.failures), rules.asked_for(answer))
    row.rest_until = now + pause if pause else None
    assert found.first_at is not None, "it was claimed"
    if answer.verdict == Verdict.GONE or rules.given_up(found.first_at, now):
        found.state, found.done_at = DeliveryState.FAILED, now
        return
    # While nothing gets through, the rest of the whole is what counts.
    found.due_at = now + (pause if row.is_failing else max(pause, rules.again_after(found.attempts)))


def _stop_if_hopeless(row: Subscription, found: Delivery, answer: Answered, now: datetime) -> None:
    if row.state != State.ACTIVE or row.removed_at is not None or row.failing_since is None:
        return
    if answer.verdict == Verdict.GONE:
        _stop(row, found, "The receiver answered 410 Gone: it wants no more events.", now)
    elif now - row.failing_since >= rules.STOP_AFTER:
        _stop(row, found, f"Nothing got through for {rules.STOP_AFTER.days} days; last: {answer.words}", now)


def _stop(row: Subscription, found: Delivery, why: str, now: datetime) -> None:
    """Nothing goes out any more, and those who can change that are told."""
    row.state, row.why = State.STOPPED, why[:300]
    row.save(update_fields=["state", "why"])
    slug = Tenant.objects.values_list("slug", flat=True).get(id=row.tenant_id)
    tell(
        tenant_id=row.tenant_id,
        people=queries.managers(row.tenant_id),
        title=f"Events to {row.name} are stopped",
        body=f"{row.why} Nothing is lost: resume it from where it stopped once the receiver is well.",
        link=reverse("event_subscription", args=[slug, row.id]),
        cause=found.id,
        now=now,
    )
    log.warning("a subscription was stopped", extra={"subscription": str(row.id), "status": found.status})
    record(actor=actors.task("events.courier"), action="subscription.stopped", obj=row, reason=row.why)
