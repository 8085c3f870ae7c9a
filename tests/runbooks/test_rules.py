"""RUN-1 to RUN-3 as pure rules: what a text has to say and may not hold, and when a drill passes (S6, S7)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.runbooks import markdown
from apps.runbooks.rules import Kind, Run, replaced, shortcomings, worth
from portal import markdown as safe
from tests.runbooks.texts import RUNBOOK

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = frozenset({"fallback_works", "feeds_intact", "people_know"})


def run(**changes: Any) -> Run:
    values: dict[str, Any] = {
        "kind": Kind.ROLLBACK,
        "elapsed": timedelta(minutes=9),
        "ticked": 3,
        "steps": 3,
        "carried": 120,
        "wanted": 120,
        "staff": 1,
        "confirmed": ALL,
    }
    return Run(**{**values, **changes})


def test_s6_a_drill_of_14_59_9_passes_and_one_of_15_00_0_does_not() -> None:
    assert shortcomings(run(elapsed=timedelta(minutes=14, seconds=59.9))) == []
    assert shortcomings(run(elapsed=timedelta(minutes=15))) == [
        "It took 15:00.0 minutes; a rollback has to take less than 15 minutes."
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ticked": 2}, "1 of 3 steps weren't done."),
        ({"carried": 119}, "The fallback carried 119 of the 120 units an hour that were wanted."),
        ({"staff": 0}, "Nobody is named who took part."),
        ({"confirmed": ALL - {"people_know"}}, "Not confirmed: people still know the manual work."),
    ],
)
def test_whatever_is_missing_fails_the_drill_and_is_said(changes: dict[str, Any], why: str) -> None:
    assert shortcomings(run(**changes)) == [why]


def test_a_drill_of_something_else_has_no_clock_and_no_volume() -> None:
    other = run(kind=Kind.OTHER, elapsed=timedelta(hours=2), carried=0, confirmed=frozenset())
    assert shortcomings(other) == []


def test_s7_a_drill_goes_stale_when_another_text_is_published_and_not_when_it_is_editorial() -> None:
    published = [(3, NOW - DAY, False), (4, NOW + DAY, True)]
    assert replaced(3, published) is None
    assert worth(NOW, None).until == NOW + 90 * DAY
    later = replaced(3, [*published, (5, NOW + 2 * DAY, False)])
    assert later == NOW + 2 * DAY
    assert (worth(NOW, later).until, worth(NOW, later).why) == (NOW + 2 * DAY, "the runbook has changed since")


def test_a_text_that_says_everything_misses_nothing() -> None:
    assert safe.problems(RUNBOOK) == []
    assert markdown.missing_sections(RUNBOOK) == []
    assert markdown.steps(RUNBOOK) == [
        "Press *Roll back* on the rollout's page.",
        "Open the form at https://support.example/form and send a test.",
        "Tell the team on call.",
    ]


def test_a_heading_without_text_below_it_is_missing() -> None:
    text = RUNBOOK.replace("Team Support, day and night.\n", "")
    assert markdown.missing_sections(text) == ["who to call"]
    assert markdown.missing_sections(markdown.TEMPLATE) == [
        "what the agent does and must not do",
        "dashboards and alerts",
        "known failure modes",
        "who to call",
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("<script>alert(1)</script>", "line 3: HTML isn't taken"),
        ("a <b onclick='x'>word</b>", "line 3: HTML isn't taken"),
        ("<!-- hidden -->", "line 3: HTML isn't taken"),
        ("[x](javascript:alert(1))", "line 3: only web, mail"),
        ("[x](JaVaScRiPt:alert(1))", "line 3: only web, mail"),
        ("![x](data:image/svg+xml;base64,AAAA)", "line 3: only web, mail"),
        ("[x](file:///etc/passwd)", "line 3: only web, mail"),
    ],
)
def test_html_and_links_that_are_none_are_refused_with_their_line(line: str, problem: str) -> None:
    assert any(found.startswith(problem) for found in safe.problems(f"# A\n\n{line}\n")), safe.problems(line)


def test_what_only_looks_like_html_in_code_is_taken_and_shown_as_text() -> None:
    text = "Run `<restart>`:\n\n    <b>not bold</b>\n"
    assert safe.problems(text) == []
    assert "&lt;restart&gt;" in safe.render(text)
    assert "<b>" not in safe.render(text)


def test_links_tell_nobody_where_they_come_from() -> None:
    assert 'rel="noopener noreferrer nofollow"' in safe.render("[x](https://example.org)")


@given(st.text(max_size=300))
def test_nothing_that_a_person_writes_becomes_a_tag_of_its_own(text: str) -> None:
    html = safe.render(text)
    assert "<script" not in html.lower()
    assert " onerror=" not in html.replace("&quot;", "") or "onerror" in text
    assert isinstance(safe.problems(text), list)
    assert isinstance(markdown.missing_sections(text), list)
    assert isinstance(markdown.steps(text), list)


def test_a_difference_shows_what_came_what_went_and_what_stayed() -> None:
    lines = [(line.kind, line.text) for line in markdown.difference("a\nb\nc", "a\nB\nc\nd")]
    assert lines == [("kept", "a"), ("removed", "b"), ("added", "B"), ("kept", "c"), ("added", "d")]
