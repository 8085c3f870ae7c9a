"""The exit criteria of the five stages as one table, and how each is judged (domain, section 3). Pure.

A judge turns facts (plain JSON, as they are stored) and limits into a finding, so that an opened gate can be judged
again from what was stored with it (STAGE-5). Where the facts come from stands in :mod:`apps.gates.sources`; a criterion
without a source reads *not reported* and keeps its gate closed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from apps.gates.evaluations import rules as evaluations
from apps.ownership import rules as ownership
from apps.workloads.policy import Stage

Facts = Mapping[str, Any]
Limits = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a criterion holds, and why, with its figures, in one sentence."""

    holds: bool
    why: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold that a tenant may tighten: to more if ``more`` is stricter, else to less."""

    name: str
    label: str
    value: float
    more: bool = True

    def is_looser(self, value: float) -> bool:
        return value < self.value if self.more else value > self.value


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a workload that decides whether a criterion concerns it."""

    shape: str
    sensitivity: str
    customer_facing: bool


@dataclass(frozen=True, slots=True)
class Concerns:
    """Which workloads a criterion concerns: a rule over what they are, never a tick that somebody sets."""

    shapes: tuple[str, ...] = ()
    sensitivities: tuple[str, ...] = ()
    customer_facing_only: bool = False

    def why_not(self, traits: Traits) -> str:
        if self.shapes and traits.shape not in self.shapes:
            return f"It concerns {', '.join(self.shapes)}; this is {traits.shape}."
        if self.sensitivities and traits.sensitivity not in self.sensitivities:
            return f"It concerns {', '.join(self.sensitivities)} data; this has {traits.sensitivity}."
        if self.customer_facing_only and not traits.customer_facing:
            return "It concerns what customers meet; this they don't."
        return ""


EVERYBODY = Concerns()


@dataclass(frozen=True, slots=True)
class Criterion:
    """One binary exit criterion. ``kind`` names its evidence; ``valid_for`` None never ages; Harden has no waiver.

    A tenant's own have ``is_own``, may concern some workloads only, and count from an instant on.
    """

    id: str
    stage: Stage
    title: str
    kind: str
    judge: Callable[[Facts, Limits], Finding]
    valid_for: timedelta | None = None
    limits: tuple[Limit, ...] = field(default=())
    is_own: bool = False
    concerns: Concerns = EVERYBODY
    counts_from: datetime | None = None

    @property
    def is_waivable(self) -> bool:
        return self.stage is not Stage.HARDEN


def _held(holds: bool, good: str, bad: str) -> Finding:
    return Finding(holds, good if holds else bad)


def judge_given(facts: Facts, limits: Limits) -> Finding:
    """For sources that judge themselves, from rules of their own: ``holds`` and ``why`` as they said."""
    return Finding(bool(facts["holds"]), str(facts["why"]))


def judge_own(facts: Facts, limits: Limits) -> Finding:
    """A tenant's own criterion: somebody says whether it holds, and what shows it."""
    return Finding(facts["holds"], facts["shown_by"])


def judge_pilot(facts: Facts, limits: Limits) -> Finding:
    return Finding(*evaluations.pilot(facts, limits))


def judge_groups(facts: Facts, limits: Limits) -> Finding:
    return Finding(*evaluations.groups(facts, limits))


def judge_shadow(facts: Facts, limits: Limits) -> Finding:
    return Finding(*evaluations.shadow(facts, limits))


def judge_core_journey(facts: Facts, limits: Limits) -> Finding:
    n = len(facts["rows"])
    return Finding(True, f"One journey with {n} KPI{'s' if n > 1 else ''}, its cost and its time from before.")


def judge_edge_cases(facts: Facts, limits: Limits) -> Finding:
    rows, least = facts["rows"], int(limits["cases"])
    failed = [row["case"] for row in rows if not row["handled"]]
    if len(rows) < least:
        return Finding(False, f"{len(rows)} cases are listed; list the {least} most important.")
    return _held(not failed, f"All {len(rows)} cases are handled.", f"Not handled: {'; '.join(failed)}.")


def judge_exception_matrix(facts: Facts, limits: Limits) -> Finding:
    listed = {_name(row["failure_mode"]) for row in facts["rows"]}
    missing = [mode for mode in facts["seen_modes"] if _name(mode) not in listed]
    if missing:
        return Finding(False, f"Not in the matrix: {'; '.join(missing)}.")
    if not facts["signed"]:
        return Finding(False, "The matrix isn't signed.")
    return Finding(True, f"{len(listed)} failure modes, each with a path to a human; signed.")


def judge_stakeholder_seat(facts: Facts, limits: Limits) -> Finding:
    return Finding(
        True, f"{facts['representative']} speaks for {facts['represents']} and agreed on {facts['agreed_on']}."
    )


def judge_stress_run(facts: Facts, limits: Limits) -> Finding:
    known = {_name(mode) for mode in facts["known_modes"]}
    stray = [row["input"] for row in facts["rows"] if _name(row["failed_into"]) not in known]
    kinds = {row["what"] for row in facts["rows"]}
    if kinds != {"broken", "incomplete"}:
        return Finding(False, "Run it with broken and with incomplete inputs.")
    return _held(
        not stray,
        f"{len(facts['rows'])} inputs, each failed into a known mode.",
        f"Failed into a mode that the exception matrix doesn't know: {'; '.join(stray)}.",
    )


def judge_records(facts: Facts, limits: Limits) -> Finding:
    """H4: records arrive, with model, input, output and latency, and the text is kept somewhere."""
    n, whole = facts["n"], facts["whole"]
    if not n:
        return Finding(False, f"No record has arrived within 24 hours; the last one came {facts['last'][:16]} UTC.")
    if whole < n:
        return Finding(False, f"{n - whole} of {n} records lack their model or their token counts.")
    return _held(
        bool(facts["system"]),
        f"{n} records within 24 hours, all with model, input, output and latency; text in {facts['system']}.",
        "Only counts are stored here: name the system of record that holds the text.",
    )


def judge_permission_review(facts: Facts, limits: Limits) -> Finding:
    listed = {_name(row["permission"]) for row in facts["rows"]}
    missing = [name for name in facts["held"] if _name(name) not in listed]
    unneeded = [row["permission"] for row in facts["rows"] if not row["needed"]]
    if missing:
        return Finding(False, f"Held and not reviewed: {', '.join(missing)}.")
    if unneeded:
        return Finding(False, f"Not needed, so take it away first: {', '.join(unneeded)}.")
    return _held(bool(facts["signed"]), f"{len(listed)} permissions, each needed; signed.", "The review isn't signed.")


def judge_answered_for(facts: Facts, limits: Limits) -> Finding:
    """H6: three jobs with somebody each, and a rota without a gap for a month."""
    found = ownership.shortcomings(facts)
    good = f"Three jobs, {facts['rota']} covered for {int(facts['covered_days'])} days."
    return Finding(not found, " ".join(found) or good)


def judge_cost_gate(facts: Facts, limits: Limits) -> Finding:
    """H7: a spend cap, and a ceiling for every tier with what is permitted there (COST-9)."""
    shown = "; ".join(f"{row['tier']} {row['tokens']:,} tokens, {row['pattern']}" for row in facts["rows"])
    good = f"At most {facts['spend_cap']} USD a month; a user's month: {shown}."
    return _held(not facts["lacks"], good, str(facts["lacks"]))


def judge_training(facts: Facts, limits: Limits) -> Finding:
    """H8: all that informed trust takes is taught, and every cohort of first users is trained to its threshold."""
    if facts["untaught"]:
        return Finding(False, f"Not taught yet: {'; '.join(facts['untaught']).lower()}.")
    shown = "; ".join(
        f"{row['name']} {row['trained']} of {row['people']}" + (f", {row['lapsed']} ran out" if row["lapsed"] else "")
        for row in facts["cohorts"]
    )
    short = [row["name"] for row in facts["cohorts"] if not row["holds"]]
    return _held(not short, f"Trained: {shown}.", f"Too few are trained in {', '.join(short)}: {shown}.")


def judge_data_path(facts: Facts, limits: Limits) -> Finding:
    bad = [row["system"] for row in facts["rows"] if row["by_hand"] or not row["secured"]]
    return _held(
        not bad,
        f"{len(facts['rows'])} systems, all through secured interfaces.",
        f"By hand or unsecured: {', '.join(bad)}.",
    )


def judge_load_run(facts: Facts, limits: Limits) -> Finding:
    reached, wanted = facts["reached_peak"], facts["forecast_peak"]
    if facts["error_share"] > limits["errors"]:
        return Finding(False, f"{facts['error_share']:.1%} of the run failed; {limits['errors']:.1%} is the limit.")
    return _held(
        reached >= wanted, f"{reached:g} at once; {wanted:g} are forecast.", f"Only {reached:g} of {wanted:g} at once."
    )


def judge_production(facts: Facts, limits: Limits) -> Finding:
    """D1: enough real transactions, and errors within bounds."""
    n, errors, least = facts["n"], facts["errors"], int(limits["transactions"])
    bound = min(limits["errors"], facts.get("bound") or 1)
    if n < least:
        return Finding(False, f"{n} production transactions; {least} are wanted.")
    share = errors / n
    return _held(
        share <= bound,
        f"{n} production transactions, {share:.2%} errors (at most {bound:.2%}).",
        f"{share:.2%} of {n} production transactions failed; {bound:.2%} is the limit.",
    )


def judge_baseline(facts: Facts, limits: Limits) -> Finding:
    return Finding(True, f"{facts['per_day']:g} a day at {facts['cost']:g} each, {facts['accuracy']:.1%} right.")


def judge_ninety_day_plan(facts: Facts, limits: Limits) -> Finding:
    missing = {"accuracy", "throughput", "cost per transaction"} - {row["metric"] for row in facts["rows"]}
    return _held(not missing, "Targets for all three.", f"No target for {', '.join(sorted(missing))}.")


def judge_improvement(facts: Facts, limits: Limits) -> Finding:
    """O3: at least a fifth better than the baseline, in throughput or in cost per transaction."""
    wanted = limits["better"]
    faster = facts["per_day"] / facts["baseline_per_day"] - 1 if facts["baseline_per_day"] else 0.0
    known = facts["cost"] is not None and facts["baseline_cost"]
    cheaper = 1 - facts["cost"] / facts["baseline_cost"] if known else 0.0
    figures = f"Throughput {faster:+.0%}, cost per transaction {-cheaper:+.0%} against the baseline"
    # Rounded, so that a fifth is a fifth whatever the last bit of a float says.
    return _held(round(max(faster, cheaper), 9) >= wanted, f"{figures}.", f"{figures}; {wanted:.0%} better is wanted.")


def judge_reinvestment(facts: Facts, limits: Limits) -> Finding:
    """O4: what is saved is measured against the time before the automation, and somebody says where it goes."""
    now, before, n = facts["cost"], facts["cost_before"], facts["n"]
    if before is None:
        return Finding(
            False, "What a transaction cost before the automation isn't written down; record the core journey."
        )
    if now is None:
        return Finding(False, "No record of the last 30 days says what it cost, so nothing can be said to be saved.")
    saved = n * (before - now)
    figures = f"{n} transactions in 30 days at {now:.4g} each instead of {before:g}"
    if saved <= 0:
        return Finding(False, f"{figures}: nothing is saved.")
    return Finding(True, f"{figures}: {saved:,.0f} saved, spent on: {facts['spent_on']}")


def _name(text: str) -> str:
    return " ".join(text.lower().split())


_DAY = timedelta(days=1)
_HALF_YEAR, _QUARTER = 180 * _DAY, 90 * _DAY

CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        "P1",
        Stage.PILOT,
        "Accurate on 200 real, representative inputs",
        "evaluation",
        judge_pilot,
        limits=(
            Limit("accuracy", "Accuracy at least", 0.95),
            Limit("inputs", "Distinct real inputs", 200),
            Limit("days", "Working days", 5),
        ),
    ),
    Criterion("P2", Stage.PILOT, "One core journey and its KPIs", "core_journey", judge_core_journey),
    Criterion(
        "V1",
        Stage.VALIDATE,
        "The ten most important edge cases are handled",
        "edge_cases",
        judge_edge_cases,
        _HALF_YEAR,
        (Limit("cases", "Cases", 10),),
    ),
    Criterion(
        "V2",
        Stage.VALIDATE,
        "Every failure mode has a path to a human, signed",
        "exception_matrix",
        judge_exception_matrix,
        _HALF_YEAR,
    ),
    Criterion(
        "V3",
        Stage.VALIDATE,
        "It holds in two user groups",
        "user_groups",
        judge_groups,
        limits=(
            Limit("accuracy", "Accuracy at least", 0.95),
            Limit("inputs", "Real inputs of each group", 50),
            Limit("groups", "User groups", 2),
        ),
    ),
    Criterion(
        "V4",
        Stage.VALIDATE,
        "A shadow run agrees with the manual process",
        "shadow_run",
        judge_shadow,
        limits=(Limit("units", "Units", 200), Limit("agreement", "Agreement at least", 0.9)),
    ),
    Criterion(
        "V5",
        Stage.VALIDATE,
        "Those whose work changes have a seat",
        "stakeholder_seat",
        judge_stakeholder_seat,
        365 * _DAY,
    ),
    Criterion("V6", Stage.VALIDATE, "Broken inputs fail into known modes", "stress_run", judge_stress_run, _HALF_YEAR),
    Criterion("H1", Stage.HARDEN, "A published runbook", "runbook", judge_given),
    Criterion("H2", Stage.HARDEN, "Alert rules on latency and errors, each test-fired", "alert_rules", judge_given),
    Criterion("H3", Stage.HARDEN, "A rollback drill in under 15 minutes", "drill", judge_given),
    Criterion("H4", Stage.HARDEN, "Whole records arrive, and the text is kept", "records", judge_records, _DAY),
    Criterion(
        "H5",
        Stage.HARDEN,
        "Every permission is listed, needed and signed",
        "permission_review",
        judge_permission_review,
        _QUARTER,
    ),
    Criterion("H6", Stage.HARDEN, "A team of three and a rota without gaps", "rota", judge_answered_for),
    Criterion("H7", Stage.HARDEN, "Hard caps are set", "cost_gate", judge_cost_gate),
    Criterion("H8", Stage.HARDEN, "First users are trained", "training", judge_training),
    Criterion("H9", Stage.HARDEN, "Data arrives through secured interfaces", "data_path", judge_data_path, _HALF_YEAR),
    Criterion(
        "H10",
        Stage.HARDEN,
        "A load run at the forecast peak",
        "load_run",
        judge_load_run,
        _HALF_YEAR,
        (Limit("errors", "Share of errors at most", 0.05, more=False),),
    ),
    Criterion(
        "D1",
        Stage.DEPLOY,
        "1,000 production transactions within bounds",
        "production",
        judge_production,
        limits=(
            Limit("transactions", "Transactions", 1_000),
            Limit("errors", "Share of errors at most", 0.05, more=False),
        ),
    ),
    Criterion("D2", Stage.DEPLOY, "Somebody who was paged acknowledged in time", "acknowledged", judge_given),
    Criterion("D3", Stage.DEPLOY, "The whole volume for 7 days without a breach", "whole_volume", judge_given),
    Criterion("O1", Stage.OPTIMIZE, "The baseline is recorded", "baseline", judge_baseline),
    Criterion(
        "O2", Stage.OPTIMIZE, "A 90-day plan with three targets", "ninety_day_plan", judge_ninety_day_plan, _QUARTER
    ),
    Criterion(
        "O3",
        Stage.OPTIMIZE,
        "A fifth better than the baseline",
        "improvement",
        judge_improvement,
        limits=(Limit("better", "Better by, as a share", 0.2),),
    ),
    Criterion("O4", Stage.OPTIMIZE, "Where the savings are reinvested", "reinvestment", judge_reinvestment),
)
BY_ID: dict[str, Criterion] = {criterion.id: criterion for criterion in CRITERIA}
ORDER: tuple[Stage, ...] = (Stage.PILOT, Stage.VALIDATE, Stage.HARDEN, Stage.DEPLOY, Stage.OPTIMIZE)


def of_stage(stage: str) -> tuple[Criterion, ...]:
    return tuple(criterion for criterion in CRITERIA if criterion.stage == stage)


def after(stage: str) -> Stage | None:
    """The stage that an opened gate leads to; Optimize is the last."""
    place = ORDER.index(Stage(stage)) + 1
    return ORDER[place] if place < len(ORDER) else None


def limits_of(criterion: Criterion, tightened: Mapping[str, float]) -> dict[str, float]:
    """The thresholds in force: the default, or the tenant's tighter one."""
    return {limit.name: tightened.get(limit.name, limit.value) for limit in criterion.limits}


def definition(criterion: Criterion) -> dict[str, Any]:
    """A tenant's own criterion as JSON, kept with what was decided by it."""
    concerns = criterion.concerns
    return {
        "title": criterion.title,
        "stage": criterion.stage.value,
        "kind": criterion.kind,
        "valid_days": criterion.valid_for.days if criterion.valid_for else None,
        "shapes": list(concerns.shapes),
        "sensitivities": list(concerns.sensitivities),
        "customer_facing_only": concerns.customer_facing_only,
        "counts_from": criterion.counts_from.isoformat() if criterion.counts_from else None,
    }


def defined(code: str, kept: Mapping[str, Any]) -> Criterion:
    """The other way round."""
    return Criterion(
        code,
        Stage(kept["stage"]),
        kept["title"],
        kept["kind"],
        judge_own,
        timedelta(days=kept["valid_days"]) if kept["valid_days"] else None,
        is_own=True,
        concerns=Concerns(tuple(kept["shapes"]), tuple(kept["sensitivities"]), kept["customer_facing_only"]),
        counts_from=datetime.fromisoformat(kept["counts_from"]) if kept["counts_from"] else None,
    )
