"""Examples, corrections, rules, the threshold, and which version answers (DISP-1, DISP-3)."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from apps.audit.actions import record
from apps.dispatch.classify import queries
from apps.dispatch.classify.features import plain
from apps.dispatch.classify.models import Classifier, Dispatcher, Example, ExampleSource, Rule
from apps.dispatch.classify.reading import Said, checked
from apps.dispatch.classify.rules import MOST_RULES, phrases
from apps.tenants.actions import bump_config
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict, Invalid, Refused
from portal.reasons import given
from portal.tenancy.locks import one_at_a_time

# Enough to learn from, and few enough to train on in a minute.
MOST_EXAMPLES = 20_000
LONGEST_REQUEST_ID = 64
_LABEL = 200


def add_examples(
    *, tenant_id: UUID, workload: Workload | None, said: Sequence[Said], actor: Actor, now: datetime
) -> int:
    """Texts that are the workload's, or nobody's without one. Returns how many are new; what stands already is left
    alone.

    Raises:
        Invalid: one can't be taken, or stands under another workload; ``problems`` names each, and nothing is kept.
        Refused: it would be more than a tenant may have.
    """
    rows = {_digest(each.text): each for each in checked(said)}
    one_at_a_time(tenant_id, "dispatch.examples")
    mine = Example.objects.filter(tenant=tenant_id)
    known = {row.digest: row for row in mine.filter(digest__in=list(rows)).select_related("workload")}
    _refuse_others(rows, known, workload)
    new = {digest: each for digest, each in rows.items() if digest not in known}
    _refuse_too_many(mine.count() + len(new))
    made = [_example(tenant_id, workload, digest, each, actor, now) for digest, each in new.items()]
    Example.objects.bulk_create(made, batch_size=1_000)
    if made:
        after = {"workload": workload.key if workload else None, "examples": len(made)}
        record(actor=actor, action="classifier.examples_added", obj=workload or _row(tenant_id), after=after)
    return len(made)


def correct(
    *, tenant_id: UUID, workload: Workload | None, text: str, request_id: str, actor: Actor, now: datetime
) -> Example:
    """Somebody says whose a text is that went elsewhere: an example for the next training.

    We keep no texts of requests, so a correction brings its own; ``request_id`` says which decision it is about.

    Raises:
        Invalid: a text or request id that can't be kept.
        Refused: an owner gave this text as another workload's example: they have to be asked.
    """
    (said,), request_id = checked([Said(text)]), request_id.strip()
    if len(request_id) > LONGEST_REQUEST_ID or "\x00" in request_id:
        raise Invalid("request_id", f"A request id has at most {LONGEST_REQUEST_ID} characters.")
    one_at_a_time(tenant_id, "dispatch.examples")
    digest, mine = _digest(said.text), Example.objects.filter(tenant=tenant_id)
    known = mine.filter(digest=digest).select_related("workload").first()
    if known is None:
        _refuse_too_many(mine.count() + 1)
    elif known.source == ExampleSource.GIVEN and known.workload_id != (workload.id if workload else None):
        raise Refused(
            "given", f"This text is an example of {_named(known.workload)}, as it was given; remove it there."
        )
    made = _example(tenant_id, workload, digest, said, actor, now)
    made.source, made.request_id = ExampleSource.CORRECTED, request_id
    if known is not None:
        made.id, made.topic, made.created_at = known.id, known.topic, known.created_at
    made.save(force_insert=known is None, force_update=known is not None)
    before = {"workload": known.workload.key if known.workload else None} if known else None
    after = {"workload": workload.key if workload else None, "request": request_id}
    record(actor=actor, action="classifier.corrected", obj=made, before=before, after=after)
    return made


def remove_example(*, example: Example, actor: Actor) -> None:
    """From the next training on it counts no more."""
    found, _ = Example.objects.filter(tenant=example.tenant_id, id=example.id).delete()
    if found:
        before = {"workload": example.workload.key if example.workload else None, "source": example.source}
        record(actor=actor, action="classifier.example_removed", obj=example, before=before)


def activate(
    *, classifier: Classifier, threshold: float | None, actor: Actor, now: datetime, reason: str
) -> Dispatcher:
    """Have this version answer, from the threshold on that cross-validation chose or another one.

    Raises:
        Invalid: no reason, or a threshold that isn't between 0 and 1.
        Conflict: it was thrown away meanwhile.
    """
    why = given(reason)
    wanted = _checked_threshold(classifier.threshold if threshold is None else threshold)
    found = held(classifier.tenant_id)
    if not Classifier.objects.filter(tenant=classifier.tenant_id, id=classifier.id).exists():
        raise Conflict("gone", "This version isn't kept any more.")
    before = _shown(found)
    found.live, found.live_since, found.threshold = classifier, now, wanted
    found.save(update_fields=["live", "live_since", "threshold"])
    bump_config(classifier.tenant_id)
    record(actor=actor, action="classifier.activated", obj=found, before=before, after=_shown(found), reason=why)
    return found


def set_threshold(*, tenant_id: UUID, threshold: float, actor: Actor, reason: str) -> Dispatcher:
    """How sure the version that answers has to be; below it the answer is nobody (DISP-3).

    Raises:
        Invalid: no reason, or not between 0 and 1.
        Conflict: no version answers.
    """
    why, wanted, found = given(reason), _checked_threshold(threshold), held(tenant_id)
    if found.live_id is None:
        raise Conflict("nothing_live", "No version answers yet: train one and activate it.")
    before = _shown(found)
    found.threshold = wanted
    found.save(update_fields=["threshold"])
    bump_config(tenant_id)
    record(actor=actor, action="classifier.threshold_set", obj=found, before=before, after=_shown(found), reason=why)
    return found


def add_rule(*, tenant_id: UUID, workload: Workload, written: str, actor: Actor) -> Rule:
    """A rule behind all that there are: texts with all of the phrases in them are the workload's.

    Raises:
        Invalid: phrases that can't be taken.
        Refused: a tenant has no more than a hundred.
    """
    found = phrases(written)
    one_at_a_time(tenant_id, "dispatch.rules")
    mine = Rule.objects.filter(tenant=tenant_id)
    if mine.count() >= MOST_RULES:
        raise Refused("too_many", f"{MOST_RULES} rules are enough: give examples instead.")
    place = (mine.aggregate(last=Max("place"))["last"] or 0) + 1
    made = Rule.objects.create(
        tenant_id=tenant_id, workload=workload, phrases=found, place=place, made_by=actor.label[:_LABEL]
    )
    bump_config(tenant_id)
    record(actor=actor, action="classifier.rule_added", obj=made, after=_rule(made))
    return made


def remove_rule(*, rule: Rule, actor: Actor) -> None:
    one_at_a_time(rule.tenant_id, "dispatch.rules")
    found, _ = Rule.objects.filter(tenant=rule.tenant_id, id=rule.id).delete()
    if found:
        bump_config(rule.tenant_id)
        record(actor=actor, action="classifier.rule_removed", obj=rule, before=_rule(rule))


def move_rule_up(*, rule: Rule, actor: Actor) -> None:
    """Before the one that is asked before it; the first one stays where it is."""
    one_at_a_time(rule.tenant_id, "dispatch.rules")
    order = list(queries.rules(rule.tenant_id))
    at = next((n for n, row in enumerate(order) if row.id == rule.id), 0)
    if not at:
        return
    other, moved = order[at - 1], order[at]
    other.place, moved.place = moved.place, other.place
    Rule.objects.bulk_update([other, moved], ["place"])
    bump_config(rule.tenant_id)
    after = {"before": other.said, **_rule(moved)}
    record(actor=actor, action="classifier.rule_moved", obj=moved, after=after)


def held(tenant_id: UUID) -> Dispatcher:
    """The tenant's dispatcher, made if there is none yet, until the transaction ends."""
    Dispatcher.objects.bulk_create([Dispatcher(tenant_id=tenant_id)], ignore_conflicts=True)
    rows = Dispatcher.objects.select_for_update(of=("self",)).select_related("live").defer("live__data")
    return rows.get(tenant=tenant_id)


def _row(tenant_id: UUID) -> Dispatcher:
    """What examples of nobody are written down about."""
    return held(tenant_id)


def _example(
    tenant_id: UUID, workload: Workload | None, digest: str, said: Said, actor: Actor, now: datetime
) -> Example:
    return Example(
        tenant_id=tenant_id,
        workload=workload,
        topic=said.topic if workload else "",
        text=said.text,
        digest=digest,
        source=ExampleSource.GIVEN,
        said_by=actor.label[:_LABEL],
        said_at=now,
    )


def _refuse_others(rows: dict[str, Said], known: dict[str, Example], workload: Workload | None) -> None:
    wanted = workload.id if workload else None
    problems = [
        f"Example {number}: “{each.text[:60]}” stands under {_named(known[digest].workload)} already."
        for number, (digest, each) in enumerate(rows.items(), start=1)
        if digest in known and known[digest].workload_id != wanted
    ][:20]
    if problems:
        raise Invalid("examples", " ".join(problems), problems=problems)


def _refuse_too_many(count: int) -> None:
    if count > MOST_EXAMPLES:
        raise Refused("too_many", f"{MOST_EXAMPLES:,} examples are enough; this would make {count:,}.")


def _digest(text: str) -> str:
    return hashlib.sha256(plain(text).encode()).hexdigest()


def _named(workload: Workload | None) -> str:
    return workload.key if workload else "nobody"


def _checked_threshold(value: float) -> float:
    if not 0 <= value <= 1:
        raise Invalid("threshold", "The threshold is a number from 0 to 1.")
    return value


def _shown(found: Dispatcher) -> dict[str, object]:
    return {"version": found.live.number if found.live else None, "threshold": found.threshold}


def _rule(rule: Rule) -> dict[str, object]:
    return {"phrases": rule.said, "workload": rule.workload.key}
