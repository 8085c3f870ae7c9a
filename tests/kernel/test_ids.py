"""Ids are of version 7, carry the time, and keep the order in which they were made."""

import time

from portal.ids import uuid7


def test_ids_made_one_after_the_other_are_in_that_order_and_say_when() -> None:
    before = time.time_ns() // 1_000_000
    made = [uuid7() for _ in range(20_000)]
    after = time.time_ns() // 1_000_000
    assert made == sorted(made) and len(set(made)) == len(made)
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert before <= made[0].int >> 80 <= after


def test_what_follows_the_time_is_not_to_be_guessed() -> None:
    tails = {uuid7().int & (1 << 62) - 1 for _ in range(1_000)}
    assert len(tails) == 1_000
