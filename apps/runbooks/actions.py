"""Write, review, publish; and drill: start, tick, confirm, finish, abort (RUN-1 to RUN-3)."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from apps.accounts.models import User
from apps.audit.actions import record
from apps.runbooks import markdown, queries
from apps.runbooks.models import Drill, DrillStep, Runbook, RunbookVersion
from apps.runbooks.rules import CONFIRMATIONS, Kind, Outcome, Run, shortcomings
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.markdown import problems as problems_of
from portal.reasons import given

MOST_VOLUME = 10_000_000


def create_runbook(*, workload: Workload, title: str, owner: User, actor: Actor) -> Runbook:
    title = title.strip()
    if not 1 <= len(title) <= 100:
        raise Invalid("title", "Give it a title of at most 100 characters.")
    try:
        with transaction.atomic():
            made = Runbook.objects.create(tenant_id=workload.tenant_id, workload=workload, title=title, owner=owner)
    except IntegrityError as error:
        raise Refused("title_taken", f"{workload.key} has a runbook {title!r} already.") from error
    record(actor=actor, action="runbook.created", obj=made, after={"workload": workload.key, "title": title})
    return made


def write_version(
    *, runbook: Runbook, text: str, why: str, author: User, actor: Actor, now: datetime
) -> RunbookVersion:
    """Save a text as the next version, a draft. It may lack sections; what it may not have is HTML.

    Raises:
        Invalid: ``problems`` names each with its line.
    """
    text = text.replace("\r\n", "\n")
    problems = problems_of(text)
    if problems:
        raise Invalid("text_invalid", " ".join(problems), problems=problems)
    if not why.strip():
        raise Invalid("why_missing", "Say what changed, and why.")
    Runbook.objects.select_for_update(of=("self",)).get(tenant=runbook.tenant_id, id=runbook.id)
    newest = RunbookVersion.objects.filter(tenant=runbook.tenant_id, runbook=runbook.id).aggregate(n=Max("number"))["n"]
    made = RunbookVersion.objects.create(
        tenant_id=runbook.tenant_id,
        runbook=runbook,
        number=(newest or 0) + 1,
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        why=why.strip()[:500],
        author=author,
        created_at=now,
    )
    record(actor=actor, action="runbook.written", obj=made, after={"number": made.number, "digest": made.digest})
    return made


def review_version(*, version: RunbookVersion, reviewer: User, actor: Actor, now: datetime) -> RunbookVersion:
    """A second person has read it, and every required section is there."""
    _refuse_author(version, reviewer, actor)
    _refuse_incomplete(version)
    if not _versions(version).filter(reviewed_at=None).update(reviewed_by=reviewer, reviewed_at=now):
        raise Refused("reviewed", "This version has been reviewed already.")
    record(actor=actor, action="runbook.reviewed", obj=version, after={"number": version.number})
    version.refresh_from_db()
    return version


def publish_version(
    *, version: RunbookVersion, publisher: User, actor: Actor, now: datetime, is_editorial: bool = False
) -> RunbookVersion:
    """From now on this text counts. Drills on the one before go stale, unless this change is merely editorial: that too
    is said by somebody who didn't write it.
    """
    _refuse_author(version, publisher, actor)
    _refuse_incomplete(version)
    if version.reviewed_at is None:
        raise Refused("not_reviewed", "Have it reviewed first.")
    runbook = Runbook.objects.select_for_update(of=("self",)).get(tenant=version.tenant_id, id=version.runbook_id)
    current = runbook.published.number if runbook.published else 0
    if version.number <= current:
        raise Refused("older", f"Version {current} is published; publish a newer one.")
    if (
        not _versions(version)
        .filter(published_at=None)
        .update(published_by=publisher, published_at=now, is_editorial=is_editorial and current > 0)
    ):
        raise Refused("published", "This version has been published already.")
    runbook.published, runbook.reviewed_at = version, now
    runbook.save(update_fields=["published", "reviewed_at"])
    after = {"number": version.number, "digest": version.digest, "editorial": is_editorial}
    record(actor=actor, action="runbook.published", obj=version, before={"number": current}, after=after)
    version.refresh_from_db()
    return version


def read_through(*, runbook: Runbook, reader: User, actor: Actor, now: datetime) -> None:
    """The periodic review: somebody read the published text through and it still holds (RUN-1)."""
    if runbook.published is None:
        raise Refused("not_published", "Nothing is published yet.")
    Runbook.objects.filter(tenant=runbook.tenant_id, id=runbook.id).update(reviewed_at=now)
    record(actor=actor, action="runbook.read_through", obj=runbook, after={"by": reader.email})


def start_drill(
    *, runbook: Runbook, kind: Kind, wanted: int, staff: Sequence[UUID], starter: User, actor: Actor, now: datetime
) -> Drill:
    """Begin, on the published text; its steps are frozen, and the clock runs from here.

    Raises:
        Refused: nothing is published, there are no steps, or another drill of the workload is running.
    """
    version = runbook.published
    if version is None:
        raise Refused("not_published", "Only a published runbook can be drilled.")
    if not 0 <= wanted <= MOST_VOLUME:
        raise Invalid("volume", f"The volume is a number from 0 to {MOST_VOLUME} an hour.")
    steps = markdown.steps(version.text)
    if not steps:
        raise Refused("no_steps", "Number the steps under “How to roll back to the fallback” (1., 2., ...).")
    _refuse_strangers(runbook.tenant_id, staff)
    try:
        with transaction.atomic():
            drill = Drill.objects.create(
                tenant_id=runbook.tenant_id,
                runbook=runbook,
                version=version,
                workload=runbook.workload,
                kind=kind,
                started_by=starter,
                started_at=now,
                wanted=wanted,
                staff=list(dict.fromkeys(staff)),
            )
    except IntegrityError as error:
        raise Refused("drill_running", "A drill of this workload is running; finish or abort that one.") from error
    DrillStep.objects.bulk_create(
        DrillStep(tenant_id=drill.tenant_id, drill=drill, number=number, text=text)
        for number, text in enumerate(steps, start=1)
    )
    after = {"version": version.number, "kind": kind, "wanted": wanted}
    record(actor=actor, action="drill.started", obj=drill, after=after)
    return drill


def tick_step(*, drill: Drill, number: int, by: User, actor: Actor, now: datetime) -> None:
    """Done; a second tick of the same step changes nothing."""
    _locked(drill)
    rows = DrillStep.objects.filter(tenant=drill.tenant_id, drill=drill.id, number=number)
    if not rows.exists():
        raise Invalid("no_step", f"This drill has no step {number}.")
    if rows.filter(ticked_at=None).update(ticked_at=now, ticked_by=by):
        record(actor=actor, action="drill.ticked", obj=drill, after={"step": number})


def confirm(*, drill: Drill, name: str, by: User, actor: Actor, now: datetime) -> None:
    """Somebody who took part says what only people can know."""
    if name not in CONFIRMATIONS:
        raise Invalid("confirmation", f"One of {', '.join(CONFIRMATIONS)}.")
    found = _locked(drill)
    if by.id not in found.staff:
        raise Forbidden("not_staff", "Somebody who takes part in the drill has to confirm this.")
    if name in found.confirmations:
        return
    found.confirmations = {**found.confirmations, name: {"by": str(by.id), "name": by.name, "at": now.isoformat()}}
    found.save(update_fields=["confirmations"])
    record(actor=actor, action="drill.confirmed", obj=found, after={"what": name})


def finish_drill(*, drill: Drill, carried: int, is_real: bool, actor: Actor, now: datetime) -> Drill:
    """Stop the clock and judge. Of two who finish at once the first one's clock counts."""
    if not 0 <= carried <= MOST_VOLUME:
        raise Invalid("volume", f"The volume is a number from 0 to {MOST_VOLUME} an hour.")
    found = _locked(drill)
    steps = queries.steps(found)
    run = Run(
        kind=found.kind,
        elapsed=now - found.started_at,
        ticked=sum(step.ticked_at is not None for step in steps),
        steps=len(steps),
        carried=carried,
        wanted=found.wanted,
        staff=len(found.staff),
        confirmed=frozenset(found.confirmations),
    )
    found.reasons = shortcomings(run)
    found.outcome = Outcome.FAILED if found.reasons else Outcome.PASSED
    found.carried, found.is_real, found.finished_at = carried, is_real, now
    found.save(update_fields=["reasons", "outcome", "carried", "is_real", "finished_at"])
    after = {"outcome": found.outcome, "seconds": run.elapsed.total_seconds(), "reasons": found.reasons}
    record(actor=actor, action="drill.finished", obj=found, after=after)
    return found


def abort_drill(*, drill: Drill, reason: str, actor: Actor, now: datetime) -> Drill:
    given(reason)
    found = _locked(drill)
    found.outcome, found.reasons, found.finished_at = Outcome.ABORTED, [reason.strip()[:300]], now
    found.save(update_fields=["outcome", "reasons", "finished_at"])
    record(actor=actor, action="drill.aborted", obj=found, reason=reason)
    return found


def _locked(drill: Drill) -> Drill:
    """The drill, held, if it is still running."""
    rows = Drill.objects.select_for_update(of=("self",)).select_related("workload", "runbook", "version")
    found = rows.get(tenant=drill.tenant_id, id=drill.id)
    if found.outcome != Outcome.RUNNING:
        raise Conflict("drill_over", f"This drill is over: it {found.outcome}.")
    return found


def _versions(version: RunbookVersion) -> QuerySet[RunbookVersion]:
    return RunbookVersion.objects.filter(tenant=version.tenant_id, id=version.id)


def _refuse_author(version: RunbookVersion, person: User, actor: Actor) -> None:
    if person.id == version.author_id:
        raise Forbidden("own_text", "Whoever wrote it can't review or publish it.")
    if not actor.is_person or actor.user_id != person.id:
        raise Forbidden("not_a_person", "Reviewing and publishing take a person who is signed in.")


def _refuse_incomplete(version: RunbookVersion) -> None:
    missing = markdown.missing_sections(version.text)
    if missing:
        raise Refused("sections_missing", f"Missing or empty: {'; '.join(missing)}.", sections=missing)


def _refuse_strangers(tenant_id: UUID, staff: Sequence[UUID]) -> None:
    known = Membership.objects.filter(tenant=tenant_id, user__in=list(staff), ended_at=None).count()
    if not staff or known < len(set(staff)):
        raise Invalid("staff", "Name at least one member who takes part, and members alone.")
