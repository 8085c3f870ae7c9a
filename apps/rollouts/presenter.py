"""What the rollout page shows: one answer first, then the picture, then each guardrail with its why."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.rollouts import statistics as stats
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout, RolloutTransition
from apps.rollouts.plan import Kind, Metric, judged
from apps.rollouts.verdict import LATENCY_SHARE, LEAST_USERS
from portal.charts import Interval, StepChart, interval, step_chart


@dataclass(frozen=True, slots=True)
class GuardrailCard:
    """One guardrail, its last verdict, and how the figure lies against its limit."""

    name: str
    rule: str
    verdict: str
    figures: dict[str, Any]
    needed: int | None
    picture: Interval | None
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


def present(rollout: Rollout, transitions: list[RolloutTransition], now: datetime) -> RolloutPage:
    current = rollout.current
    target = (current.bake if current else timedelta(0)) * (2 if rollout.extended else 1)
    return RolloutPage(
        answer=_answer(rollout, target),
        chart=_chart(rollout, transitions, now),
        cards=_cards(rollout),
        bake_seconds=min(rollout.baked, target).total_seconds(),
        bake_target=target.total_seconds(),
        waiting_for=rollout.look.get("waiting_for", []),
        detectable=_detectable(rollout) if rollout.state in {State.DRAFT, State.AWAITING_APPROVAL} else [],
    )


def _answer(rollout: Rollout, target: timedelta) -> str:
    share = f"{rollout.served.share / 100:g} %"
    if rollout.state == State.RUNNING:
        left = max(target - rollout.baked, timedelta(0)).total_seconds()
        waiting = rollout.look.get("waiting_for")
        if waiting:
            return f"At {share}, and not further: {' '.join(waiting)}"
        return f"At {share}; {left:.0f} s of observed exposure to go before the next step is judged."
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


def _chart(rollout: Rollout, transitions: list[RolloutTransition], now: datetime) -> StepChart | None:
    words = {State.HELD: "held", State.ROLLING_BACK: "rolled back"}
    steps = [
        (t.created_at, t.share, words.get(State(t.after), ""))
        for t in transitions
        if t.after not in {State.AWAITING_APPROVAL, State.CANCELLED}
    ]
    ended = rollout.state in {State.ROLLED_BACK, State.CANCELLED} and transitions
    return step_chart(steps, transitions[-1].created_at if ended else now)


def _cards(rollout: Rollout) -> list[GuardrailCard]:
    seen = {(j["metric"], j["kind"]): j for j in rollout.look.get("judgements", [])}
    share = rollout.current.share if rollout.current else 0
    now_judged = judged(rollout.guardrails, share)
    cards = []
    for guardrail in rollout.guardrails:
        found = seen.get((guardrail.metric, guardrail.kind), {})
        figures = found.get("figures", {})
        limit = figures.get("threshold", figures.get("limit"))
        cards.append(
            GuardrailCard(
                name=guardrail.metric.replace("_", " "),
                rule=_rule(guardrail.metric, guardrail.kind, guardrail.limit),
                verdict=found.get("verdict", "no_data") if guardrail in now_judged else "not_judged",
                figures=figures,
                needed=found.get("needed"),
                picture=interval(figures.get("value"), figures.get("low"), figures.get("high"), limit),
                unit=_unit(guardrail.metric),
            )
        )
    return cards


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
