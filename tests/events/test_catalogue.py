"""Every act that the code base audits is a type of event that people can read about."""

import ast
from collections.abc import Iterator

import pytest
from django.urls import reverse

from apps.approvals.models import State as ApprovalState
from apps.events.catalogue import TYPES
from apps.events.links import PAGES
from apps.rollouts.machine import State as RolloutState
from portal.local import paths

# Names that are put together from a state: what stands for it.
COMPUTED = {
    "rollout.": {state.value for state in RolloutState},
    "approval.": {"rejected", "withdrawn", "expired", "fallen"},
    "operator.session_": {"opened", "closed", "exported"},
}


def recorded() -> Iterator[tuple[str, ast.expr]]:
    """Where an act is recorded, and the expression of its name."""
    for file in sorted((paths.PROJECT_ROOT / "apps").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            place = f"{file.relative_to(paths.PROJECT_ROOT)}:{getattr(node, 'lineno', 0)}"
            for found in _acts(node):
                if not (isinstance(found, ast.Name | ast.Attribute) and file.name in HANDED_ON):
                    yield place, found


# Where an act of somebody's account is handed on under the name that its caller gave.
HANDED_ON = {"directory.py", "views.py"}


def _acts(node: ast.AST) -> Iterator[ast.expr]:
    """The names that a node gives to acts: in a record, in a note about an account, or in a class that makes one."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record":
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "action")
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "note_account":
        yield node.args[1]
    elif isinstance(node, ast.ClassDef):
        lines = (line for line in node.body if isinstance(line, ast.Assign))
        values = (line.value for line in lines if ast.unparse(line.targets[0]) == "action")
        yield from (value for value in values if isinstance(value, ast.Constant) and value.value)


def names() -> Iterator[tuple[str, str]]:
    for place, expression in recorded():
        if isinstance(expression, ast.Constant):
            yield place, str(expression.value)
        elif isinstance(expression, ast.JoinedStr) and isinstance(expression.values[0], ast.Constant):
            start = str(expression.values[0].value)
            assert start in COMPUTED, f"{place}: say in this test what {start!r} is put together with"
            for end in COMPUTED[start]:
                yield place, f"{start}{end}"
        else:
            pytest.fail(f"{place}: name the act by a literal, so that it can be listed")


def test_every_recorded_act_is_listed_and_nothing_else() -> None:
    found = {name: place for place, name in names()}
    assert len(found) > 100
    missing = {name: place for name, place in found.items() if name not in TYPES}
    assert missing == {}, "add a line for each to apps/events/catalogue.py"
    assert TYPES.keys() - found.keys() == set(), "these are recorded nowhere any more"


def test_what_ends_a_request_for_approval_is_known() -> None:
    assert COMPUTED["approval."] == {state.value for state in ApprovalState} - {"pending", "granted"}


def test_each_type_has_a_sentence_of_its_own() -> None:
    assert len(set(TYPES.values())) == len(TYPES)
    assert [
        words for words in TYPES.values() if not words[0].isupper() or words.endswith(".") or len(words) > 100
    ] == []


@pytest.mark.parametrize("name", sorted(PAGES.values()))
def test_every_page_that_an_event_links_to_exists(name: str) -> None:
    assert reverse(name, args=["acme", "018f0000-0000-7000-8000-000000000000"]).startswith("/t/acme/")
