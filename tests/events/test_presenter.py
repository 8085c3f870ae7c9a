"""Why nothing arrives: the sentence that somebody reads at 2 a.m."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.events.models import Delivery, Subscription
from apps.events.presenter import standing

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def row(**fields: Any) -> Subscription:
    return Subscription(**{"name": "lake", "cursor": 1, "patterns": ["*"], "worked_at": NOW - 9 * MINUTE, **fields})


@pytest.mark.parametrize(
    ("fields", "since", "label", "sentence"),
    [
        ({"state": "stopped", "why": "It is gone."}, None, "stopped", "Nothing goes out. It is gone."),
        ({"state": "paused", "why": "By adam@x."}, None, "paused", "Nothing goes out: paused. By adam@x."),
        (
            {"failures": 1, "failing_since": NOW - MINUTE},
            None,
            "failing",
            "The last attempt failed; nothing got through for 1\u202fmin.",
        ),
        (
            {"failures": 7, "failing_since": NOW - 90 * MINUTE, "rest_until": NOW + 5 * MINUTE},
            NOW - 80 * MINUTE,
            "failing",
            "The last 7 attempts failed; nothing got through for 1\u202fh 30\u202fmin. "
            "It is asked again in 5\u202fmin.",
        ),
        (
            {},
            NOW - 4 * MINUTE,
            "waiting",
            "Something has been waiting for 4\u202fmin and nobody sends it: the courier isn't running, or is behind.",
        ),
        (
            {"failures": 4, "failing_since": NOW - 90 * MINUTE, "rest_until": NOW - 3 * MINUTE},
            NOW - 80 * MINUTE,
            "waiting",
            "Something has been waiting for 3\u202fmin and nobody sends it: the courier isn't running, or is behind.",
        ),
        ({}, NOW - timedelta(seconds=30), "sending", "It is being sent right now."),
        ({"worked_at": NOW}, NOW - 4 * MINUTE, "sending", "It is being sent right now."),
        ({"leased_until": NOW + MINUTE}, NOW - 4 * MINUTE, "sending", "It is being sent right now."),
        ({}, None, "active", "Nothing of these types has happened yet, so nothing was sent."),
    ],
)
def test_one_sentence_says_how_it_stands(
    fields: dict[str, Any], since: datetime | None, label: str, sentence: str
) -> None:
    found = standing(row(**fields), None, since, NOW)
    assert (found.label, found.sentence) == (label, sentence)


def test_that_all_is_well_comes_with_its_as_of_time() -> None:
    last = Delivery(done_at=NOW - 3 * MINUTE)
    assert standing(row(), last, None, NOW).sentence == "Everything so far has arrived, the last event 3\u202fmin ago."


def test_that_nobody_sends_is_not_the_receivers_fault() -> None:
    assert "not your receiver's fault" in standing(row(), None, NOW - 9 * MINUTE, NOW).next_step
