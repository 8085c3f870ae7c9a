"""WORK-3, AP-01: who is a specialist, and who does the jobs of others."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workloads.specialists import Registered, findings


def tenant(*tools: str, limit: int = 12) -> list[Registered]:
    """W-1, W-2 ... with one version each, whose tools are letters."""
    return [Registered(UUID(int=n), f"W-{n}", limit, (frozenset(each),)) for n, each in enumerate(tools, start=1)]


def said(*tools: str, limit: int = 12) -> dict[str, str]:
    rows = tenant(*tools, limit=limit)
    keys = {row.id: row.key for row in rows}
    return {keys[key]: found.said() for key, found in findings(rows).items()}


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ((), {}),
        (("", "", ""), {}),
        (("ab", "cd", "ef"), {}),
        (("ab", "a"), {}),
        (("sa", "sb", "sc"), {}),
        (("abx", "a", "b"), {"W-1": "does the jobs of W-2 and W-3"}),
        (("abc", "a", "b", "c"), {"W-1": "does the jobs of W-2, W-3 and W-4"}),
        (("sab", "sa", "sb"), {"W-1": "does the jobs of W-2 and W-3"}),
        (("abcd",), {"W-1": "4 tools where 3 are the limit"}),
        (("abcd", "a", "b"), {"W-1": "4 tools where 3 are the limit; does the jobs of W-2 and W-3"}),
    ],
    ids=[
        "none",
        "no tools",
        "apart",
        "one shared",
        "one common",
        "two jobs",
        "three",
        "beside a common",
        "many",
        "both",
    ],
)
def test_a_specialist_holds_no_tools_of_two_others(tools: tuple[str, ...], expected: dict[str, str]) -> None:
    assert said(*tools, limit=3) == expected


def test_both_the_version_that_serves_and_the_newest_count_and_neither_twice() -> None:
    """A slim version that nobody is served by doesn't hide what is; two versions aren't added up against the limit."""
    wide = Registered(UUID(int=1), "W-1", 3, (frozenset("ab"), frozenset("xyz")))
    others = tenant("-", "a", "b", limit=3)[1:]
    assert findings([wide, *others])[wide.id].said() == "does the jobs of W-2 and W-3"
    assert findings([wide]) == {}


def test_whom_the_reader_cannot_see_is_counted_and_not_named() -> None:
    rows = tenant("ab", "a", "b")
    found = findings(rows)[rows[0].id]
    assert found.said({rows[1].id}) == "does the jobs of W-2 and 1 more that you can't see"
    assert found.said(set()) == "does the jobs of 2 that you can't see"


@given(st.lists(st.text("abcdef", max_size=4), max_size=6))
def test_nobody_is_blamed_for_tools_that_no_other_has(tools: list[str]) -> None:
    rows = tenant(*tools)
    for key, found in findings(rows).items():
        one = next(row for row in rows if row.id == key)
        assert len(found.spanned) >= 2 and one not in found.spanned
        assert all(one.tools & other.tools for other in found.spanned)
