"""Rules before the classifier: all of these words, then that workload. Pure.

Whole words and phrases, and no regular expressions: a pattern that somebody writes in a hurry can't make every request
slow, what a rule catches can be read off it, and it costs one pass over the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.dispatch.classify.features import plain
from portal.errors import Invalid

MOST_RULES = 100
MOST_PHRASES, LONGEST_PHRASE = 5, 100

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule as it is applied: every phrase has to be in the text, as whole words in their order."""

    phrases: tuple[str, ...]
    workload: UUID


def spoken(text: str) -> str:
    """The words of a text with one space around each, so that a phrase is found as whole words."""
    return f" {' '.join(_WORD.findall(plain(text)))} "


def first_match(patterns: Sequence[Pattern], text: str) -> Pattern | None:
    """The first rule that matches, in their order."""
    said = spoken(text) if patterns else ""
    return next((p for p in patterns if all(phrase in said for phrase in p.phrases)), None)


def phrases(written: str) -> list[str]:
    """The phrases of a rule as people write them, separated by commas, in the form in which they are compared.

    Raises:
        Invalid: none, too many, too long, or one without a word in it.
    """
    found = list(dict.fromkeys(spoken(each) for each in written.split(",") if each.strip()))
    if not 1 <= len(found) <= MOST_PHRASES:
        raise Invalid("phrases", f"Give 1 to {MOST_PHRASES} words or phrases, separated by commas.")
    if any(not each.strip() or len(each) > LONGEST_PHRASE or "\x00" in each for each in found):
        raise Invalid("phrases", f"Each phrase has a word in it, and at most {LONGEST_PHRASE} characters.")
    return found
