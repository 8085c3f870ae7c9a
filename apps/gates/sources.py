"""Where the facts of each criterion come from: the registry, and the sources that this app has itself.

A source gets a :class:`Look` at one workload and says what it knows, or nothing. Apps above register theirs; all that
several sources need is read once. A source that breaks is an error of its own criterion and of no other (S5).
"""

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import JSONObject

from apps.approvals import queries as approvals
from apps.budgets import gates as budgets
from apps.gates import evidence
from apps.gates.criteria import BY_ID, Criterion
from apps.gates.evaluations.queries import latest_evaluations
from apps.gates.evaluations.rules import red_flags
from apps.gates.freshness import Failed, Reported
from apps.gates.models import Evaluation, Evidence
from apps.ownership import queries as ownership
from apps.ownership.alerts import queries as alerts
from apps.pricing.rules import day_of
from apps.runbooks import queries as runbooks
from apps.runbooks import volume
from apps.runbooks.models import RunbookVersion
from apps.telemetry import queries as telemetry
from apps.telemetry.queries import Totals
from apps.training import queries as training
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from portal.tenancy.together import together

log = logging.getLogger("gates")
SIGNED_EVIDENCE = "evidence"
LATELY = timedelta(days=30)


@dataclass
class Look:
    """One look at one workload at ``now``."""

    workload: Workload
    now: datetime

    @cached_property
    def newest(self) -> dict[str, Evidence]:
        """The newest evidence of each kind, in one statement."""
        return evidence.newest(self.workload)

    @cached_property
    def signed(self) -> set[UUID]:
        """Those of the newest records whose signatures count now."""
        ids = [row.id for row in self.newest.values()]
        return approvals.holding(self.workload.tenant_id, SIGNED_EVIDENCE, ids, self.now)

    @cached_property
    def imported(self) -> dict[str, Evaluation]:
        """The newest evaluation of each purpose, in one statement."""
        return latest_evaluations(self.workload)

    @cached_property
    def facts(self) -> dict[str, list[Any]]:
        """What the agent holds, who answers for it, and its cost gate, in one statement."""
        workload = self.workload
        return together(
            {
                "version": (workloads.newest_version(workload), JSONObject(tools="tools")),
                "grant": (workloads.live_grants(workload).select_related(None), JSONObject(action="action_kind")),
                "rota": (
                    ownership.answering(workload),
                    JSONObject(name="name", has_target="has_target", covered_until="covered_until"),
                ),
                "named": (ownership.named(workload), JSONObject(job="job", person="person")),
                **budgets.asked(workload),
            }
        )

    @cached_property
    def published(self) -> list[RunbookVersion]:
        """Every published version of its runbooks, those that count now first, in one statement."""
        return runbooks.published_versions(self.workload.tenant_id, self.workload.id)

    @cached_property
    def today(self) -> Totals:
        """What arrived in the last day, in one statement."""
        return telemetry.totals(self.workload.tenant_id, self.workload.id, self.now - timedelta(days=1))

    @cached_property
    def lately(self) -> "Lately":
        """The last 30 days of production, in one statement."""
        return lately(self)

    def document(self, kind: str, **more: object) -> Reported | None:
        """The newest document of a kind as facts, with what else its judge wants."""
        row = self.newest.get(kind)
        if row is None:
            return None
        authors = (row.author_id,) if row.author_id else ()
        facts = {**row.content, **more}
        return Reported(facts, row.observed_at, authors, row.id)


Source = Callable[[Look], Reported | None]
_sources: dict[str, Source] = {}


def reports(criterion_id: str) -> Callable[[Source], Source]:
    """Register the one source of a criterion."""

    def register(source: Source) -> Source:
        if criterion_id not in BY_ID or criterion_id in _sources:
            raise RuntimeError(f"{criterion_id} is no criterion, or has a source already.")
        _sources[criterion_id] = source
        return source

    return register


def has_source(criterion_id: str) -> bool:
    return criterion_id in _sources


def ask(criteria: Iterable[Criterion], look: Look) -> dict[str, Reported | Failed | None]:
    """What every criterion's source says. All in one savepoint; only if one breaks each gets its own."""
    asked = {criterion.id: _source(criterion) for criterion in criteria}
    try:
        with transaction.atomic():
            return {i: source(look) for i, source in asked.items()}
    except Exception:
        log.exception("a source broke", extra={"workload": look.workload.key})
        return {i: _ask_alone(source, look) for i, source in asked.items()}


def _source(criterion: Criterion) -> Source:
    """The registered one; a tenant's own criterion rests on its document."""
    return _plain(criterion.kind) if criterion.is_own else _sources.get(criterion.id, _silent)


def _silent(look: Look) -> Reported | None:
    return None


def _ask_alone(source: Source, look: Look) -> Reported | Failed | None:
    try:
        with transaction.atomic():
            return source(look)
    except Exception as error:
        return Failed(f"Its source broke ({type(error).__name__}); that is the portal's fault and not the owner's.")


def _plain(kind: str) -> Source:
    return lambda look: look.document(kind)


for _criterion in ("P2", "V1", "V5", "H9", "H10", "O1", "O2"):
    reports(_criterion)(_plain(BY_ID[_criterion].kind))


@reports("V2")
def _exception_matrix(look: Look) -> Reported | None:
    run = look.newest.get("stress_run")
    seen = [row["failed_into"] for row in run.content["rows"]] if run else []
    matrix = look.newest.get("exception_matrix")
    return look.document("exception_matrix", seen_modes=seen, signed=bool(matrix and matrix.id in look.signed))


@reports("V6")
def _stress_run(look: Look) -> Reported | None:
    matrix = look.newest.get("exception_matrix")
    known = [row["failure_mode"] for row in matrix.content["rows"]] if matrix else []
    return look.document("stress_run", known_modes=known)


@reports("H4")
def _records(look: Look) -> Reported | None:
    sums = look.today
    kept = look.newest.get("content_record")
    last = sums.last_at or telemetry.last_seen(look.workload.tenant_id, look.workload.id)
    if last is None:
        return None
    whole, system = sums.n - sums.usage_missing, kept.content["system"] if kept else ""
    facts = {"n": sums.n, "whole": whole, "system": system, "last": last.isoformat()}
    authors = (kept.author_id,) if kept and kept.author_id else ()
    return Reported(facts, last, authors, is_live=True)


@reports("H5")
def _permission_review(look: Look) -> Reported | None:
    row = look.newest.get("permission_review")
    if row is None:
        return None
    tools = [tool for row in look.facts["version"] for tool in row["tools"]]
    held = sorted([*tools, *(row["action"] for row in look.facts["grant"])])
    return look.document("permission_review", held=held, signed=row.id in look.signed)


@reports("P1")
def _evaluation(look: Look) -> Reported | None:
    found = look.imported.get("accuracy")
    if found is None:
        return None
    mix = look.newest.get("traffic_mix")
    facts = {**found.summary, "mix": mix.content["rows"] if mix else [], "red_flags": red_flags(found.summary)}
    return Reported(facts, found.created_at, (found.author_id,))


@reports("V3")
def _user_groups(look: Look) -> Reported | None:
    found = look.imported.get("accuracy")
    return Reported(dict(found.summary), found.created_at, (found.author_id,)) if found else None


@reports("V4")
def _shadow_run(look: Look) -> Reported | None:
    found = look.imported.get("shadow")
    return Reported(dict(found.summary), found.created_at, (found.author_id,)) if found else None


@reports("H1")
def _runbook(look: Look) -> Reported | None:
    if not look.published:
        return None
    version = look.published[0]
    why = f"{version.runbook.title}, version {version.number}."
    return Reported({"holds": True, "why": why}, version.published_at or look.now, (version.author_id,))


@reports("H3")
def _drill(look: Look) -> Reported | None:
    """The last rollback drill that passed, for as long as it counts; else what the last one fell short of."""
    tenant_id, workload_id = look.workload.tenant_id, look.workload.id
    passed = runbooks.last_passed(tenant_id, workload_id, look.published)
    if passed is not None and passed.drill.finished_at is not None:
        took = (passed.drill.finished_at - passed.drill.started_at).total_seconds()
        why = f"{took / 60:.1f} minutes on version {passed.drill.version.number} of the runbook."
        facts = {"holds": True, "why": why, "over": passed.worth.why}
        authors = (passed.drill.started_by_id,)
        return Reported(facts, passed.drill.finished_at, authors, valid_until=passed.worth.until)
    last = runbooks.last_finished(tenant_id, workload_id)
    if last is None or last.finished_at is None:
        return None
    facts = {"holds": False, "why": " ".join(last.reasons) or "It didn't pass."}
    return Reported(facts, last.finished_at, (last.started_by_id,))


@reports("H6")
def _answered_for(look: Look) -> Reported | None:
    """The team of three, and until when the rota of the workload's team has nobody missing."""
    rota, rows = next(iter(look.facts["rota"]), None), look.facts["named"]
    if rota is None and not rows:
        return None
    named: dict[str, list[str]] = {}
    for row in rows:
        named.setdefault(row["job"], []).append(row["person"])
    covered = datetime.fromisoformat(rota["covered_until"]) if rota else look.now
    facts = {
        "named": {job: sorted(people) for job, people in named.items()},
        "rota": rota["name"] if rota else "",
        "has_target": bool(rota and rota["has_target"]),
        "covered_days": round((covered - look.now) / timedelta(days=1), 3),
    }
    return Reported(facts, look.now, is_live=True)


@reports("H7")
def _hard_caps(look: Look) -> Reported | None:
    """The workload's spend cap and the ceiling of every tier, as they stand, and what they lack."""
    found, gaps = budgets.seen(look.workload, look.facts, day_of(look.now))
    cap = found.caps.get(look.workload.id)
    if cap is None:
        return None
    ceilings = found.ceilings.get(look.workload.id, {})
    rows = [
        {"tier": tier.name, "tokens": ceilings[tier.id].tokens, "pattern": ceilings[tier.id].pattern.value}
        for tier in found.tiers
        if tier.id in ceilings
    ]
    facts = {"spend_cap": f"{cap:f}", "rows": rows, "lacks": " ".join(gap.what for gap in gaps)}
    return Reported(facts, look.now, is_live=True)


@reports("H8")
def _training(look: Look) -> Reported | None:
    """The cohorts of first users, until when enough of each is trained."""
    found = training.first_users(look.workload, look.now)
    if not found.cohorts:
        return None
    rows = [
        {
            "name": each.cohort.name,
            "trained": each.coverage.trained,
            "people": each.coverage.people,
            "lapsed": each.coverage.lapsed,
            "holds": each.coverage.holds,
        }
        for each in found.cohorts
    ]
    facts = {"cohorts": rows, "untaught": found.untaught}
    last = max((each.last_at for each in found.cohorts if each.last_at), default=look.now)
    ends = [each.coverage.until for each in found.cohorts if each.coverage.until]
    return Reported(facts, last, found.takers, is_live=True, valid_until=min(ends, default=None))


@volume.measures
def _an_hour(tenant_id: UUID, workload_id: UUID, now: datetime) -> int:
    """The mean of the last week's hours, rounded up."""
    days = 7
    return math.ceil(telemetry.totals(tenant_id, workload_id, now - timedelta(days=days)).n / (days * 24))


@reports("D1")
def _production(look: Look) -> Reported | None:
    opened = evidence.opened_at(look.workload, "harden")
    if opened is None:
        return None
    sums = telemetry.totals(look.workload.tenant_id, look.workload.id, opened)
    bound = look.workload.service_level.get("error_rate")
    facts = {"n": sums.n, "errors": sums.errors, "bound": bound}
    return Reported(facts, look.now, is_live=True)


@reports("D2")
def _acknowledged(look: Look) -> Reported | None:
    """An alert, real or simulated, that somebody who was paged for it acknowledged in time."""
    found = alerts.acknowledged_in_time(look.workload)
    if found is None or found.acknowledged_at is None or found.acknowledged_by is None:
        return None
    took = (found.acknowledged_at - found.created_at).total_seconds()
    drill = "a drill" if found.is_simulated else "an alert"
    why = f"{found.acknowledged_by.name} acknowledged {drill} after {took / 60:.1f} minutes."
    return Reported({"holds": True, "why": why}, found.acknowledged_at)


@dataclass(frozen=True, slots=True)
class Lately:
    """Production over the last 30 days. ``cost`` is the mean of those that say what they cost; None if none does."""

    n: int
    cost: float | None


def lately(look: Look) -> Lately:
    sums = telemetry.totals(look.workload.tenant_id, look.workload.id, look.now - LATELY)
    return Lately(sums.n, sums.cost_sum / sums.cost_n if sums.cost_n else None)


@reports("O3")
def _improvement(look: Look) -> Reported | None:
    """The last 30 days against the recorded baseline."""
    baseline = look.newest.get("baseline")
    if baseline is None:
        return None
    facts = {
        "per_day": look.lately.n / LATELY.days,
        "cost": look.lately.cost,
        "baseline_per_day": baseline.content["per_day"],
        "baseline_cost": baseline.content["cost"],
    }
    return Reported(facts, look.now, (baseline.author_id,) if baseline.author_id else (), is_live=True)


@reports("O4")
def _reinvestment(look: Look) -> Reported | None:
    """The return on investment: what the last 30 days saved against the time before the automation."""
    journey = look.newest.get("core_journey")
    before = journey.content["cost_before"] if journey else None
    return look.document("reinvestment", n=look.lately.n, cost=look.lately.cost, cost_before=before)
