"""The bundled list: known models by hand, dated changes, the dearest of several, odd names, and never the network."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal as D
from importlib.metadata import version
from pathlib import Path

import pytest
from genai_prices import data_snapshot
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing import seed
from apps.pricing.rules import cost
from portal.local import paths

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("model", "entry", "amounts"),
    [
        ("gpt-4o", "openai/gpt-4o", ("2.5", "10", "1.25")),
        ("GPT-4o", "openai/gpt-4o", ("2.5", "10", "1.25")),
        ("openai/gpt-4o", "openai/gpt-4o", ("2.5", "10", "1.25")),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5", ("6", "22.5", "0.6")),
    ],
)
def test_a_known_model_has_the_lists_price_and_says_which(model: str, entry: str, amounts: tuple[str, ...]) -> None:
    found = seed.price_at(model, TODAY)
    assert found is not None
    assert found.amounts == tuple(map(D, amounts))
    assert (found.model, found.currency) == (model, "USD")
    assert found.source == f"genai-prices {version('genai-prices')}: {entry}"


def test_the_dearest_tier_counts_for_a_short_call_too() -> None:
    """The list says 3 and 15 up to 200,000 tokens of input, 6 and 22.50 above: a hold must never be too low."""
    found = seed.price_at("claude-sonnet-4-5", TODAY)
    assert found is not None
    assert cost(found, 1_000, 1_000) == D("0.0285")


def test_a_price_of_the_list_changes_on_its_day() -> None:
    change = date(2025, 6, 10)
    before, after = seed.price_at("o3", change - timedelta(days=1)), seed.price_at("o3", change)
    assert before is not None and after is not None
    assert (before.input, before.output, before.valid_from) == (D(10), D(40), None)
    assert (after.input, after.output, after.valid_from) == (D(2), D(8), change)
    assert seed.history("o3") == (before, after)


def test_of_prices_by_the_hour_the_dearest_of_the_day_counts() -> None:
    """The list says 0.135 and 0.55, and twice that from 00:30 to 16:30."""
    found = seed.price_at("deepseek-chat", TODAY)
    assert found is not None
    assert found.amounts == (D("0.27"), D("1.1"), D("0.07"))


def test_a_model_that_is_charged_by_the_request_too_has_no_price_here() -> None:
    found = seed.price_at("perplexity/sonar", TODAY)
    assert found is not None
    assert found.amounts == (None, None, None)
    assert found.source.endswith(": perplexity/sonar, charged by the request too")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sonnet",
        "claude-none-such",
        "\0",
        "/",
        "x/",
        "//",
        "litellm/",
        "../../etc/passwd",
        "m" * 5_000,
        "ö😀",
        "[",
        "(?",
    ],
)
def test_a_name_that_the_list_does_not_know_has_no_price(name: str) -> None:
    assert seed.price_at(name, TODAY) is None


@given(st.text(max_size=150), st.dates())
def test_no_name_and_no_day_is_an_error(name: str, day: date) -> None:
    found = seed.price_at(name, day)
    assert found is None or found.model == name


def test_the_package_remembers_none_of_the_names_that_it_is_asked_for() -> None:
    """They come from outside: whoever made names up could fill the memory."""
    for n in range(50):
        seed.price_at(f"made-up-{n}", TODAY)
    bundled = data_snapshot.get_snapshot()
    assert not bundled._lookup_cache and not bundled._provider_misses


def test_nothing_here_starts_the_packages_updater() -> None:
    imported = {name for folder in ("apps", "portal", "demo") for name in _imported(paths.PROJECT_ROOT / folder)}
    assert "genai_prices.data.providers" in imported
    assert {name for name in imported if "pdate" in name} == set()


def _imported(folder: Path) -> Iterator[str]:
    """What is imported of the package, by full names."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genai_prices"):
                yield from (f"{node.module}.{each.name}" for each in node.names)
            assert not (isinstance(node, ast.Import) and any(n.name.startswith("genai_prices") for n in node.names))


def test_a_look_up_opens_no_socket() -> None:
    """In a process of its own, in which a socket is an error; first it is shown to be one."""
    program = (
        "import socket\n"
        "def never(*a, **k): raise SystemExit('a socket was opened')\n"
        "socket.socket.__init__ = never\n"
        "from datetime import date\n"
        "from apps.pricing import seed\n"
        "assert seed.price_at('gpt-4o', date(2026, 11, 20)).input\n"
        "assert seed.price_at('made-up', date(2026, 11, 20)) is None\n"
        "print('none')\n"
        "socket.socket()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=paths.PROJECT_ROOT, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("none\n", "a socket was opened\n", 1)
