"""Adding a criterion of one's own, and retiring it."""

from collections.abc import Sequence
from datetime import date, datetime, time
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.gates.models import OwnCriterion
from apps.gates.own import queries
from apps.tenants import queries as tenants
from apps.tenants.roles import Role
from apps.workloads.policy import Sensitivity, Shape, Stage
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.reasons import given


def add_criterion(
    *,
    tenant_id: UUID,
    stage: str,
    title: str,
    intro: str,
    counts_from: date,
    by: User,
    actor: Actor,
    now: datetime,
    valid_days: int | None = None,
    shapes: Sequence[str] = (),
    sensitivities: Sequence[str] = (),
    customer_facing_only: bool = False,
) -> OwnCriterion:
    """Ask for one thing more at a stage, from midnight of a day in the tenant's zone on. Until then it is only shown.

    Raises:
        Forbidden: not a tenant admin.
        Invalid: a day before today, an unknown stage, shape or sensitivity, or no title.
    """
    _refuse_others(actor)
    zone = tenants.zone_of(tenant_id)
    if counts_from < now.astimezone(zone).date():
        raise Invalid("counts_from", "It counts from today on, or from a later day: nobody is surprised by the past.")
    _check(stage, title, intro, valid_days, shapes, sensitivities)
    if queries.rows(tenant_id).count() >= queries.MOST:
        raise Refused("too_many", f"{queries.MOST} of your own at most; retire one first.")
    made = OwnCriterion(
        tenant_id=tenant_id,
        code=_next_code(tenant_id, stage),
        stage=stage,
        title=title.strip(),
        intro=intro.strip(),
        valid_days=valid_days,
        shapes=sorted(set(shapes)),
        sensitivities=sorted(set(sensitivities)),
        customer_facing_only=customer_facing_only,
        counts_from=datetime.combine(counts_from, time(), zone),
        by=by,
        created_at=now,
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("added_meanwhile", "Somebody added one at the same time; try again.") from error
    after = {"code": made.code, "stage": stage, "title": made.title, "counts_from": made.counts_from.isoformat()}
    record(actor=actor, action="gate.criterion_added", obj=made, after=after)
    return made


def retire_criterion(*, criterion: OwnCriterion, actor: Actor, now: datetime, reason: str) -> None:
    """No gate asks for it any more; gates that were opened with it are judged again with it."""
    _refuse_others(actor)
    given(reason)
    found = OwnCriterion.objects.filter(tenant=criterion.tenant_id, id=criterion.id, retired_at=None)
    if found.update(retired_at=now):
        record(actor=actor, action="gate.criterion_retired", obj=criterion, reason=reason)


def _refuse_others(actor: Actor) -> None:
    if Role.ADMIN not in actor.roles:
        raise Forbidden("right_missing", "Criteria are set by a tenant admin.")


def _next_code(tenant_id: UUID, stage: str) -> str:
    """The stage's letter, T for tenant, and a number that was never used before: HT1, HT2 ..."""
    return f"{stage[0].upper()}T{OwnCriterion.objects.filter(tenant=tenant_id, stage=stage).count() + 1}"


def _check(
    stage: str, title: str, intro: str, valid_days: int | None, shapes: Sequence[str], sensitivities: Sequence[str]
) -> None:
    if stage not in Stage.values:
        raise Invalid("unknown_stage", f"There is no stage {stage[:40]!r}.")
    if not 1 <= len(title.strip()) <= 100 or not 1 <= len(intro.strip()) <= 500:
        raise Invalid("title", "Give it a title (100 characters at most) and say what it asks for (500 at most).")
    if valid_days is not None and not 1 <= valid_days <= 1_000:
        raise Invalid("valid_days", "Its evidence is fresh for 1 to 1,000 days, or doesn't age.")
    unknown = (set(shapes) - set(Shape.values)) | (set(sensitivities) - set(Sensitivity.values))
    if unknown:
        raise Invalid("concerns", f"Unknown: {', '.join(sorted(unknown))[:100]}.")
