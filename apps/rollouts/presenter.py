"""What the rollout page shows: one answer first, then the picture, then each guardrail with its why."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from apps.rollouts import statistics as stats
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout, RolloutTransition
from apps.rollouts.plan import GuardrailPlan, Kind, Metric, judged
from apps.rollouts.verdict import LATENCY_SHARE, LEAST_USERS
from portal.charts import (
    PERCENT,
    PLAIN,
    Limit,
    Point,
    Series,
    SeriesChart,
    Step,
    StepChart,
    series_chart,
    step_chart,
)
from portal.templatetags.causeway import seconds


@dataclass(frozen=True, slots=True)
class GuardrailCard:
    """One guardrail, its last verdict, and how the figure lies against its limit."""

    name: str
    rule: str
    verdict: str
    figures: dict[str, Any]
    needed: int | None
    chart: SeriesChart | None
    unit: str


@dataclass(frozen=True, slots=True)
class RolloutPage:
    answer: str
    chart: StepChart | None
    cards: list[GuardrailCard]
    bake_seconds: float
    bake_target: float
    waiting_for: list[str]
    detectable: list[str]


def present(rollout: Rollout, transitions: list[RolloutTransition], now: datetime, zone: tzinfo) -> RolloutPage:
    """``zone`` is the reader's, for the charts."""
    current = rollout.current
    target = (current.bake if current else timedelta(0)) * (2 if rollout.extended else 1)
    return RolloutPage(
        answer=_answer(rollout, target),
        chart=_chart(rollout, transitions, now, zone),
        cards=_cards(rollout, transitions, zone),
        bake_seconds=min(rollout.baked, target).total_seconds(),
        bake_target=target.total_seconds(),
        waiting_for=rollout.look.get("waiting_for", []),
        detectable=_detectable(rollout) if rollout.state in {State.DRAFT, State.AWAITING_APPROVAL} else [],
    )


def _answer(rollout: Rollout, target: timedelta) -> str:
    share = f"{rollout.served.share / 100:g} %"
    if rollout.state == State.RUNNING:
        left = seconds(max(target - rollout.baked, timedelta(0)).total_seconds())
        waiting = rollout.look.get("waiting_for")
        if waiting:
            return f"At {share}, and not further: {' '.join(waiting)}"
        return f"At {share}; {left} of observed exposure to go before the next step is judged."
    return {
        State.DRAFT: "A draft. Submit it for approval when the plan is right.",
        State.AWAITING_APPROVAL: "Approved; its owner can start it."
        if rollout.approval_id
        else "Waits for signatures; neither its author nor the workload's owner can sign.",
        State.HELD: f"Held at {share}: {rollout.note}",
        State.ROLLING_BACK: f"Rolling back: {rollout.note} Nobody gets the agent; the proof is being read back.",
        State.ROLLED_BACK: f"Rolled back: {rollout.note}",
        State.COMPLETED: "Completed: everybody is on this version, and the brakes stay on for a day.",
        State.CANCELLED: "Cancelled before it started.",
    }[State(rollout.state)]


def _chart(rollout: Rollout, transitions: list[RolloutTransition], now: datetime, zone: tzinfo) -> StepChart | None:
    broke = {State.HELD: "held", State.ROLLING_BACK: "rolled back"}
    steps = [
        Step(t.created_at, t.share, broke.get(State(t.after), ""), f"{t.after.replace('_', ' ')}: {t.reason}")
        for t in transitions
        if t.after not in {State.AWAITING_APPROVAL, State.CANCELLED}
    ]
    ended = rollout.state in {State.ROLLED_BACK, State.CANCELLED} and transitions
    until = transitions[-1].created_at if ended else now
    return step_chart("Share of units served by the agent", steps, until=until, zone=zone) if steps else None


def _cards(rollout: Rollout, transitions: list[RolloutTransition], zone: tzinfo) -> list[GuardrailCard]:
    looks = _looks(rollout, transitions)
    share = rollout.current.share if rollout.current else 0
    now_judged = judged(rollout.guardrails, share)
    cards = []
    for guardrail in rollout.guardrails:
        past = [(at, found) for at, look in looks if (found := look.get((guardrail.metric, guardrail.kind)))]
        found = _judgements(rollout.look).get((guardrail.metric, guardrail.kind), {})
        cards.append(
            GuardrailCard(
                name=guardrail.metric.replace("_", " "),
                rule=_rule(guardrail.metric, guardrail.kind, guardrail.limit),
                verdict=found.get("verdict", "no_data") if guardrail in now_judged else "not_judged",
                figures=found.get("figures", {}),
                needed=found.get("needed"),
                chart=_band(guardrail, past, zone),
                unit=_unit(guardrail.metric),
            )
        )
    return cards


Look = dict[tuple[str, str], dict[str, Any]]


def _looks(rollout: Rollout, transitions: list[RolloutTransition]) -> list[tuple[datetime, Look]]:
    """What was seen at each move and at the last look, oldest first."""
    found = [(t.created_at, _judgements(t.figures)) for t in transitions]
    return [*found, (rollout.looked_at, _judgements(rollout.look))] if rollout.looked_at else found


def _judgements(look: dict[str, Any]) -> Look:
    """By metric and kind. A move that one guardrail alone decided holds that one's judgement."""
    found = look.get("judgements", [look] if "metric" in look else [])
    return {(judgement["metric"], judgement["kind"]): judgement for judgement in found}


def _band(guardrail: GuardrailPlan, past: list[tuple[datetime, dict[str, Any]]], zone: tzinfo) -> SeriesChart | None:
    """The figure with its interval against its limit, at each move and now. A count of what may never be has none."""
    metric = guardrail.metric
    seen = [(at, found["figures"]) for at, found in dict(past).items() if "value" in found.get("figures", {})]
    if not seen or metric is Metric.UNAUTHORISED:
        return None
    limits = _limits(guardrail, [figures for _, figures in seen])
    # One that is relative moves with the control arm.
    moved = limits if len(set(limits)) > 1 else [None] * len(limits)
    points = [
        Point(at, figures["value"], figures.get("low"), figures.get("high"), limit)
        for (at, figures), limit in zip(seen, moved, strict=True)
    ]
    title = f"{metric.replace('_', ' ')} with its interval against the limit"
    name = "share over the limit" if metric is Metric.LATENCY_P95 else metric.replace("_", " ")
    unit = PLAIN if metric is Metric.COST else PERCENT
    bound = Limit(limits[-1]) if limits[-1] is not None else None
    return series_chart(title, [Series(name, points)], zone=zone, unit=unit, limit=bound, height=96)


def _limits(guardrail: GuardrailPlan, looks: list[dict[str, Any]]) -> list[float | None]:
    """The limit at each look. Of a mean against the control arm's ``limit`` is how many times it, so while too little
    was seen to know the control arm's the last one that was known counts.
    """
    is_ratio = guardrail.metric is Metric.COST and guardrail.kind is Kind.RELATIVE
    limits: list[float | None] = []
    for figures in looks:
        known = limits[-1] if limits else None
        limits.append(figures.get("threshold", known if is_ratio else figures.get("limit")))
    return limits


def _rule(metric: Metric, kind: Kind, limit: float) -> str:
    if kind is Kind.RELATIVE:
        return f"at most {limit:g} times the control arm"
    if metric is Metric.UNAUTHORISED:
        return "none at all"
    if metric is Metric.LATENCY_P95:
        return f"at most {limit:g} ms"
    return f"at most {limit:g} a transaction" if metric is Metric.COST else f"at most {limit * 100:g} %"


def _unit(metric: Metric) -> str:
    return {Metric.COST: "money", Metric.LATENCY_P95: "share over the limit", Metric.UNAUTHORISED: "count"}.get(
        metric, "rate"
    )


def _detectable(rollout: Rollout) -> list[str]:
    """Before the start: the smallest change that each rate's tripwire finds within the first phase's minimum."""
    alpha = stats.split_alpha(len(rollout.guardrails), len(rollout.phases))
    n = rollout.phases[0].min_transactions
    lines = []
    for guardrail in rollout.guardrails:
        if guardrail.kind is Kind.RELATIVE or guardrail.metric in {Metric.COST, Metric.UNAUTHORISED}:
            continue
        limit = LATENCY_SHARE if guardrail.metric is Metric.LATENCY_P95 else guardrail.limit
        in_users = guardrail.metric is Metric.TRUST
        within = min(n, LEAST_USERS) if in_users else n
        found = stats.detectable_rate(limit, within, alpha)
        shown = f"{found * 100:.3g} % or more" if found else "nothing"
        counted = "users" if in_users else "transactions"
        lines.append(f"{guardrail.metric.replace('_', ' ')}: {shown} within {within} {counted} (power 0.8)")
    return lines
