"""The tests behind the guardrails (ROLL-6): valid however often they are looked at. Pure arithmetic.

**Rates against a limit.** For a limit ``p0`` and an alternative ``p1 > p0`` the likelihood ratio
``(p1/p0)^k ((1-p1)/(1-p0))^(n-k)`` of ``k`` events in ``n`` is a supermartingale whenever the true rate is at most
``p0``; so is the average over a fixed set of alternatives. By Ville's inequality it exceeds ``1/alpha`` *ever* with
probability at most ``alpha`` (Ville 1939; Howard, Ramdas, McAuliffe, Sekhon, *Time-uniform, nonparametric,
nonasymptotic confidence sequences*, 2021). That is the tripwire. The mirror image, alternatives below the limit, is
the acceptance test. A p95 is judged the same way: ``p95 <= L`` means that at most 5 % lie above ``L``.

**Against the control arm.** With ``theta`` the difference to the allowed multiple of the control's mean, the
one-sided asymptotic confidence sequence of Waudby-Smith et al. (arXiv 2103.06476), in the form of
:func:`half_width`. It is asymptotic: callers ask for :data:`LEAST_FOR_ASYMPTOTICS` in each arm first.

**A quantile** lies above an edge if the share beyond that edge is convincingly larger than the quantile's own, and
below if it is smaller. That share only falls from edge to edge, so the first and the last edge that convince bound
the quantile at all times (:func:`quantile_bounds`).

**Alpha** is split over guardrails and entries into a phase (:func:`split_alpha`), so that false alarms over a whole
rollout stay below :data:`ALPHA`.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

ALPHA = 0.05
LEAST_FOR_ASYMPTOTICS = 100
# The sample size for which the confidence sequence is tightest.
TUNED_FOR = 5_000
_SRM_P = 0.001
_SRM_UNITS = 100
_CROSSED_UNITS = 10
_CROSSED_SHARE = 0.01

# Alternatives as multiples of the limit's odds: gross failures are seen within tens, small ones within thousands.
_WORSE = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_BETTER = (1e-6, 1 / 8, 1 / 4, 1 / 2.5, 1 / 1.5)


def split_alpha(guardrails: int, phases: int, entry: int = 1) -> float:
    """What one guardrail may use up in the rollout's ``entry``-th stay in a phase (from 1).

    One stay a phase is planned. Each begins with fresh figures, so those after a step back need an alpha of their
    own: one planned share is set aside, and each further stay takes half of what is left of it.
    """
    further = min(max(0, entry - phases), 60)
    return ALPHA / (max(1, guardrails) * (max(1, phases) + 1)) * math.ldexp(1.0, -further)


def log_evidence_above(events: int, n: int, limit: float) -> float:
    """Log of the evidence that the true rate is above ``limit``; infinite for any event at a limit of 0."""
    if limit <= 0:
        return math.inf if events else 0.0
    return _log_mixture(events, n, limit, _WORSE)


def log_evidence_below(events: int, n: int, limit: float) -> float:
    """Log of the evidence that the true rate is below ``limit``."""
    if limit <= 0:
        return -math.inf
    return _log_mixture(events, n, limit, _BETTER)


def is_convincing(log_evidence: float, alpha: float) -> bool:
    return log_evidence >= math.log(1 / alpha)


def bounds(events: int, n: int, alpha: float) -> tuple[float, float]:
    """Always-valid lower and upper bound of a rate, each wrong ever with probability at most ``alpha``."""
    if n == 0:
        return 0.0, 1.0
    rate = events / n
    lower = _solve(lambda p: log_evidence_above(events, n, p), alpha, 1e-9, rate, rising=False) if events else 0.0
    upper = _solve(lambda p: log_evidence_below(events, n, p), alpha, rate, 1 - 1e-9, rising=True)
    return lower, upper if events < n else 1.0


def quantile_bounds(counts: Sequence[int], beyond: float, alpha: float) -> tuple[int | None, int | None]:
    """The buckets at whose upper edges the quantile with a share ``beyond`` above it is bounded, from below and above.

    Each is wrong ever with probability at most ``alpha``; None where the sample doesn't bound it yet.
    """
    n = sum(counts)
    over = [n - seen for seen in accumulate(counts)]
    below = bisect_left(over, True, key=lambda k: not is_convincing(log_evidence_above(k, n, beyond), alpha)) - 1
    above = bisect_left(over, True, key=lambda k: is_convincing(log_evidence_below(k, n, beyond), alpha))
    # The last bucket has no upper edge.
    return (below if below >= 0 else None), (above if above < len(counts) - 1 else None)


@dataclass(frozen=True, slots=True)
class Mean:
    """A sample by its sums. For a rate the sum and the sum of squares are both the number of events."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    least_variance: float = 0.0

    @classmethod
    def of_rate(cls, events: int, n: int) -> "Mean":
        """A rate as a mean of zeros and ones; no event in ``n`` still leaves room for half a one."""
        return cls(n, events, events, least_variance=0.5 / n if n else 0.0)

    @property
    def value(self) -> float:
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        if self.n < 2:
            return self.least_variance
        return max(self.least_variance, (self.squares - self.total**2 / self.n) / (self.n - 1))


@dataclass(frozen=True, slots=True)
class Difference:
    """``theta = mean(agent) - ratio * mean(control)`` with its always-valid one-sided bounds."""

    theta: float
    half_width: float

    @property
    def is_worse(self) -> bool:
        return self.theta - self.half_width > 0

    @property
    def is_fine(self) -> bool:
        return self.theta + self.half_width < 0


def against_control(agent: Mean, control: Mean, ratio: float, alpha: float, tolerance: float = 0.0) -> Difference:
    """Compare with ``ratio`` times the control arm, and ``tolerance`` more. A fixed limit is a control without
    variance.
    """
    squared_error = agent.variance / agent.n + (ratio**2 * control.variance / control.n if control.n else 0.0)
    n = agent.n + control.n
    return Difference(agent.value - ratio * control.value - tolerance, half_width(squared_error, n, alpha))


def half_width(squared_error: float, n: int, alpha: float) -> float:
    """Half-width of the one-sided confidence sequence after ``n`` observations; ``squared_error`` is SE squared.

    ``sqrt(s2 * 2 (n r2 + 1) / (n r)^2 * ln(1 + sqrt(n r2 + 1) / (2 alpha)))`` with ``s2 = SE^2 n`` and
    ``r2 = (-2 ln 2a + ln(-2 ln 2a + 1)) / N`` (arXiv 2103.06476, tuned for N observations).
    """
    log_term = -2 * math.log(2 * alpha)
    r2 = (log_term + math.log(log_term + 1)) / TUNED_FOR
    spread = squared_error * n * 2 * (n * r2 + 1) / (n * n * r2)
    return math.sqrt(spread * math.log(1 + math.sqrt(n * r2 + 1) / (2 * alpha)))


def detectable_rate(limit: float, n: int, alpha: float) -> float | None:
    """The smallest true rate that the tripwire finds within ``n`` with a power of about 80 %; None if none is."""
    if n <= 0 or not 0 < limit < 1:
        return None
    low, high = limit, 1 - 1e-9
    if _expected_above(high, limit, n) < math.log(1 / alpha):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if _expected_above(middle, limit, n) < math.log(1 / alpha):
            low = middle
        else:
            high = middle
    return high


def needed_to_accept(rate: float, limit: float, alpha: float) -> int | None:
    """About how many transactions show that a true ``rate`` is below ``limit``; None if it isn't below."""
    if not 0 <= rate < limit < 1:
        return None
    gain = _divergence(rate, limit)
    return math.ceil((math.log(1 / alpha) + math.log(len(_BETTER))) / gain)


def is_split_wrong(agent_units: int, control_units: int, both: int) -> bool:
    """Whether two arms of equal planned size aren't (sample-ratio mismatch), or share units that they must not."""
    total = agent_units + control_units
    if total >= _CROSSED_UNITS and both >= _CROSSED_SHARE * total:
        return True
    if total < _SRM_UNITS:
        return False
    return split_p_value(agent_units, control_units) < _SRM_P


def split_p_value(agent_units: int, control_units: int) -> float:
    """Chi-square with one degree of freedom for two arms of equal size."""
    total = agent_units + control_units
    chi = (agent_units - control_units) ** 2 / total if total else 0.0
    return math.erfc(math.sqrt(chi / 2))


def _log_mixture(events: int, n: int, limit: float, multiples: tuple[float, ...]) -> float:
    odds = limit / (1 - limit)
    terms = [_log_ratio(events, n, limit, odds * m / (1 + odds * m)) for m in multiples]
    top = max(terms)
    return top + math.log(sum(math.exp(term - top) for term in terms) / len(terms))


def _log_ratio(events: int, n: int, p0: float, p1: float) -> float:
    return events * math.log(p1 / p0) + (n - events) * math.log((1 - p1) / (1 - p0))


def _divergence(p: float, q: float) -> float:
    """Kullback-Leibler divergence of two Bernoulli laws: what one observation adds to the log evidence."""
    first = p * math.log(p / q) if p > 0 else 0.0
    return first + (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else first


def _expected_above(rate: float, limit: float, n: int) -> float:
    """The log evidence that four runs in five reach: the mean less 0.84 deviations and the mixture's price."""
    step = math.log(rate / limit) - math.log((1 - rate) / (1 - limit))
    deviation = abs(step) * math.sqrt(n * rate * (1 - rate))
    return n * _divergence(rate, limit) - 0.8416 * deviation - math.log(len(_WORSE))


def _solve(evidence: Callable[[float], float], alpha: float, low: float, high: float, *, rising: bool) -> float:
    """The edge between the rates that are ruled out and those that aren't, by bisection."""
    for _ in range(50):
        middle = (low + high) / 2
        if is_convincing(evidence(middle), alpha) == rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2
