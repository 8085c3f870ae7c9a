"""The design system keeps what it promises: contrast in both themes, a light first load, nothing that has no use."""

import gzip
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import resolve

from portal.local import paths
from portal.styleguide import tokens

CSS = (paths.PROJECT_ROOT / "static/css/causeway.css").read_text()
GUIDE_CSS = (paths.PROJECT_ROOT / "static/css/styleguide.css").read_text()
TEMPLATES = sorted((paths.PROJECT_ROOT / "templates").rglob("*.html"))
TOKENS = dict(tokens())
THEMES = ("light", "dark")
SURFACES = ("page", "card")

# What is read as text (4.5:1), and what only has to be seen (3:1): WCAG 2.2, 1.4.3 and 1.4.11.
TEXT = [
    *[(ink, surface) for ink in ("ink", "soft", "accent", "ok", "warn", "stop") for surface in SURFACES],
    *[(tone, f"{tone}-bg") for tone in ("ok", "warn", "stop")],
    *[("ink", f"{tone}-bg") for tone in ("ok", "warn", "stop")],
    ("accent-ink", "accent"),
    *[("on-p", f"p{n}") for n in range(6)],
]
SEEN = [
    *[(line, "card") for line in ("s0", "s1", "s2", "s3", "stop", "warn", "soft", "ink", "accent")],
    *[(f"p{n}", "card") for n in range(6)],
    *[("focus", surface) for surface in SURFACES],
]


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colour(token: str, theme: str) -> str:
    found = re.fullmatch(r"light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS[token])
    assert found, f"--{token} says no colour for both themes"
    return found[1 + THEMES.index(theme)]


def test_the_measure_of_contrast_is_the_known_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001), "just too little for text"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("pairs", "least"), [(TEXT, 4.5), (SEEN, 3.0)], ids=["text", "lines"])
def test_every_pair_of_colours_that_meet_can_be_told_apart(
    pairs: list[tuple[str, str]], least: float, theme: str
) -> None:
    found = {pair: contrast(colour(pair[0], theme), colour(pair[1], theme)) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in found.items() if ratio < least} == {}


def test_every_colour_has_a_meaning_and_a_swatch_and_none_stands_outside_the_tokens() -> None:
    named = re.sub(r"/\*.*?\*/", "", CSS, flags=re.S)
    outside = named[named.index('[data-theme="light"]') :]
    assert re.findall(r"#[0-9a-f]{3,8}\b", outside) == []
    colours = [token for token, value in TOKENS.items() if value.startswith("light-dark(")]
    assert len(colours) > 20
    assert [token for token in colours if f".of-{token} " not in GUIDE_CSS] == []
    assert [token for token in TOKENS if f"var(--{token})" not in CSS] == [], "a token that nothing uses"


def test_no_rule_stands_twice() -> None:
    """One selector, one place in each way of looking."""
    for part in re.split(r"\n(?=@)", re.sub(r"/\*.*?\*/", "", CSS, flags=re.S)):
        found = [line.split("{")[0].strip() for line in part.splitlines() if "{" in line and not line.startswith("@")]
        assert sorted(s for s in set(found) if found.count(s) > 1) == []


def test_no_rule_is_for_a_class_that_nothing_has() -> None:
    used: set[str] = set()
    for template in TEMPLATES:
        for names in re.findall(r'class="([^"]*)"', template.read_text()):
            used |= set(re.sub(r"{[{%].*?[%}]}", " ", names).split())
    ruled = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/|[\d.]+rem|\.\d+", "", CSS, flags=re.S)))
    # Made by templates from a value, by scripts, by htmx or by Django.
    made = {
        "s0",
        "s1",
        "s2",
        "s3",
        "p0",
        "p1",
        "p2",
        "p3",
        "p4",
        "p5",
        "gap",
        "dense",
        "ok",
        "warn",
        "stop",
        "now",
        "rule",
    }
    made |= {
        "pace",
        "ahead",
        "over",
        "late",
        "errorlist",
        "htmx-indicator",
        "htmx-settling",
        "of-shifts",
        "of-fanout",
        "hub",
        "success",
    }
    made |= {"added", "removed", "kept", "done", "limit", "forecast", "num", "wrap", "rule", "warning", "error", "bar"}
    assert sorted(ruled - used - made) == [], "rules for classes that no template has"


def test_a_first_load_is_light(client: Client) -> None:
    """Under 150 kB compressed: the frame's style sheet, scripts and icon, and the longest page there is."""
    scripts = ["js/theme.js", "js/tables.js", "js/causeway.js", "django_htmx/htmx-2.min.js"]
    files = ["css/causeway.css", "icon.svg", *scripts]
    sizes = {name: len(gzip.compress(Path(str(finders.find(name))).read_bytes())) for name in files}
    page = client.get("/styleguide/").content
    for name in files:
        assert f"/static/{name}".encode() in page, "this is what a page loads"
    sizes["page"] = len(gzip.compress(page))
    total = sum(sizes.values())
    sys.stdout.write(f"first load: {total / 1000:.1f} kB compressed: {sizes}\n")
    assert total < 150_000, sizes


# --- The style guide ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("debug", "local", "status"), [(True, False, 200), (False, True, 200), (False, False, 404)])
def test_the_guide_is_there_for_whoever_builds_pages_alone(
    client: Client, settings: Any, debug: bool, local: bool, status: int
) -> None:
    settings.DEBUG, settings.LOCAL = debug, local
    answer = client.get("/styleguide/")
    assert answer.status_code == status
    assert (b"--accent" in answer.content) is (status == 200)
    assert resolve("/styleguide/").func.access.kind == "public"  # type: ignore[attr-defined]


def test_the_guide_shows_every_chart_every_token_and_every_part(client: Client) -> None:
    page = client.get("/styleguide/").content.decode()
    drawings = {path.stem for path in (paths.PROJECT_ROOT / "templates/charts").glob("*.html")}
    for kind in ("steps", "series", "burnup", "shifts", "ladder", "heat", "bars", "fanout"):
        assert kind in drawings
        assert f'class="figure of-{kind}"' in page
    assert [token for token in TOKENS if f"--{token}</b>" not in page] == []
    for part in ("partials/form.html", "partials/pages.html", "partials/empty.html", "data-confirm", 'id="confirm"'):
        assert part in page
    assert "Ensure this value is less than or equal to 100." in page, "a field with what is wrong"


def test_drawings_have_a_name_a_sentence_and_their_data_and_nothing_inline(client: Client) -> None:
    page = client.get("/styleguide/").content.decode()
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) == 16
    for figure in figures:
        assert re.search(r"<figcaption>.+\.</figcaption>", figure)
        assert "style=" not in figure and not re.search(r"\bnan\b", figure)
        if 'class="chart"' in figure:
            # One with links in it is a group: what is in an image can't be reached.
            role = "group" if "<a " in figure else "img"
            assert re.search(rf'<svg class="chart" role="{role}" aria-label=".+?"', figure)
            assert "<details" in figure and '<th scope="col">' in figure
