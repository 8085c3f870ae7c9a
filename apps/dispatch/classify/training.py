"""A training: asked for, begun, done. The row says what is due; a worker's message only wakes somebody up.

It takes seconds to a minute, so no transaction is open meanwhile. Whoever begins takes the next *turn* and puts the due
time off, so that a worker that dies is followed by another; whoever finishes with an old turn writes nothing.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max

from apps.audit.actions import record
from apps.dispatch.classify import queries
from apps.dispatch.classify.actions import held
from apps.dispatch.classify.evaluation import Trained, train
from apps.dispatch.classify.model import NOBODY
from apps.dispatch.classify.models import Classifier, Dispatcher, stored
from apps.dispatch.classify.queries import ToLearn
from apps.dispatch.classify.storage import to_bytes
from portal import actor as actors
from portal.actor import Actor
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction

LEAST_EXAMPLES, MOST_LABELS = 10, 300
KEPT = 20
TRIES = 3
LEASE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Begun:
    """One turn of training, and what it learns from."""

    turn: int
    asked_by: str
    read_at: datetime
    found: ToLearn


def ask_for_training(*, tenant_id: UUID, actor: Actor, now: datetime) -> Dispatcher:
    """Have the classifier trained on the examples of now. Asking while one is due or runs changes nothing.

    Raises:
        Refused: too few examples, or the newest version has learned exactly these.
    """
    why = problem_with(tenant_id)
    if why:
        raise Refused("training", why)
    found = held(tenant_id)
    if found.due_at is None:
        found.due_at, found.asked_by, found.tries, found.problem = now, actor.label[:200], 0, ""
        found.save(update_fields=["due_at", "asked_by", "tries", "problem"])
        record(actor=actor, action="classifier.training_asked", obj=found)
    return found


def problem_with(tenant_id: UUID) -> str:
    """Why the examples of now can't be trained on; empty if they can."""
    return _problem(tenant_id, queries.to_learn(tenant_id))


def train_due(*, tenant_id: UUID, now: datetime) -> None:
    """Train, if that is due. Twice at once, the later one counts; twice in a row, the second finds nothing to do."""
    with tenant_transaction(tenant_id):
        begun = _begin(tenant_id, now)
    if begun is None:
        return
    since = time.perf_counter()
    trained = train(begun.found.texts, begun.found.labels)
    took = round((time.perf_counter() - since) * 1_000)
    data = to_bytes(trained.classifier)
    with tenant_transaction(tenant_id):
        _finish(tenant_id, begun, trained, data, took)


def _begin(tenant_id: UUID, now: datetime) -> Begun | None:
    row = held(tenant_id)
    if row.due_at is None or row.due_at > now:
        return None
    found = queries.to_learn(tenant_id)
    problem = _problem(tenant_id, found)
    if row.tries >= TRIES:
        problem = f"It was begun {TRIES} times and never finished; the log of the workers says why."
    row.problem, row.due_at = problem, None if problem else now + LEASE
    row.turn, row.tries = row.turn + 1, row.tries + 1
    row.save(update_fields=["problem", "due_at", "turn", "tries"])
    return None if problem else Begun(row.turn, row.asked_by, now, found)


def _finish(tenant_id: UUID, begun: Begun, trained: Trained, data: bytes, took_ms: int) -> None:
    row = held(tenant_id)
    if row.turn != begun.turn:
        return
    row.due_at, row.tries = None, 0
    row.save(update_fields=["due_at", "tries"])
    made = _made(tenant_id, begun, trained, data, took_ms)
    _throw_away(tenant_id, made.number, row)
    after = {"version": made.number, "examples": made.examples, "right": made.right, "none": made.none}
    record(actor=actors.task("classifier"), action="classifier.trained", obj=made, after=after)


def _made(tenant_id: UUID, begun: Begun, trained: Trained, data: bytes, took_ms: int) -> Classifier:
    last = Classifier.objects.filter(tenant=tenant_id).aggregate(last=Max("number"))["last"] or 0
    owners = [label.owner for label in begun.found.labels]
    return Classifier.objects.create(
        tenant_id=tenant_id,
        number=last + 1,
        data=data,
        examples=len(owners),
        nobodys=owners.count(NOBODY),
        workloads=len(set(owners) - {NOBODY}),
        digest=begun.found.digest,
        threshold=trained.chosen.threshold,
        right=trained.chosen.right or 0.0,
        none=trained.chosen.none,
        curve=stored(trained.curve),
        took_ms=took_ms,
        asked_by=begun.asked_by,
        read_at=begun.read_at,
    )


def _throw_away(tenant_id: UUID, newest: int, row: Dispatcher) -> None:
    """The newest are kept, and the one that answers."""
    old = Classifier.objects.filter(tenant=tenant_id, number__lte=newest - KEPT)
    old.exclude(id=row.live_id).delete() if row.live_id else old.delete()


def _problem(tenant_id: UUID, found: ToLearn) -> str:
    counts: dict[str, int] = {}
    for label in found.labels:
        counts[label.owner] = counts.get(label.owner, 0) + 1
    few = sum(count < LEAST_EXAMPLES for count in counts.values())
    if len(counts.keys() - {NOBODY}) < 2:
        return f"At least two workloads need examples, {LEAST_EXAMPLES} each."
    if few:
        return f"{few} of {len(counts)} have fewer than {LEAST_EXAMPLES} examples; give more, or remove them."
    if len(set(found.labels)) > MOST_LABELS:
        return f"There are more than {MOST_LABELS} workloads and topics to tell apart."
    newest = queries.versions(tenant_id).values_list("digest", "number").first()
    if newest and newest[0] == found.digest:
        return f"Version {newest[1]} has learned exactly these examples; nothing has changed since."
    return ""
