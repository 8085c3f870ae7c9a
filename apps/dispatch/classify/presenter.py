"""The curve as pictures, and what a threshold means in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apps.dispatch.classify.curve import STEPS, Point
from apps.dispatch.classify.models import Classifier
from portal.charts import PERCENT, Amount, BarChart, bar_chart

# A bar each so many hundredths: more aren't told apart on a phone.
_EVERY = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold with what it would mean."""

    threshold: float
    right: float
    wrong: float
    refused: float
    none: float | None
    is_chosen: bool
    is_now: bool


def at(version: Classifier, threshold: float) -> Point:
    """The point of a version's curve at a threshold: that of its hundredth."""
    return version.points[max(0, min(STEPS, round(threshold * STEPS)))]


def choices(version: Classifier, now: float | None) -> list[Choice]:
    """Thresholds to choose from, with those that count now and that cross-validation chose."""
    kept = {*range(0, STEPS + 1, _EVERY), round(version.threshold * STEPS)}
    kept |= {round(now * STEPS)} if now is not None else set()
    return [_choice(version.points[step], version, now) for step in sorted(kept)]


def charts(version: Classifier, threshold: float) -> list[BarChart]:
    """In scope and out of scope, by threshold: two pictures of the same steps, so that one reads them together."""
    found, points = at(version, threshold), version.points[::_EVERY]
    here, answered = f"From {threshold:.2f} on,", PERCENT.say(found.right)
    rights = bar_chart("Answered rightly, by threshold", _bars(points, "right"), unit=PERCENT)
    told = f"{here} {answered} of what belongs to a workload is answered rightly; a refusal is no right answer."
    drawn = [replace(rights, said=told)]
    if found.none is not None:
        nones = bar_chart("Refused though nobody's, by threshold", _bars(points, "none"), unit=PERCENT)
        drawn.append(replace(nones, said=f"{here} {PERCENT.say(found.none)} of what belongs to nobody is refused."))
    return drawn


def _bars(points: Sequence[Point], what: str) -> list[Amount]:
    return [Amount(f"{p.threshold:.2f}", getattr(p, what)) for p in points]


def _choice(p: Point, version: Classifier, now: float | None) -> Choice:
    is_now = now is not None and round(now * STEPS) == round(p.threshold * STEPS)
    is_chosen = round(version.threshold * STEPS) == round(p.threshold * STEPS)
    return Choice(p.threshold, p.right or 0.0, p.wrong or 0.0, p.refused or 0.0, p.none, is_chosen, is_now)
