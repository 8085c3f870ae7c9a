"""Runbooks as Markdown: what is refused, which sections it has, which steps, and how it is shown (RUN-1, RUN-2). Pure.

No HTML is ever taken or made from what people write: it is refused when it is saved, and the renderer would escape it.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 100_000
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

_SCHEMES = {"http", "https", "mailto", "tel"}
_TARGET = re.compile(r"\]\(\s*<?([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_SAFE_LINK = re.compile(r"(https?://|mailto:|tel:|/|#)", re.IGNORECASE)
_finder = MarkdownIt("commonmark", {"html": True}).enable("table")
_reader = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: added, removed or kept."""

    kind: str
    text: str


def problems(text: str) -> list[str]:
    """Why a text can't be saved, by line; an empty list is one that can."""
    if not text.strip():
        return ["Write something."]
    if len(text) > LONGEST:
        return [f"{LONGEST} characters at most; this has {len(text)}."]
    if "\x00" in text:
        return ["It holds a zero byte."]
    tokens = _finder.parse(text)
    return [*_html(tokens), *_links(tokens)]


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


def render(text: str) -> str:
    """HTML from the text, in which nothing that a person wrote is markup."""
    html: str = _reader.render(text)
    return html


def difference(before: str, after: str) -> list[Line]:
    """Line by line, with what didn't change around it."""
    kinds = {"+": "added", "-": "removed", " ": "kept"}
    marks = difflib.ndiff(before.splitlines(), after.splitlines())
    return [Line(kinds[mark[0]], mark[2:]) for mark in marks if mark[0] in kinds]


def _link_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    shown: str = renderer.renderToken(tokens, index, options, env)
    return shown


_reader.add_render_rule("link_open", _link_open)


def _html(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        inner = token.children or []
        if token.type == "html_block" or any(child.type == "html_inline" for child in inner):
            yield f"line {token.map[0] + 1 if token.map else '?'}: HTML isn't taken; write it in Markdown."


def _links(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src") or ""
            if child.type in {"link_open", "image"} and not _SAFE_LINK.match(str(target)):
                yield f"line {token.map[0] + 1 if token.map else '?'}: only web, mail and telephone links are taken."
        # What the parser wouldn't make a link of is shown as text, but nobody means it well.
        if token.type == "inline" and any(m[1].lower() not in _SCHEMES for m in _TARGET.finditer(token.content)):
            yield f"line {token.map[0] + 1 if token.map else '?'}: only web, mail and telephone links are taken."


def _sections(text: str) -> Iterator[tuple[str, list[Token]]]:
    """Each heading with the tokens up to the next heading of its rank or above."""
    tokens = _reader.parse(text)
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
