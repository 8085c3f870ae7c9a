"""Training with its own judgement: cross-validate, fit the scale, choose the threshold, train on everything. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.dispatch.classify.curve import Answer, Judged, Point, choose
from apps.dispatch.classify.model import (
    NOBODY,
    Floats,
    Label,
    Machine,
    TextClassifier,
    judge,
    judged_apart,
    learn,
    scale,
)


@dataclass(frozen=True, slots=True)
class Apart:
    """What cross-validation gave: a row of scores for each example, none of it from a machine that had seen it."""

    labels: tuple[Label, ...]
    scores: Floats


@dataclass(frozen=True, slots=True)
class Trained:
    """A classifier, the curve that cross-validation saw, and the point chosen on it."""

    classifier: TextClassifier
    curve: tuple[Point, ...]
    chosen: Point


def cross_validate(texts: Sequence[str], labels: Sequence[Label]) -> Apart:
    return Apart(*judged_apart(texts, labels))


def train(texts: Sequence[str], labels: Sequence[Label]) -> Trained:
    """From examples to a classifier with its threshold; nothing but the examples is looked at."""
    return read_by_owner(learn(texts, labels), cross_validate(texts, labels), [label.owner for label in labels])


def read_by_owner(machine: Machine, apart: Apart, owners: Sequence[str]) -> Trained:
    """The scale and the threshold for answers by owner, from what cross-validation gave for examples of ``owners``."""
    judged = [judge(row, apart.labels) for row in apart.scores]
    is_right = [guess == owner for (guess, _), owner in zip(judged, owners, strict=True)]
    fitted = scale([margin for _, margin in judged], is_right)
    answers = [
        Answer(owner != NOBODY, right, fitted.confidence(margin))
        for (_, margin), owner, right in zip(judged, owners, is_right, strict=True)
    ]
    points = Judged(answers).curve()
    return Trained(TextClassifier(machine, fitted), points, choose(points))


def by_topic(labels: Sequence[Label]) -> tuple[Label, ...]:
    """The same labels with each topic as an owner of its own."""
    return tuple(label if label.owner == NOBODY else Label(f"{label.owner}/{label.topic}") for label in labels)


def tested(classifier: TextClassifier, texts: Sequence[str], owners: Sequence[str]) -> list[Answer]:
    """How it answers texts whose owners are known."""
    guesses = [classifier.guess(text) for text in texts]
    return [
        Answer(owner != NOBODY, guess.owner == owner, guess.confidence)
        for guess, owner in zip(guesses, owners, strict=True)
    ]
