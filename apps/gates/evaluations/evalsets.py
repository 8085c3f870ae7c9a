"""A workload's eval set, and whether a new version may be rolled out on what its run shows (WORK-5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from apps.accounts.models import User
from apps.audit.actions import record
from apps.gates.evaluations.comparison import MOST_MARGIN, Comparison
from apps.gates.models import EvalSet, Evaluation, Purpose
from apps.tenants.queries import membership
from apps.workloads.models import AgentVersion, Workload
from apps.workloads.policy import Stage
from portal.actor import Actor
from portal.errors import Invalid

# From here on a new version has to show itself on the eval set first.
ASKED_IN = frozenset({Stage.DEPLOY, Stage.OPTIMIZE})
# An input counts as right if it was right every time it was seen.
_COMPARE = """
with old as (
    select input_digest, bool_and(outcome) as is_right from gates_evaluationrow
    where tenant_id = %(tenant)s and evaluation_id = %(old)s group by input_digest
), new as (
    select input_digest, bool_and(outcome) as is_right from gates_evaluationrow
    where tenant_id = %(tenant)s and evaluation_id = %(new)s group by input_digest
)
select count(*) filter (where new.input_digest is not null),
    count(*) filter (where new.input_digest is not null and old.is_right),
    count(*) filter (where new.is_right),
    count(*) filter (where new.is_right and not old.is_right),
    count(*) filter (where old.is_right and not new.is_right),
    count(*) filter (where new.input_digest is null)
from old left join new using (input_digest)
"""


def eval_set(workload: Workload) -> EvalSet | None:
    rows = EvalSet.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("owner").first()


def set_eval_set(
    *, workload: Workload, name: str, owner: User, margin: float, fresh_days: int, actor: Actor, reason: str
) -> EvalSet:
    """Name the set of inputs, who keeps it, and how much worse a version may be on it.

    Raises:
        Invalid: a margin over a tenth, a freshness beyond 90 days, a stranger as its owner, or no reason.
    """
    if not 1 <= len(name.strip()) <= 100 or not reason.strip():
        raise Invalid("name", "Give the eval set a name, and say why in a few words.")
    if not 0 <= margin <= MOST_MARGIN:
        raise Invalid("margin", f"The margin is a share from 0 to {MOST_MARGIN}.")
    if not 1 <= fresh_days <= 90:
        raise Invalid("fresh_days", "A run is fresh for 1 to 90 days.")
    if membership(workload.tenant_id, owner.id) is None:
        raise Invalid("not_a_member", "Its owner has to be a member of this tenant.")
    before = eval_set(workload)
    made, _ = EvalSet.objects.update_or_create(
        tenant_id=workload.tenant_id,
        workload=workload,
        defaults={"name": name.strip(), "owner": owner, "margin": margin, "fresh_days": fresh_days},
    )
    after = {"name": made.name, "owner": owner.email, "margin": margin, "fresh_days": fresh_days}
    was = {"name": before.name, "margin": before.margin, "fresh_days": before.fresh_days} if before else None
    record(actor=actor, action="eval_set.set", obj=made, before=was, after=after, reason=reason)
    return made


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a version may be rolled out, and what it was held against. ``why`` is empty if it may."""

    why: str
    version: AgentVersion
    predecessor: AgentVersion | None = None
    run: Evaluation | None = None
    comparison: Comparison | None = None


def verdict(workload: Workload, version: AgentVersion, now: datetime) -> Verdict:
    """A fresh run of the version on the eval set, not worse than the serving version's beyond the margin (WORK-5).

    Asked of workloads in Deploy or later; without a version that serves there is nothing to be worse than.
    """
    if workload.stage not in ASKED_IN:
        return Verdict("", version)
    kept = eval_set(workload)
    if kept is None:
        return Verdict("Name the workload's eval set first.", version)
    predecessor = workload.serving_version if workload.serving_version_id != version.id else None
    run = _run(version)
    if run is None or now >= run.created_at + timedelta(days=kept.fresh_days):
        age = f" of the last {kept.fresh_days} days" if run else ""
        return Verdict(
            f"Version {version.label} has no run{age} on the eval set {kept.name}.", version, predecessor, run
        )
    if predecessor is None:
        return Verdict("", version, None, run)
    old = _run(predecessor)
    if old is None:
        why = f"Version {predecessor.label}, which serves, has no run on the eval set {kept.name} to compare with."
        return Verdict(why, version, predecessor, run)
    found = compare(old, run)
    return Verdict(found.shortcoming(kept.margin), version, predecessor, run, found)


def compare(old: Evaluation, new: Evaluation) -> Comparison:
    """The two runs input by input, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, {"tenant": new.tenant_id, "old": old.id, "new": new.id})
        counts = cursor.fetchone()
    return Comparison(*counts)


def _run(version: AgentVersion) -> Evaluation | None:
    rows = Evaluation.objects.filter(tenant=version.tenant_id, version=version.id, purpose=Purpose.EVAL_SET)
    return rows.order_by("-created_at", "-id").first()


@dataclass(frozen=True, slots=True)
class Run:
    """A version's newest run on the eval set, and how it compares with the serving version's."""

    evaluation: Evaluation
    comparison: Comparison | None
    shortcoming: str


def against_serving(workload: Workload, limit: int) -> list[Run]:
    """The newest runs, one a version; each but the serving version's own is held against that one."""
    rows = Evaluation.objects.filter(tenant=workload.tenant_id, workload=workload.id, purpose=Purpose.EVAL_SET)
    newest = rows.order_by("version", "-created_at", "-id").distinct("version").select_related("version", "author")
    runs = sorted(newest, key=lambda run: run.created_at, reverse=True)[:limit]
    serving = next((run for run in runs if run.version_id == workload.serving_version_id), None)
    kept = eval_set(workload)
    margin = kept.margin if kept else 0.0
    return [_held_against(run, serving, margin) for run in runs]


def _held_against(run: Evaluation, serving: Evaluation | None, margin: float) -> Run:
    if serving is None or serving.id == run.id:
        return Run(run, None, "")
    found = compare(serving, run)
    return Run(run, found, found.shortcoming(margin))
