"""What a threshold buys and costs: the curve of accuracy against *I don't know*, and the one threshold chosen on it.
Pure.

In scope a refusal counts as wrong: somebody asked for a workload and got none. Out of scope a refusal is the right
answer. The threshold is chosen on answers to training examples that weren't seen when they were judged
(cross-validation), never on what it is tested with.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# The rule by which a threshold is chosen. AIM: so much of what belongs to nobody is to be refused. FLOOR: but so much
# of what belongs to somebody is to be answered rightly; where the classifier can't do that at all or hardly, at most
# LOSS is given up.
AIM, FLOOR, LOSS = 0.85, 0.95, 0.005
STEPS = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """One judged text: whether it was somebody's, whether the best guess named them, and how sure it was."""

    in_scope: bool
    is_right: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class Point:
    """What happens at one threshold, as shares: ``right`` and ``wrong`` of what is in scope (the rest is refused),
    ``none`` refused of what isn't. None where nothing of the kind was judged.
    """

    threshold: float
    right: float | None
    wrong: float | None
    none: float | None

    @property
    def refused(self) -> float | None:
        return None if self.right is None or self.wrong is None else max(0.0, 1 - self.right - self.wrong)


class Judged:
    """Many answers, by what they were, to be asked for any threshold. An answer at the threshold is given."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        kept = list(answers)
        self._right = sorted(each.confidence for each in kept if each.in_scope and each.is_right)
        self._wrong = sorted(each.confidence for each in kept if each.in_scope and not each.is_right)
        self._none = sorted(each.confidence for each in kept if not each.in_scope)

    def at(self, threshold: float) -> Point:
        inside, outside = len(self._right) + len(self._wrong), len(self._none)
        right, wrong = (len(kept) - bisect_left(kept, threshold) for kept in (self._right, self._wrong))
        refused = bisect_left(self._none, threshold)
        return Point(
            threshold,
            right / inside if inside else None,
            wrong / inside if inside else None,
            refused / outside if outside else None,
        )

    def curve(self) -> tuple[Point, ...]:
        """At each hundredth from 0 to 1."""
        return tuple(self.at(step / STEPS) for step in range(STEPS + 1))


def choose(points: Sequence[Point]) -> Point:
    """The lowest threshold that refuses :data:`AIM` of what belongs to nobody, as far as :data:`FLOOR` allows, and then
    the highest that costs no right answer more: what was never seen is better refused.

    Without examples of what belongs to nobody: the highest that costs at most :data:`LOSS` of the right answers.
    """
    best = max((p.right or 0.0) for p in points)
    knows_none = points[0].none is not None
    floor = min(FLOOR, best - LOSS) if knows_none else best - LOSS
    allowed = [p for p in points if (p.right or 0.0) >= floor]
    reached = next((p for p in allowed if p.none is not None and p.none >= AIM), allowed[-1])
    return [p for p in allowed if p.right == reached.right][-1]
