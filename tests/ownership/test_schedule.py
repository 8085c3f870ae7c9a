"""CALL-2: the final schedule (research 2.2), overrides, temporary schedules, swaps, gaps and fairness."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ownership.rotation import Hours, Rotation, Span, Unit
from apps.ownership.schedule import (
    Change,
    Duty,
    Layer,
    Override,
    Schedule,
    Temporary,
    Version,
    fairness,
    final,
    gaps,
    needless,
    people_at,
)

A, B, C, D, E = (UUID(int=n) for n in range(1, 6))
NAMES = {A: "A", B: "B", C: "C", D: "D", E: "E"}
ZONE = ZoneInfo("UTC")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def hour(number: float, day: int = 0) -> datetime:
    return MONDAY + day * DAY + number * HOUR


def fixed(person: UUID, start: float, end: float, priority: int = 1) -> Layer:
    """A layer with one person and one shift on Monday."""
    rotation = Rotation(datetime(2026, 1, 5), ZONE, Unit.WEEK, 1, (person,))
    return Layer(priority, (Version(rotation, hour(start), hour(end)),))


def weekly(*people: UUID, swapped: dict[int, UUID] | None = None) -> Layer:
    rotation = Rotation(datetime(2026, 1, 5), ZONE, Unit.WEEK, 1, people)
    return Layer(1, (Version(rotation, datetime(2020, 1, 1, tzinfo=UTC), swapped=swapped or {}),))


def replace(old: UUID, new: UUID, start: float, end: float, made: int = 0) -> Override:
    return Override(Change.REPLACE, hour(start), hour(end), hour(-100 + made), new, old)


def shown(duties: list[Duty]) -> list[tuple[float, float, str]]:
    """Hours of Monday, and who."""
    return [((d.start - MONDAY) / HOUR, (d.end - MONDAY) / HOUR, "".join(NAMES[p] for p in d.people)) for d in duties]


def test_the_final_schedule_vector() -> None:
    """Research 2.2, re-derived from the largest peer's own test: two priorities, an override and one over it."""
    schedule = Schedule(
        layers=(
            fixed(A, 10, 15),
            fixed(B, 11, 13),
            fixed(A, 16, 19),
            fixed(A, 21, 22),
            fixed(B, 22, 24),
            fixed(C, 12, 14, 2),
            fixed(D, 14, 15, 2),
            fixed(D, 17, 18, 2),
            fixed(D, 20, 23, 2),
        ),
        overrides=(replace(D, E, 22, 23, made=1), replace(D, A, 22, 22.5, made=2)),
    )
    assert shown(final(schedule, hour(0), hour(24))) == [
        (0, 10, ""),
        (10, 11, "A"),
        (11, 12, "AB"),
        (12, 14, "C"),
        (14, 15, "D"),
        (15, 16, ""),
        (16, 17, "A"),
        (17, 18, "D"),
        (18, 19, "A"),
        (19, 20, ""),
        (20, 22, "D"),
        (22, 22.5, "A"),
        (22.5, 23, "E"),
        (23, 24, "B"),
    ]


def test_an_override_splits_the_shift() -> None:
    schedule = Schedule((fixed(A, 8, 10),), (replace(A, B, 8.5, 8.75),))
    assert shown(final(schedule, hour(8), hour(10))) == [(8, 8.5, "A"), (8.5, 8.75, "B"), (8.75, 10, "A")]


def test_replacing_somebody_who_is_not_on_call_wakes_nobody_and_is_named() -> None:
    useless, useful = replace(C, B, 8, 9), replace(A, B, 9, 9.5)
    schedule = Schedule((fixed(A, 8, 10),), (useless, useful))
    assert shown(final(schedule, hour(8), hour(10))) == [(8, 9, "A"), (9, 9.5, "B"), (9.5, 10, "A")]
    assert needless(schedule) == [useless]


def test_of_two_that_replace_the_same_person_the_later_one_wins_and_one_may_replace_the_other() -> None:
    schedule = Schedule((fixed(A, 8, 10),), (replace(A, B, 8, 10, made=2), replace(A, C, 8, 10, made=1)))
    assert people_at(schedule, hour(9)) == (B,)
    schedule = Schedule((fixed(A, 8, 10),), (replace(A, B, 8, 10, made=1), replace(B, D, 9, 10, made=2)))
    assert shown(final(schedule, hour(8), hour(10))) == [(8, 9, "B"), (9, 10, "D")]


def test_two_who_replace_each_other_end_with_the_later_one_and_nothing_turns_in_a_circle() -> None:
    schedule = Schedule((fixed(A, 8, 10), fixed(B, 8, 10)), (replace(A, B, 8, 10, 1), replace(B, A, 8, 10, 2)))
    assert people_at(schedule, hour(9)) == (A,)


@pytest.mark.parametrize(("change", "people"), [(Change.ADD, (A, B)), (Change.REMOVE, ())])
def test_somebody_more_and_somebody_less(change: Change, people: tuple[UUID, ...]) -> None:
    who = B if change is Change.ADD else A
    schedule = Schedule((fixed(A, 8, 10),), (Override(change, hour(8), hour(10), MONDAY, who),))
    assert people_at(schedule, hour(9)) == people


def test_a_temporary_schedule_masks_everything_its_own_holes_included_unless_somebody_falls_back() -> None:
    inner = (Span(hour(8.25), hour(8.5), B),)
    holes = Schedule((fixed(A, 8, 10),), (), (Temporary(hour(8), hour(9), inner),))
    assert shown(final(holes, hour(8), hour(10))) == [(8, 8.25, ""), (8.25, 8.5, "B"), (8.5, 9, ""), (9, 10, "A")]
    whole = Schedule((fixed(A, 8, 10),), (), (Temporary(hour(8), hour(9), inner, C),))
    assert shown(final(whole, hour(8), hour(10))) == [(8, 8.25, "C"), (8.25, 8.5, "B"), (8.5, 9, "C"), (9, 10, "A")]


def test_a_temporary_schedule_comes_before_an_override() -> None:
    over = (replace(A, B, 8, 10),)
    schedule = Schedule((fixed(A, 8, 10),), over, (Temporary(hour(8), hour(9), (), C),))
    assert shown(final(schedule, hour(8), hour(10))) == [(8, 9, "C"), (9, 10, "B")]


def test_a_swap_belongs_to_the_shift_and_moves_with_it() -> None:
    early = Schedule((weekly(A, B, swapped={0: C}),))
    assert people_at(early, hour(12)) == (C,)
    assert people_at(early, hour(12, day=7)) == (B,)
    later = Rotation(datetime(2026, 1, 5, 1), ZONE, Unit.WEEK, 1, (A, B))
    moved = Schedule((Layer(1, (Version(later, datetime(2020, 1, 1, tzinfo=UTC), swapped={0: C}),)),))
    assert people_at(moved, hour(0.5)) == (B,)
    assert people_at(moved, hour(0.5, day=7)) == (C,)


def test_an_override_comes_before_a_swap() -> None:
    schedule = Schedule((weekly(A, B, swapped={0: C}),), (replace(C, D, 0, 24),))
    assert people_at(schedule, hour(12)) == (D,)


def test_boundaries_are_half_open() -> None:
    """Research 2.3: at its start the new holder, at its end no longer the old one, a second before it still."""
    schedule = Schedule((weekly(A, B),))
    assert people_at(schedule, hour(0, day=7)) == (B,)
    assert people_at(schedule, hour(0, day=7) - timedelta(seconds=1)) == (A,)
    assert people_at(schedule, hour(0)) == (A,)


def test_a_new_version_answers_from_its_boundary_on_and_the_old_one_before() -> None:
    old = Rotation(datetime(2026, 1, 5), ZONE, Unit.WEEK, 1, (A, B))
    new = Rotation(datetime(2026, 1, 5), ZONE, Unit.WEEK, 1, (C, D))
    at = hour(0, day=7)
    layer = Layer(1, (Version(old, MONDAY - 99 * DAY, at), Version(new, at)))
    assert people_at(Schedule((layer,)), at - timedelta(seconds=1)) == (A,)
    assert people_at(Schedule((layer,)), at) == (D,)


def test_a_gap_is_what_is_uncovered_of_what_has_to_be_covered() -> None:
    duties = final(Schedule((fixed(A, 10, 15),)), hour(0), hour(24))
    office = Hours(ZONE, frozenset(range(5)), datetime(2026, 1, 1, 9).time(), datetime(2026, 1, 1, 17).time())
    assert shown(gaps(duties, office)) == [(9, 10, ""), (15, 17, "")]
    assert shown(gaps(duties, Hours(ZONE))) == [(0, 10, ""), (15, 24, "")]
    assert gaps(duties, None) == []


def test_fairness_is_coverage_and_balance() -> None:
    duties = [Duty(hour(0), hour(6), (A,)), Duty(hour(6), hour(18), (B,)), Duty(hour(18), hour(24), ())]
    found = fairness(duties, [A, B])
    assert (found.coverage, found.balance, found.total) == (0.75, 0.5, 0.625)
    assert found.hours == {A: 6.0, B: 12.0}
    assert fairness([Duty(hour(0), hour(2), (A,))], [A]).total == 1.0


people = st.sampled_from([A, B, C, D])
spans = st.tuples(st.integers(0, 95), st.integers(1, 60)).map(lambda t: (t[0] / 2, (t[0] + t[1]) / 2))
layers = st.builds(
    lambda person, span, priority: fixed(person, span[0], span[1], priority), people, spans, st.integers(1, 3)
)
overrides = st.builds(
    lambda change, span, made, person, old: Override(
        change, hour(span[0]), hour(span[1]), hour(-made - 1), person, old if change is Change.REPLACE else None
    ),
    st.sampled_from(list(Change)),
    spans,
    st.integers(0, 9),
    people,
    people,
)
temporaries = st.builds(
    lambda span, inner, person, fallback: Temporary(
        hour(span[0]), hour(span[1]), (Span(hour(inner[0]), hour(inner[1]), person),), fallback
    ),
    spans,
    spans,
    people,
    st.one_of(st.none(), people),
)


@given(st.lists(layers, max_size=5), st.lists(overrides, max_size=4), st.lists(temporaries, max_size=1), st.data())
def test_the_timeline_and_the_answer_at_an_instant_never_disagree(
    some: list[Layer], over: list[Override], masks: list[Temporary], data: Any
) -> None:
    schedule = Schedule((*some, weekly(A, B)), tuple(over), tuple(masks))
    duties = final(schedule, hour(0), hour(72))
    assert [duty.start for duty in duties] == [hour(0), *(duty.end for duty in duties[:-1])], "no hole, no overlap"
    assert duties[-1].end == hour(72)
    at = hour(data.draw(st.integers(0, 143)) / 2)
    (inside,) = [duty.people for duty in duties if duty.start <= at < duty.end]
    assert inside == people_at(schedule, at)
