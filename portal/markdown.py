"""Markdown that people write: what is refused, and how it is shown. Pure.

No HTML is ever taken or made from what people write: it is refused when it is saved, and the renderer would escape it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 100_000
_SCHEMES = {"http", "https", "mailto", "tel"}
_TARGET = re.compile(r"\]\(\s*<?([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_SAFE_LINK = re.compile(r"(https?://|mailto:|tel:|/|#)", re.IGNORECASE)
_finder = MarkdownIt("commonmark", {"html": True}).enable("table")
_reader = MarkdownIt("commonmark", {"html": False}).enable("table")


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


def render(text: str) -> str:
    """HTML from the text, in which nothing that a person wrote is markup."""
    html: str = _reader.render(text)
    return html


def parse(text: str) -> list[Token]:
    """The text's tokens, for whoever reads its structure."""
    return _reader.parse(text)


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
