"""Patterns, delays and answers: pure."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.events import rules
from apps.events.catalogue import TYPES
from apps.events.rules import Answered, Verdict
from portal.errors import Invalid

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_patterns_lose_space_prefix_case_and_repeats() -> None:
    said = [" rollout.* ", "causeway.approval.granted", "", "Rollout.*"]
    assert rules.patterns(said, TYPES) == ["rollout.*", "approval.granted"]
    assert rules.patterns(["rollout.*", "*", "gate.opened"], TYPES) == ["*"]


@pytest.mark.parametrize("never", ["rolout.*", "rollout", "rollout.", "rollout.*.x", ".*", "**", "approval.*d", "test"])
def test_a_pattern_that_no_event_will_ever_match_is_refused_by_name(never: str) -> None:
    with pytest.raises(Invalid, match="will ever match") as refused:
        rules.patterns(["rollout.*", never], TYPES)
    assert refused.value.data == {"unknown": [never]}


@pytest.mark.parametrize("said", [[], [" "], [f"rollout.{number}" for number in range(51)]])
def test_one_to_fifty_patterns(said: list[str]) -> None:
    with pytest.raises(Invalid, match="1 to 50"):
        rules.patterns(said, TYPES)


@pytest.mark.parametrize(
    ("pattern", "action", "fits"),
    [
        ("*", "gate.opened", True),
        ("gate.*", "gate.opened", True),
        ("gate.*", "gateway.opened", False),
        ("gate.opened", "gate.opened", True),
        ("gate.opened", "gate.opened_again", False),
    ],
)
def test_what_a_pattern_matches(pattern: str, action: str, fits: bool) -> None:
    assert rules.matches([pattern], action) is fits


def test_one_event_is_tried_about_fifteen_times_within_some_three_days() -> None:
    at, attempts = NOW, 0
    while True:
        attempts += 1
        if rules.given_up(NOW, at):
            break
        at += rules.again_after(attempts)
    assert (attempts, at - NOW) == (15, timedelta(days=3, hours=3, minutes=42, seconds=35))


def test_a_receiver_rests_longer_with_each_failure_up_to_half_an_hour() -> None:
    rests = [rules.rest(failures).total_seconds() for failures in range(1, 11)]
    assert rests == [0, 0, 10, 30, 60, 120, 300, 600, 1_800, 1_800]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "taken"), (299, "taken"), (0, "later"), (199, "later"), (301, "later"), (404, "later"), (410, "gone")],
)
def test_what_an_answer_means(status: int, verdict: str) -> None:
    assert Answered(status, "").verdict == Verdict(verdict)


@pytest.mark.parametrize("said", [float("inf"), 1e300, 86_400.0])
def test_no_receiver_keeps_us_waiting_for_more_than_an_hour(said: float) -> None:
    assert rules.asked_for(Answered(503, "", retry_after=said)) == timedelta(hours=1)


@given(st.text(max_size=3_000))
def test_a_strangers_answer_is_one_short_printable_line(text: str) -> None:
    kept = rules.printable(text)
    assert len(kept) <= 500 and (kept.isprintable() or not kept) and kept == kept.strip()


def test_the_last_twenty_attempts_are_kept() -> None:
    tries: list[dict[str, object]] = []
    for number in range(25):
        tries = rules.noted(tries, Answered(500 + number, "x", 0.0125), NOW)
    assert len(tries) == 20 and tries[-1] == {"at": NOW.isoformat(), "status": 524, "ms": 12, "said": "524 x"}
