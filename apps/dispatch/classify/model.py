"""A linear text classifier with an *I don't know* answer (DISP-1, DISP-3). Pure.

One linear machine a label, over weighted words and runs of letters. A label belongs to an owner: finer labels (the
topics of a workload) are learned apart, since they are easier to tell from one another, and added up to their owner's
answer. Examples of what belongs to nobody are an owner of their own, :data:`NOBODY`.

The *margin* of an answer is how far the best label lies before the one of nobody; it separates what is asked of some
workload from what isn't far better than how sure the machine is among the workloads. Cross-validation says how often a
margin was right, and that is the confidence.

Training uses scikit-learn; a request needs a few hundred multiplications and no library but NumPy.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.dispatch.classify.features import letters, plain, words

Floats = npt.NDArray[np.float32]

# The owner of what belongs to no workload.
NOBODY = ""
FOLDS = 3
# How hard the machine tries on each example: on CLINC150 anything from 0.5 to 1 does as well.
_STRICTNESS = 0.7
# How much the best label counts for its owner, against the owner's other labels.
_SHARPNESS = 4.0
# A bound on memory whatever people write.
_MOST_WORDS, _MOST_RUNS = 20_000, 40_000


@dataclass(frozen=True, slots=True)
class Label:
    """What an example says: whose it is (:data:`NOBODY` for nobody's) and, where somebody said so, which topic of
    theirs.
    """

    owner: str
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of feature: where each stands among the weights, and how telling it is."""

    places: dict[str, int]
    rarity: Floats
    first: int

    def row(self, found: Sequence[str]) -> tuple[list[int], Floats]:
        """The known features of a text and their weights, of length 1 together."""
        counts = Counter(found)
        places = [self.places[each] for each in counts if each in self.places]
        times = np.array([count for each, count in counts.items() if each in self.places], dtype=np.float32)
        values = (1 + np.log(times)) * self.rarity[places] if places else np.zeros(0, dtype=np.float32)
        length = float(np.linalg.norm(values)) or 1.0
        return [self.first + place for place in places], values / length


@dataclass(frozen=True, slots=True)
class Machine:
    """What was learned: a column of weights and a bias for each label."""

    labels: tuple[Label, ...]
    words: Part
    letters: Part
    weights: npt.NDArray[np.float16]
    bias: Floats

    def scores(self, text: str) -> Floats | None:
        """How much the text is each label's; None where nothing in it was ever seen."""
        clean = plain(text)
        places, values = self.words.row(words(clean))
        more, others = self.letters.row(letters(clean))
        if not places and not more:
            return None
        rows = self.weights[places + more].astype(np.float32)
        return np.asarray(np.concatenate([values, others]) @ rows + self.bias, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Scale:
    """From a margin to a confidence: how often answers of that margin were right."""

    slope: float
    offset: float

    def confidence(self, margin: float) -> float:
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, self.slope * margin + self.offset))))


@dataclass(frozen=True, slots=True)
class Guess:
    """The best owner of a text and how sure that is, to be compared with a threshold. :data:`NOBODY`, not sure at all,
    only for a text in which nothing was ever seen.
    """

    owner: str
    confidence: float


@dataclass(frozen=True, slots=True)
class TextClassifier:
    """A machine, read by owner."""

    machine: Machine
    scale: Scale

    def guess(self, text: str) -> Guess:
        scores = self.machine.scores(text)
        if scores is None:
            return Guess(NOBODY, 0.0)
        owner, margin = judge(scores, self.machine.labels)
        return Guess(owner, self.scale.confidence(margin))


def judge(scores: Floats, labels: Sequence[Label]) -> tuple[str, float]:
    """The owner with the most to say for it, and the margin of the best label before that of nobody."""
    ours = [n for n, label in enumerate(labels) if label.owner != NOBODY]
    nobodys = [float(scores[n]) for n, label in enumerate(labels) if label.owner == NOBODY]
    best = max(float(scores[n]) for n in ours)
    sums: dict[str, float] = {}
    for n in ours:
        owner = labels[n].owner
        sums[owner] = sums.get(owner, 0.0) + math.exp(_SHARPNESS * (float(scores[n]) - best))
    return max(sums, key=lambda owner: (sums[owner], owner)), best - max(nobodys, default=0.0)


def settled(labels: Sequence[Label]) -> list[Label]:
    """The labels to learn: a topic with fewer examples than there are folds goes with its owner's largest."""
    counts = Counter(labels)
    largest: dict[str, Label] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label.topic)):
        largest.setdefault(label.owner, label)
    return [label if counts[label] >= FOLDS else largest[label.owner] for label in labels]


def learn(texts: Sequence[str], labels: Sequence[Label]) -> Machine:
    """Train on all of it. The same examples in the same order make the same machine."""
    found = settled(labels)
    known = tuple(sorted(set(found), key=lambda label: (label.owner, label.topic)))
    features = _Features([plain(text) for text in texts])
    columns, bias = _weights(features.rows, [known.index(label) for label in found], len(known))
    return Machine(known, *features.parts(), columns.astype(np.float16), bias.astype(np.float32))


def judged_apart(texts: Sequence[str], labels: Sequence[Label]) -> tuple[tuple[Label, ...], Floats]:
    """Cross-validation: the scores that each text gets from a machine which hasn't seen it, in columns by label."""
    found = settled(labels)
    known = tuple(sorted(set(found), key=lambda label: (label.owner, label.topic)))
    wanted = np.array([known.index(label) for label in found])
    clean, fold = [plain(text) for text in texts], _folds(wanted)
    scores = np.zeros((len(texts), len(known)), dtype=np.float32)
    for n in range(FOLDS):
        seen, unseen = np.flatnonzero(fold != n), np.flatnonzero(fold == n)
        features = _Features([clean[i] for i in seen])
        columns, bias = _weights(features.rows, wanted[seen], len(known))
        scores[unseen] = features.of([clean[i] for i in unseen]) @ columns + bias
    return known, scores


def scale(margins: Sequence[float], is_right: Sequence[bool]) -> Scale:
    """How margins go with being right, from answers to texts that weren't seen in training (Platt's method)."""
    if len(set(is_right)) < 2:
        return Scale(_SHARPNESS, 0.0)
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(np.array(margins).reshape(-1, 1), np.array(is_right))
    # More margin is never less sure, however few the examples.
    return Scale(max(float(fitted.coef_[0, 0]), 0.1), float(fitted.intercept_[0]))


class _Features:
    """The features of the training's texts, weighted by how rare they are."""

    def __init__(self, texts: Sequence[str]) -> None:
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfVectorizer

        def weigh(split: Callable[[str], list[str]], least: int, most: int) -> Any:
            return TfidfVectorizer(analyzer=split, sublinear_tf=True, min_df=least, max_features=most, dtype=np.float32)

        self._both = [weigh(words, 1, _MOST_WORDS), weigh(letters, min(2, len(texts)), _MOST_RUNS)]
        self._stack = hstack
        self.rows = hstack([each.fit_transform(texts) for each in self._both]).tocsr()

    def of(self, texts: Sequence[str]) -> Any:
        return self._stack([each.transform(texts) for each in self._both]).tocsr()

    def parts(self) -> tuple[Part, Part]:
        known = [{str(name): int(place) for name, place in each.vocabulary_.items()} for each in self._both]
        rarity = [np.asarray(each.idf_, dtype=np.float32) for each in self._both]
        return Part(known[0], rarity[0], 0), Part(known[1], rarity[1], len(known[0]))


def _weights(rows: Any, wanted: Sequence[int] | npt.NDArray[Any], count: int) -> tuple[npt.NDArray[Any], Floats]:
    """The weights as (features, labels) and a bias a label. Of two labels one machine tells both."""
    from sklearn.svm import LinearSVC

    fitted = LinearSVC(C=_STRICTNESS, tol=1e-2, random_state=0).fit(rows, wanted)
    columns, bias = fitted.coef_.T, fitted.intercept_
    if count == 2:
        columns, bias = np.hstack([-columns, columns]), np.concatenate([-bias, bias])
    return columns, bias


def _folds(wanted: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A fold for each example, so that each has its share of every label; always the same."""
    fold = np.zeros(len(wanted), dtype=int)
    shuffled = np.random.default_rng(0).permutation(len(wanted))
    for label in range(int(wanted.max()) + 1):
        mine = shuffled[wanted[shuffled] == label]
        fold[mine] = np.arange(len(mine)) % FOLDS
    return fold
