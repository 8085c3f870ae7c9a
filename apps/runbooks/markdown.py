"""Runbooks as Markdown: which sections a text has, which steps, and what a new version changes (RUN-1, RUN-2). Pure."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from portal.markdown import parse

# Each required section, and the words of which a heading has to hold one.
SECTIONS: dict[str, tuple[str, ...]] = {
    "what the agent does and must not do": ("must not", "what the agent does", "purpose"),
    "dashboards and alerts": ("dashboard", "alert"),
    "known failure modes": ("failure",),
    "how to roll back to the fallback": ("roll back", "rollback"),
    "who to call": ("call", "contact"),
}
ROLLBACK = "how to roll back to the fallback"
TEMPLATE = """## What the agent does and must not do

## Dashboards and alerts

## Known failure modes

## How to roll back to the fallback

1. Press *Roll back* on the rollout's page, with the reason.
2. Check that the fallback answers.

## Who to call
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: added, removed or kept."""

    kind: str
    text: str


def missing_sections(text: str) -> list[str]:
    """The required sections that aren't there, or have a heading and nothing below it (RUN-2)."""
    filled = [heading.lower() for heading, tokens in _sections(text) if any(t.content.strip() for t in tokens)]
    return [
        name for name, words in SECTIONS.items() if not any(word in heading for word in words for heading in filled)
    ]


def steps(text: str, section: str = ROLLBACK) -> list[str]:
    """The items of the ordered lists under a section's heading, top level only, as plain text."""
    words = SECTIONS[section]
    found: list[str] = []
    for heading, tokens in _sections(text):
        if any(word in heading.lower() for word in words):
            found += _items(tokens)
    return found


def difference(before: str, after: str) -> list[Line]:
    """Line by line, with what didn't change around it."""
    kinds = {"+": "added", "-": "removed", " ": "kept"}
    marks = difflib.ndiff(before.splitlines(), after.splitlines())
    return [Line(kinds[mark[0]], mark[2:]) for mark in marks if mark[0] in kinds]


def _sections(text: str) -> Iterator[tuple[str, list[Token]]]:
    """Each heading with the tokens up to the next heading of its rank or above."""
    tokens = parse(text)
    opens = [i for i, token in enumerate(tokens) if token.type == "heading_open"]
    for i in opens:
        end = next((j for j in opens if j > i and tokens[j].tag <= tokens[i].tag), len(tokens))
        yield tokens[i + 1].content, tokens[i + 3 : end]


def _items(tokens: Sequence[Token]) -> Iterator[str]:
    depth = 0
    waiting = False
    for token in tokens:
        if token.type == "ordered_list_open":
            depth += 1
        elif token.type == "ordered_list_close":
            depth -= 1
        elif token.type == "list_item_open" and depth == 1 and token.level == 1:
            waiting = True
        elif token.type == "inline" and waiting:
            waiting = False
            yield token.content.replace("\n", " ")[:300]
