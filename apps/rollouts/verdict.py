"""Guardrails to verdicts, verdicts to effects (ROLL-5, ROLL-6). Pure.

Each guardrail gets one verdict; the run's verdict is the first that is present of *breach, unhealthy, error, no
data, insufficient data, inconclusive, pass*. Only a pass on every guardrail advances, only a breach rolls back, and
missing evidence is never a pass. ``docs/guardrails.md`` shows the table of effects; each cell is a test.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from apps.rollouts import statistics as stats
from apps.rollouts.plan import RATES, GuardrailPlan, Kind, Metric, OnBreach
from apps.telemetry import histogram

LATENCY_SHARE = 0.05
LEAST_USERS = 50
LEAST_HEARD = 20
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
    """One arm's sums since the phase began. Unknown costs and unjudged answers count in no denominator.

    ``seen`` and ``doubting`` are units, ``heard`` the transactions about which any user said anything at all.
    """

    n: int = 0
    errors: int = 0
    judged: int = 0
    flagged: int = 0
    overridden: int = 0
    unauthorised: int = 0
    cost: stats.Mean = _NO_COST
    latency: tuple[int, ...] = ()
    seen: int = 0
    doubting: int = 0
    heard: int = 0
    soft_failures: int = 0

    def rate(self, metric: Metric) -> tuple[int, int]:
        """Events and trials of a rate. Where nobody ever says anything, silence isn't trust: there are no trials."""
        return {
            Metric.ERROR_RATE: (self.errors, self.n),
            Metric.OVERRIDES: (self.overridden, self.n),
            Metric.VALIDATOR_FLAGS: (self.flagged, self.judged),
            Metric.SOFT_FAILURES: (self.soft_failures, self.n),
            Metric.TRUST: (self.doubting, self.seen) if self.heard else (0, 0),
        }[metric]


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


def sentence(found: Judgement) -> str:
    """The verdict in words, with the figures it was made from."""
    name, figures = found.guardrail.metric.replace("_", " "), found.figures
    if found.verdict is Verdict.NO_DATA:
        return f"{name}: no record to judge it by."
    if found.verdict is Verdict.ERROR:
        return f"{name}: its figures can't be read as numbers."
    value, limit = figures.get("value", figures.get("events")), figures.get("threshold", figures["limit"])
    if "p95_ms" in figures:
        value, limit = figures["p95_ms"], figures["limit_ms"]
    shown = [_words(found.guardrail.metric, figure) for figure in (value, limit)]
    counted = "users" if found.guardrail.metric is Metric.TRUST else "transactions"
    said = f"{name} is {shown[0]} over {figures['n']} {counted}; the limit is {shown[1]}."
    if found.verdict in {Verdict.BREACH, Verdict.PASS}:
        return said
    return f"{said} About {found.needed} more {counted} would tell." if found.needed else said


def _words(metric: Metric, figure: Any) -> str:
    if metric in RATES:
        return f"{figure * 100:.3g} %"
    return f"{figure:.0f} ms" if metric is Metric.LATENCY_P95 else f"{figure:.3g}"


def judge(guardrail: GuardrailPlan, agent: Figures, control: Figures, *, alpha: float, least: int) -> Judgement:
    """Judge one guardrail on the figures of a phase; ``least`` is the phase's minimum number of transactions, in each
    arm that the guardrail looks at. Trust is counted in users: fewer are asked for, and some have to have been heard.
    """
    if guardrail.metric is Metric.TRUST:
        return _judge_trust(guardrail, agent, control, alpha, min(least, LEAST_USERS))
    if guardrail.metric is Metric.UNAUTHORISED:
        return _judge_unauthorised(guardrail, agent, least)
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


def _judge_unauthorised(guardrail: GuardrailPlan, agent: Figures, least: int) -> Judgement:
    figures = {"n": agent.n, "events": agent.unauthorised, "limit": 0}
    if agent.unauthorised:
        return Judgement(guardrail, Verdict.BREACH, figures)
    if agent.n == 0:
        return Judgement(guardrail, Verdict.NO_DATA, figures)
    if agent.n < least:
        return Judgement(guardrail, Verdict.INSUFFICIENT, figures, needed=least - agent.n)
    return Judgement(guardrail, Verdict.PASS, figures)


def _judge_trust(guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float, least: int) -> Judgement:
    """A breach as soon as it is convincing; a pass only where enough was heard to know that anybody listens."""
    judged = _judge_relative if guardrail.kind is Kind.RELATIVE else _judge_absolute
    found = judged(guardrail, agent, control, alpha, least)
    if agent.heard >= LEAST_HEARD or found.verdict not in {Verdict.PASS, Verdict.INCONCLUSIVE}:
        return found
    return replace(found, verdict=Verdict.INSUFFICIENT, needed=LEAST_HEARD - agent.heard)


def _judge_absolute(guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float, least: int) -> Judgement:
    found = _against_limit(guardrail, agent, alpha, least)
    if (
        found.verdict is not Verdict.BREACH
        or _against_limit(guardrail, control, alpha, least).verdict is not found.verdict
    ):
        return found
    return replace(found, both_arms=not _is_worse_than_control(guardrail, agent, control, alpha))


def _against_limit(guardrail: GuardrailPlan, figures: Figures, alpha: float, least: int) -> Judgement:
    if guardrail.metric is Metric.COST:
        return _mean_judgement(guardrail, figures.cost, _NO_COST, 1.0, alpha, least)
    return _rate_judgement(guardrail, _trials(guardrail, figures), alpha, least, extra=_p95(guardrail, figures))


def _is_worse_than_control(guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float) -> bool:
    """Whether rolling back helps although the control arm breaks the limit, too: then it isn't the provider alone."""
    mine, other = (_as_mean(guardrail, figures) for figures in (agent, control))
    if min(mine.n, other.n) < stats.LEAST_FOR_ASYMPTOTICS:
        return False
    return stats.against_control(mine, other, 1.0, alpha).is_worse


def _as_mean(guardrail: GuardrailPlan, figures: Figures) -> stats.Mean:
    if guardrail.metric is Metric.COST:
        return figures.cost
    trials = _trials(guardrail, figures)
    return stats.Mean.of_rate(trials.events, trials.n)


def _judge_relative(guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float, least: int) -> Judgement:
    if guardrail.metric is Metric.LATENCY_P95:
        return _judge_relative_latency(guardrail, agent, control, alpha, least)
    mean, reference = _as_mean(guardrail, agent), _as_mean(guardrail, control)
    tolerance = 0.0 if guardrail.metric is Metric.COST else RATE_TOLERANCE
    return _mean_judgement(guardrail, mean, reference, guardrail.limit, alpha, least, tolerance)


def _judge_relative_latency(
    guardrail: GuardrailPlan, agent: Figures, control: Figures, alpha: float, least: int
) -> Judgement:
    """The limit is a multiple of the control's own p95, which is known only so well: a breach is judged against its
    always-valid upper bound and a pass against its lower one. Half of alpha goes to the bound, half to the test.
    """
    n, m = sum(agent.latency), sum(control.latency)
    if not (n and m):
        return Judgement(guardrail, Verdict.NO_DATA, {"n": n, "control_n": m})
    low, _ = stats.quantile_bounds(control.latency, LATENCY_SHARE, stats.ALPHA / 2)
    _, high = stats.quantile_bounds(control.latency, LATENCY_SHARE, alpha / 2)
    point = guardrail.limit * (histogram.quantile(control.latency, 1 - LATENCY_SHARE) or 0.0)
    trials = _Trials(
        n=n,
        events=0 if high is None else histogram.count_over(agent.latency, guardrail.limit * histogram.edge(high)),
        possible=n
        if low is None
        else histogram.count_possibly_over(agent.latency, guardrail.limit * histogram.edge(low)),
        limit=LATENCY_SHARE,
    )
    extra = {**_p95(guardrail, agent), "limit_ms": point, "control_n": m}
    extra["value"] = histogram.count_over(agent.latency, point) / n
    found = _rate_judgement(guardrail, trials, alpha / 2, least, accept_alpha=stats.ALPHA / 2, extra=extra)
    if found.verdict is not Verdict.BREACH and m < least:
        return replace(found, verdict=Verdict.INSUFFICIENT, needed=least - min(n, m))
    return found


def _mean_judgement(
    guardrail: GuardrailPlan,
    mean: stats.Mean,
    reference: stats.Mean,
    ratio: float,
    alpha: float,
    least: int,
    tolerance: float = 0.0,
) -> Judgement:
    """Judge a mean; ``n`` without a control is a fixed limit. Sums that aren't numbers are an error, never a pass."""
    fixed = guardrail.kind is Kind.ABSOLUTE
    fewest = mean.n if fixed else min(mean.n, reference.n)
    figures: dict[str, Any] = {"n": mean.n, "control_n": reference.n, "limit": guardrail.limit}
    if fewest == 0:
        return Judgement(guardrail, Verdict.NO_DATA, figures)
    if not all(map(math.isfinite, (mean.total, mean.squares, reference.total, reference.squares))):
        return Judgement(guardrail, Verdict.ERROR, figures)
    figures["value"] = mean.value
    if fewest < stats.LEAST_FOR_ASYMPTOTICS:
        return Judgement(
            guardrail, Verdict.INSUFFICIENT, figures, needed=max(least, stats.LEAST_FOR_ASYMPTOTICS) - fewest
        )
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
    if fewest < least:
        return Judgement(guardrail, Verdict.INSUFFICIENT, figures, needed=least - fewest)
    return Judgement(guardrail, Verdict.PASS if difference.is_fine else Verdict.INCONCLUSIVE, figures)


@dataclass(frozen=True, slots=True)
class _Trials:
    """Events of ``n`` against a limit: those that are sure, for a breach, and those that are possible, for a pass."""

    n: int
    events: int
    possible: int
    limit: float


def _trials(guardrail: GuardrailPlan, figures: Figures) -> _Trials:
    """A rate as counted; a latency in milliseconds as the share above its limit, of which 5 % are allowed."""
    if guardrail.metric is Metric.LATENCY_P95:
        over = histogram.count_over(figures.latency, guardrail.limit)
        possibly = histogram.count_possibly_over(figures.latency, guardrail.limit)
        return _Trials(sum(figures.latency), over, possibly, LATENCY_SHARE)
    events, n = figures.rate(guardrail.metric)
    return _Trials(n, events, events, guardrail.limit)


def _rate_judgement(
    guardrail: GuardrailPlan,
    trials: _Trials,
    alpha: float,
    least: int,
    *,
    accept_alpha: float = stats.ALPHA,
    extra: dict[str, Any] | None = None,
) -> Judgement:
    n, limit = trials.n, trials.limit
    (low, _), (_, high) = stats.bounds(trials.events, n, alpha), stats.bounds(trials.possible, n, alpha)
    figures = {"n": n, "events": trials.events, "value": trials.events / n if n else None, "low": low, "high": high}
    figures |= {"limit": limit, **(extra or {})}
    if n == 0:
        return Judgement(guardrail, Verdict.NO_DATA, figures)
    if stats.is_convincing(stats.log_evidence_above(trials.events, n, limit), alpha):
        return Judgement(guardrail, Verdict.BREACH, figures)
    if n < least:
        return Judgement(guardrail, Verdict.INSUFFICIENT, figures, needed=least - n)
    if stats.is_convincing(stats.log_evidence_below(trials.possible, n, limit), accept_alpha):
        return Judgement(guardrail, Verdict.PASS, figures)
    total = stats.needed_to_accept(trials.possible / n, limit, accept_alpha)
    return Judgement(guardrail, Verdict.INCONCLUSIVE, figures, needed=max(1, total - n) if total else None)


def _p95(guardrail: GuardrailPlan, figures: Figures) -> dict[str, Any]:
    if guardrail.metric is not Metric.LATENCY_P95:
        return {}
    return {"p95_ms": histogram.quantile(figures.latency, 0.95), "limit_ms": guardrail.limit}
