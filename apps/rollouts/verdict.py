"""Guardrails to verdicts, verdicts to effects (ROLL-5, ROLL-6). Pure.

Each guardrail gets one verdict; the run's verdict is the first that is present of *breach, unhealthy, error, no
data, insufficient data, inconclusive, pass*. Only a pass on every guardrail advances, only a breach rolls back, and
missing evidence is never a pass. ``docs/guardrails.md`` shows the table of effects; each cell is a test.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from apps.rollouts import statistics as stats
from apps.rollouts.plan import GuardrailPlan, Kind, Metric, OnBreach
from apps.telemetry import histogram

LATENCY_SHARE = 0.05
BLIND_HIGH = timedelta(minutes=30)
BLIND_LOW = timedelta(hours=4)
HIGH_SHARE = 2_500


class Verdict(StrEnum):
    """In the order in which they decide."""

    BREACH = "breach"
    UNHEALTHY = "unhealthy"
    ERROR = "error"
    NO_DATA = "no_data"
    INSUFFICIENT = "insufficient_data"
    INCONCLUSIVE = "inconclusive"
    PASS = "pass"  # noqa: S105  (a verdict, not a password)


ORDER = {verdict: place for place, verdict in enumerate(Verdict)}

# A relative limit on a rate is not about a few in a thousand: twice a control that makes no errors would be none.
RATE_TOLERANCE = 0.005
_NO_COST = stats.Mean()


@dataclass(frozen=True, slots=True)
class Figures:
    """One arm's sums since the phase began. Unknown costs and unjudged answers count in no denominator."""

    n: int = 0
    errors: int = 0
    judged: int = 0
    flagged: int = 0
    overridden: int = 0
    unauthorised: int = 0
    cost: stats.Mean = _NO_COST
    latency: tuple[int, ...] = ()

    def rate(self, metric: Metric) -> tuple[int, int]:
        """Events and trials of a rate."""
        if metric is Metric.VALIDATOR_FLAGS:
            return self.flagged, self.judged
        return (self.overridden if metric is Metric.OVERRIDES else self.errors), self.n


@dataclass(frozen=True, slots=True)
class Judgement:
    """One guardrail's verdict with the figures it was made from."""

    guardrail: GuardrailPlan
    verdict: Verdict
    figures: dict[str, Any] = field(default_factory=dict)
    needed: int | None = None
    both_arms: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The verdict of one look, with every guardrail's. ``provider`` is set when both arms broke a limit together."""

    verdict: Verdict
    judgements: tuple[Judgement, ...]
    provider: bool = False

    @property
    def decisive(self) -> Judgement | None:
        """The judgement that made the verdict: of breaches, first one that rolls back."""
        found = [j for j in self.judgements if j.verdict is self.verdict]
        return next((j for j in found if j.guardrail.on_breach is OnBreach.ROLL_BACK), found[0] if found else None)


def judge(guardrail: GuardrailPlan, agent: Figures, control: Figures, *, alpha: float, least: int) -> Judgement:
    """Judge one guardrail on the figures of a phase; ``least`` is the phase's minimum number of transactions."""
    if guardrail.metric is Metric.UNAUTHORISED:
        return _judge_unauthorised(guardrail, agent)
    if guardrail.kind is Kind.RELATIVE:
        return _judge_relative(guardrail, agent, control, alpha, least)
    return _judge_absolute(guardrail, agent, control, alpha, least)


def run(
    guardrails: Sequence[GuardrailPlan],
    agent: Figures,
    control: Figures,
    *,
    alpha: float,
    least: int,
    split: tuple[int, int, int] | None = None,
    failed: str = "",
) -> Run:
    """All guardrails at one look. ``split`` is units in the agent's arm, in control, in both; ``failed`` says why the
    figures could not be read.
    """
    if failed or not guardrails:
        return Run(Verdict.ERROR, ())
    judgements = tuple(judge(g, agent, control, alpha=alpha, least=least) for g in guardrails)
    found = {j.verdict for j in judgements}
    if split and stats.is_split_wrong(*split):
        found.add(Verdict.UNHEALTHY)
    breaches = [j for j in judgements if j.verdict is Verdict.BREACH]
    provider = bool(breaches) and all(j.both_arms for j in breaches)
    return Run(min(found, key=ORDER.__getitem__), judgements, provider)


class Effect(StrEnum):
    WAIT = "wait"
    ADVANCE = "advance"
    EXTEND = "extend"
    HOLD = "hold"
    STEP_BACK = "step_back"
    ROLL_BACK = "roll_back"


def effect(look: Run, *, baked: bool, extended: bool, blind_for: timedelta, blind_limit: timedelta) -> Effect:
    """What a look does. ``baked`` says that the bake time is up, ``extended`` that it has been extended once."""
    if look.verdict is Verdict.BREACH:
        decisive = look.decisive
        rolls_back = decisive is not None and decisive.guardrail.on_breach is OnBreach.ROLL_BACK
        return Effect.ROLL_BACK if rolls_back and not look.provider else Effect.HOLD
    if blind_for > blind_limit:
        return Effect.STEP_BACK
    if look.verdict in {Verdict.UNHEALTHY, Verdict.ERROR}:
        return Effect.HOLD
    if not baked:
        return Effect.WAIT
    if look.verdict is Verdict.PASS:
        return Effect.ADVANCE
    return Effect.HOLD if extended else Effect.EXTEND


def blind_limit(share: int, high: timedelta = BLIND_HIGH, low: timedelta = BLIND_LOW) -> timedelta:
    """How long a rollout may be served without anybody seeing what it does."""
    return high if share >= HIGH_SHARE else low


def _judge_unauthorised(guardrail: GuardrailPlan, agent: Figures) -> Judgement:
    figures = {"n": agent.n, "events": agent.unauthorised, "limit": 0}
    if agent.unauthorised:
        return Judgement(guardrail, Verdict.BREACH, figures)
    return Judgement(guardrail, Verdict.PASS if agent.n else Verdict.NO_DATA, figures)


def _judge_absolute(guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float, least: int) -> Judgement:
    if guardrail.metric is Metric.COST:
        return _judge_mean(guardrail, agent, stats.Mean(), 1.0, alpha, least)
    events, n, limit = _as_rate(guardrail, agent, guardrail.limit)
    other_events, other_n, _ = _as_rate(guardrail, control, guardrail.limit)
    both = stats.is_convincing(stats.log_evidence_above(other_events, other_n, limit), alpha)
    return _rate_judgement(guardrail, events, n, limit, alpha, least, both_arms=both, extra=_p95(guardrail, agent))


def _judge_relative(guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float, least: int) -> Judgement:
    if guardrail.metric is Metric.COST:
        return _judge_mean(guardrail, agent, control.cost, guardrail.limit, alpha, least)
    if guardrail.metric is Metric.LATENCY_P95:
        return _judge_relative_latency(guardrail, agent, control, alpha, least)
    (events, n), (other, m) = agent.rate(guardrail.metric), control.rate(guardrail.metric)
    mean, reference = stats.Mean.of_rate(events, n), stats.Mean.of_rate(other, m)
    return _mean_judgement(guardrail, mean, reference, guardrail.limit, alpha, least, RATE_TOLERANCE)


def _judge_relative_latency(
    guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float, least: int
) -> Judgement:
    """The limit is a multiple of the control's own p95, which is known only so well: a breach is judged against its
    upper end and a pass against its lower one (order statistics of the binomial, three standard errors).
    """
    m = sum(control.latency)
    if m < stats.LEAST_FOR_ASYMPTOTICS:
        verdict = Verdict.INSUFFICIENT if m or agent.n else Verdict.NO_DATA
        return Judgement(guardrail, verdict, {"n": sum(agent.latency), "control_n": m})
    low, point, high = (guardrail.limit * (histogram.quantile(control.latency, q) or 0.0) for q in _around_p95(m))
    n = sum(agent.latency)
    over_high, over_low = histogram.count_over(agent.latency, high), histogram.count_over(agent.latency, low)
    extra = {**_p95(guardrail, agent), "limit_ms": point, "control_n": m}
    worse = _rate_judgement(guardrail, over_high, n, LATENCY_SHARE, alpha, least, extra=extra)
    if worse.verdict is Verdict.BREACH:
        return worse
    fine = _rate_judgement(guardrail, over_low, n, LATENCY_SHARE, alpha, least, extra=extra)
    return fine if fine.verdict is not Verdict.BREACH else Judgement(guardrail, Verdict.INCONCLUSIVE, fine.figures)


def _around_p95(n: int) -> tuple[float, float, float]:
    margin = 3 * math.sqrt(0.95 * 0.05 / n)
    return 0.95 - margin, 0.95, min(0.95 + margin, 1.0)


def _judge_mean(
    guardrail: GuardrailPlan, agent: Figures, reference: stats.Mean, ratio: float, alpha: float, least: int
) -> Judgement:
    return _mean_judgement(guardrail, agent.cost, reference, ratio, alpha, least)


def _mean_judgement(
    guardrail: GuardrailPlan,
    mean: stats.Mean,
    reference: stats.Mean,
    ratio: float,
    alpha: float,
    least: int,
    tolerance: float = 0.0,
) -> Judgement:
    fixed = guardrail.kind is Kind.ABSOLUTE
    figures: dict[str, Any] = {"n": mean.n, "value": mean.value, "control_n": reference.n, "limit": guardrail.limit}
    if mean.n == 0 or (reference.n == 0 and not fixed):
        return Judgement(guardrail, Verdict.NO_DATA, figures)
    if min(mean.n, reference.n or mean.n) < stats.LEAST_FOR_ASYMPTOTICS:
        return Judgement(guardrail, Verdict.INSUFFICIENT, figures, needed=stats.LEAST_FOR_ASYMPTOTICS - mean.n)
    known = stats.Mean(1, guardrail.limit, guardrail.limit**2) if fixed else reference
    difference = stats.against_control(mean, known, ratio, alpha, tolerance)
    figures |= {
        "control": known.value,
        "threshold": ratio * known.value + tolerance,
        "low": mean.value - difference.half_width,
        "high": mean.value + difference.half_width,
    }
    if difference.is_worse:
        return Judgement(guardrail, Verdict.BREACH, figures)
    if mean.n < least:
        return Judgement(guardrail, Verdict.INSUFFICIENT, figures, needed=least - mean.n)
    return Judgement(guardrail, Verdict.PASS if difference.is_fine else Verdict.INCONCLUSIVE, figures)


def _rate_judgement(
    guardrail: GuardrailPlan,
    events: int,
    n: int,
    limit: float,
    alpha: float,
    least: int,
    *,
    both_arms: bool = False,
    extra: dict[str, Any] | None = None,
) -> Judgement:
    low, high = stats.bounds(events, n, alpha)
    figures = {"n": n, "events": events, "value": events / n if n else None, "low": low, "high": high}
    figures |= {"limit": limit, **(extra or {})}
    if n == 0:
        return Judgement(guardrail, Verdict.NO_DATA, figures)
    if stats.is_convincing(stats.log_evidence_above(events, n, limit), alpha):
        return Judgement(guardrail, Verdict.BREACH, figures, both_arms=both_arms)
    if n < least:
        return Judgement(guardrail, Verdict.INSUFFICIENT, figures, needed=least - n)
    if stats.is_convincing(stats.log_evidence_below(events, n, limit), stats.ALPHA):
        return Judgement(guardrail, Verdict.PASS, figures)
    total = stats.needed_to_accept(events / n, limit, stats.ALPHA)
    return Judgement(guardrail, Verdict.INCONCLUSIVE, figures, needed=max(1, total - n) if total else None)


def _as_rate(guardrail: GuardrailPlan, figures: Figures, limit: float) -> tuple[int, int, float]:
    """Events, trials and limit; a latency in milliseconds becomes the share above it, of which 5 % are allowed."""
    if guardrail.metric is Metric.LATENCY_P95:
        return histogram.count_over(figures.latency, limit), sum(figures.latency), LATENCY_SHARE
    events, n = figures.rate(guardrail.metric)
    return events, n, limit


def _p95(guardrail: GuardrailPlan, figures: Figures) -> dict[str, Any]:
    if guardrail.metric is not Metric.LATENCY_P95:
        return {}
    return {"p95_ms": histogram.quantile(figures.latency, 0.95), "limit_ms": guardrail.limit}
