"""APPR-1 and APPR-2 as pure rules: the cases A1 to A3, A6 to A8, A11 and A14, and what holds whatever happens."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals import rules
from apps.approvals.rules import Hand, Outcome, Person, Slot, Verdict, tally

PARTS = {"budget": "b1", "version": "v1"}
ENG, FIN = Slot("engineering", frozenset({"engineering"})), Slot("finance", frozenset({"finance"}))


def person(number: int, *roles: str, excluded: str = "") -> Person:
    return Person(UUID(int=number), frozenset(roles), excluded=excluded)


def yes(who: Person, seen: Mapping[str, str] = PARTS) -> Hand:
    return Hand(who, Verdict.APPROVE, seen)


A, B, C = person(1, "engineering"), person(2, "engineering"), person(3, "finance")
BOTH = person(4, "engineering", "finance")


def test_a1_two_engineers_and_one_of_finance_grant() -> None:
    slots = [Slot("engineering", ENG.roles, count=2), FIN]
    found = tally(slots, [yes(A), yes(B), yes(C)], PARTS)
    assert (found.complete, found.filled) == (True, (2, 1))


def test_a2_whoever_holds_both_roles_makes_room_for_the_one_who_holds_one() -> None:
    found = tally([ENG, FIN], [yes(BOTH), yes(B)], PARTS)
    assert found.complete
    assert found.seats == {BOTH.id: 1, B.id: 0}


def test_a3_one_person_with_both_roles_fills_one_slot() -> None:
    found = tally([ENG, FIN], [yes(BOTH)], PARTS)
    assert (found.complete, sum(found.filled)) == (False, 1)


def test_a6_a_changed_budget_voids_finance_and_leaves_engineering_alone() -> None:
    finance = Slot("finance", FIN.roles, depends=frozenset({"budget"}))
    engineering = Slot("engineering", ENG.roles, depends=frozenset({"version"}))
    after = {"budget": "b2", "version": "v1"}
    assert rules.fallen([engineering, finance], yes(C), after)
    assert not rules.fallen([engineering, finance], yes(A), after)
    assert tally([engineering, finance], [yes(A), yes(C)], after).filled == (1, 0)


def test_a7_the_same_content_in_another_order_has_the_same_digest() -> None:
    one = rules.part_digests({"budget": {"limit": 5, "currency": "EUR"}})
    other = rules.part_digests({"budget": {"currency": "EUR", "limit": 5}})
    assert rules.changed(one, other) == []
    assert rules.digest(one) == rules.digest(other)


def test_a8_a_role_lost_before_the_last_signature_no_longer_counts() -> None:
    demoted = person(1)
    assert tally([ENG, FIN], [yes(demoted), yes(C)], PARTS).filled == (0, 1)
    assert not rules.fallen([ENG, FIN], yes(demoted), PARTS), "it is kept and flagged, not voided"


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("asked", "until"),
    [
        (datetime(2026, 11, 2, 15, tzinfo=BERLIN), datetime(2026, 11, 17, tzinfo=BERLIN)),
        (datetime(2026, 11, 2, 0, 0, tzinfo=BERLIN), datetime(2026, 11, 17, tzinfo=BERLIN)),
        # Over the end of summer time: a day is a day of the calendar, not 24 hours.
        (datetime(2026, 10, 20, 12, tzinfo=BERLIN), datetime(2026, 11, 4, tzinfo=BERLIN)),
    ],
)
def test_a11_it_is_pending_through_day_14_and_expired_with_the_first_instant_of_day_15(
    asked: datetime, until: datetime
) -> None:
    assert rules.pending_until(asked.astimezone(UTC), 14, BERLIN) == until


COMMITTEE = Slot("committee", frozenset({"governance"}), committee=True, chair=str(UUID(int=11)))
SEVEN = [person(number, "governance") for number in range(11, 18)]


def votes(*verdicts: Verdict) -> list[Hand]:
    return [Hand(member, verdict, PARTS) for member, verdict in zip(SEVEN, verdicts, strict=False)]


YES, NO, AWAY, ABSTAIN = Verdict.APPROVE, Verdict.REJECT, Verdict.RECUSE, Verdict.ABSTAIN


def test_a14_of_seven_four_present_and_one_recused_is_no_quorum() -> None:
    """Six are left, so four have to be there; three are."""
    hands = votes(YES, YES, NO, AWAY)
    assert rules.vote(COMMITTEE, hands, PARTS, SEVEN) is Outcome.OPEN
    assert rules.vote(COMMITTEE, [*hands, *votes(YES, YES, YES, YES, YES)[4:]], PARTS, SEVEN) is Outcome.CARRIED


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ((YES, YES, YES, NO), Outcome.OPEN),  # four of seven, five wanted
        ((YES, YES, YES, NO, NO), Outcome.CARRIED),
        ((YES, NO, NO, NO, ABSTAIN), Outcome.LOST),
        ((YES, YES, NO, NO, ABSTAIN), Outcome.CARRIED),  # the chair, who is the first, breaks the tie
        ((NO, NO, YES, YES, ABSTAIN), Outcome.LOST),
        ((ABSTAIN, NO, YES, ABSTAIN, ABSTAIN), Outcome.OPEN),  # a tie whose chair abstains
        ((), Outcome.OPEN),
    ],
)
def test_a_committee_decides_by_the_majority_of_a_quorum(verdicts: tuple[Verdict, ...], outcome: Outcome) -> None:
    assert rules.vote(COMMITTEE, votes(*verdicts), PARTS, SEVEN) is outcome


def test_a_committee_member_votes_there_and_fills_no_other_slot() -> None:
    chair = person(11, "governance", "finance")
    others = SEVEN[1:]
    hands = [yes(chair), *(yes(member) for member in others[:4])]
    assert tally([COMMITTEE, FIN], hands, PARTS, [chair, *others]).filled == (1, 0)


def test_one_rejection_by_whoever_could_fill_a_slot_ends_it_and_one_by_a_stranger_does_not() -> None:
    assert tally([ENG, FIN], [Hand(A, Verdict.REJECT, PARTS)], PARTS).lost
    assert not tally([ENG, FIN], [Hand(person(9, "frontline"), Verdict.REJECT, PARTS)], PARTS).lost
    assert not tally([ENG, FIN], [Hand(A, Verdict.ABSTAIN, PARTS)], PARTS).lost


def test_a_role_without_members_and_two_seats_for_one_person_cannot_be_filled() -> None:
    assert rules.unsatisfiable([ENG, FIN], [A]) == ["finance"]
    assert rules.unsatisfiable([ENG, FIN], [BOTH]) == ["finance"]
    assert rules.unsatisfiable([ENG, FIN], [BOTH, B]) == []
    assert rules.unsatisfiable([ENG, FIN], [A, person(3, "finance", excluded="owns it")]) == ["finance"]
    assert rules.unsatisfiable([Slot("named", ENG.roles, team="gone")], [A]) == ["named"]


def test_a_tenant_may_ask_for_more_and_never_for_less() -> None:
    two = Slot("engineering", frozenset({"engineering", "ops_lead"}), count=2)
    assert rules.looser([Slot("engineering", frozenset({"ops_lead"}), count=3), FIN], [two]) == []
    assert rules.looser([FIN], [two]) == ["engineering: this slot can't be left out."]
    assert rules.looser([Slot("engineering", two.roles)], [two]) == ["engineering: ask for at least 2."]
    wider = Slot("engineering", two.roles | {"finance"}, count=2)
    assert "only engineering, ops_lead" in rules.looser([wider], [two])[0]
    part = Slot("engineering", two.roles, count=2, depends=frozenset({"version"}))
    assert "judge at least" in rules.looser([part], [two])[0]


ROLES = ["engineering", "finance", "governance", "ops_lead"]
people = st.lists(
    st.tuples(st.frozensets(st.sampled_from(ROLES), max_size=3), st.booleans()), min_size=1, max_size=7
).map(lambda rows: [person(i, *roles, excluded="x" if out else "") for i, (roles, out) in enumerate(rows, start=1)])
slots = st.lists(
    st.tuples(st.frozensets(st.sampled_from(ROLES), min_size=1, max_size=2), st.integers(1, 2)),
    min_size=1,
    max_size=4,
).map(lambda rows: [Slot(f"slot {i}", roles, count) for i, (roles, count) in enumerate(rows)])


@given(people, slots)
def test_whoever_sits_fits_and_sits_once_and_no_better_seating_exists(who: list[Person], wanted: list[Slot]) -> None:
    found = tally(wanted, [yes(member) for member in who], PARTS)
    by_id = {member.id: member for member in who}
    for seated, slot in found.seats.items():
        assert by_id[seated].fits(wanted[slot])
        assert not by_id[seated].excluded
    for i, slot in enumerate(wanted):
        assert sum(seat == i for seat in found.seats.values()) == found.filled[i] <= slot.count
    assert sum(found.filled) == best(who, [i for i, slot in enumerate(wanted) for _ in range(slot.count)], wanted)


def best(who: list[Person], seats: list[int], wanted: list[Slot]) -> int:
    """The size of the largest seating, tried out in full."""
    if not seats or not who:
        return 0
    head, rest = who[0], who[1:]
    found = best(rest, seats, wanted)
    for place in sorted(set(seats)):
        if head.fits(wanted[place]):
            left = list(seats)
            left.remove(place)
            found = max(found, 1 + best(rest, left, wanted))
    return found
