"""What a text is made of for the classifier: its words, pairs of words, and short runs of letters. Pure.

Words say what it is about; letters see past endings and typing errors, in whatever language. The same two functions
serve the training and each request, so both see the same, and a request needs nothing but them.
"""

import re
import unicodedata
from itertools import pairwise

# What is read of a text, in characters: a bound on the time that one classification takes.
LONGEST = 1_000
# Runs of letters inside a word have so many of them.
SHORTEST_RUN, LONGEST_RUN = 2, 4

_WORD = re.compile(r"\w+")


def plain(text: str) -> str:
    """The text as it is compared: one form of each letter, lower case, single spaces, cut to :data:`LONGEST`."""
    return " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).casefold().split())


def words(text: str) -> list[str]:
    """The words of a plain text, and each two that follow one another."""
    found = _WORD.findall(text)
    return found + [f"{a} {b}" for a, b in pairwise(found)]


def letters(text: str) -> list[str]:
    """The runs of two to four letters of each word; a word's edges count as a letter."""
    found = []
    for word in text.split():
        edged = f" {word} "
        for length in range(SHORTEST_RUN, LONGEST_RUN + 1):
            found += [edged[start : start + length] for start in range(len(edged) - length + 1)]
    return found
