"""Texts that are marked for translation: the English catalogue lists every one of them, and each renders itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext, override

from portal.local.paths import PROJECT_ROOT

CATALOGUE = PROJECT_ROOT / "locale/en/LC_MESSAGES/django.po"
_MARKED = re.compile(r"""{% translate "([^"]+)"|{% translate '([^']+)'""")
_BLOCK = re.compile(r"{% blocktranslate.*?%}(.*?){% endblocktranslate %}", re.S)
_CALLS = {"_", "gettext", "gettext_lazy"}


def in_templates() -> Iterator[str]:
    for path in sorted((PROJECT_ROOT / "templates").rglob("*.html")):
        text = path.read_text()
        yield from (one or other for one, other in _MARKED.findall(text))
        for block in _BLOCK.findall(text):
            yield from (re.sub(r"{{ (\w+) }}", r"%(\1)s", part) for part in block.split("{% plural %}"))


def in_code() -> Iterator[str]:
    for folder in ("apps", "portal"):
        for path in sorted((PROJECT_ROOT / folder).rglob("*.py")):
            yield from _called(path)


def _called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            yield str(ast.literal_eval(node.args[0]))


def listed() -> dict[str, str]:
    """Each text of the catalogue, the plural ones too, with what stands there for it."""
    text = re.sub(r'"\n"', "", CATALOGUE.read_text())
    entries = re.findall(r'^msgid "(.*)"\n(?:msgid_plural "(.*)"\n)?msgstr(?:\[0\])? "(.*)"', text, re.M)
    found: dict[str, str] = {}
    for one, many, said in entries:
        found |= {ast.literal_eval(f'"{each}"'): said for each in (one, many) if each}
    return found


def test_the_english_catalogue_lists_every_marked_text_and_nothing_else() -> None:
    marked = {*in_templates(), *in_code()}
    assert len(marked) > 60, "too few to show anything"
    assert marked - listed().keys() == set(), "run the command in docs/translating.md"
    assert listed().keys() - marked == set(), "these are marked nowhere any more"


def test_every_marked_text_renders_itself_in_english() -> None:
    for language in ("en", "en-gb"):
        with override(language):
            assert [text for text in listed() if gettext(text) != text] == []
    assert set(listed().values()) == {""}, "English is what stands in the pages"
