"""Which reports say the same thing: a suggestion, from the likeness of their texts. A person decides (FEED-2). Pure.

Weighted character n-grams and the cosine between them: no language is assumed, and a typo costs little.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

ALIKE = 0.35
# What is compared of each text, and how many n-grams are told apart: a bound on memory whatever people write.
LONGEST, MOST_FEATURES = 400, 20_000


@dataclass(frozen=True, slots=True)
class Near:
    """The report that another one is most like, from 0 to 1."""

    report: UUID
    likeness: float


def nearest(text: str, others: Mapping[UUID, str]) -> Near | None:
    """The one of ``others`` that says most nearly the same, if any is alike enough."""
    if not others or not text.strip():
        return None
    # Loaded when needed: the library is large, and a worker's task alone asks.
    from sklearn.feature_extraction.text import TfidfVectorizer

    ids = list(others)
    weights = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, strip_accents="unicode", max_features=MOST_FEATURES
    )
    try:
        rows = weights.fit_transform([text[:LONGEST], *(others[i][:LONGEST] for i in ids)])
    except ValueError:  # no text has a single n-gram
        return None
    likeness = (rows[1:] @ rows[0].T).toarray().ravel()
    best = int(likeness.argmax())
    return Near(ids[best], float(likeness[best])) if likeness[best] >= ALIKE else None
