"""Who is on call: rotations in layers, swaps, overrides and temporary schedules, resolved by one rule (CALL-2). Pure.

For each instant the first of these that says something decides: a temporary schedule, an override, a swap that was
taken, the layered rotations. Of the layers those of the highest priority that have anybody count. Every page, feed and
page-out asks :func:`people_at` or :func:`final`, which rests on it, so that they can't disagree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations, pairwise
from uuid import UUID

from apps.ownership.rotation import Hours, Rotation, Span

People = tuple[UUID, ...]


class Change(StrEnum):
    """What an override does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Version:
    """A rotation as it was from one boundary until another took its place; ``swapped`` is who took which shift."""

    rotation: Rotation
    valid_from: datetime
    valid_to: datetime | None = None
    swapped: Mapping[int, UUID] = field(default_factory=dict)

    def turns(self, start: datetime, end: datetime) -> Iterator[Span]:
        last = end if self.valid_to is None else min(end, self.valid_to)
        for k, span in self.rotation.spans(max(start, self.valid_from), last):
            yield Span(span.start, span.end, self.swapped[k]) if k in self.swapped else span

    def person_at(self, at: datetime) -> UUID | None:
        if at < self.valid_from or (self.valid_to is not None and at >= self.valid_to):
            return None
        holder = self.rotation.holder(at)
        return self.swapped.get(self.rotation.index(at), holder) if holder is not None and self.swapped else holder


@dataclass(frozen=True, slots=True)
class Layer:
    """One rotation through its versions. Of several layers the highest priority that has anybody counts."""

    priority: int
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Override:
    """For ``[start, end)``: somebody more, somebody less, or ``person`` instead of ``instead_of``.

    ``made_at`` orders them: of two that replace the same person the later one wins, and it may replace a replacement.
    """

    change: Change
    start: datetime
    end: datetime
    made_at: datetime
    person: UUID | None = None
    instead_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Temporary:
    """For ``[start, end)`` nothing else counts; where it has nobody, ``fallback`` does."""

    start: datetime
    end: datetime
    spans: tuple[Span, ...]
    fallback: UUID | None = None

    def people_at(self, at: datetime) -> People:
        found = {s.person for s in self.spans if s.start <= at < s.end and s.person is not None}
        return _ordered(found or ({self.fallback} if self.fallback else set()))


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that decides who is on call. Whoever is ``gone`` wakes up for nothing: their turns are gaps."""

    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    temporaries: tuple[Temporary, ...] = ()
    gone: frozenset[UUID] = frozenset()

    def present(self, people: People) -> People:
        return tuple(person for person in people if person not in self.gone) if self.gone else people


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call in ``[start, end)``; nobody is a gap."""

    start: datetime
    end: datetime
    people: People


def people_at(schedule: Schedule, at: datetime) -> People:
    """Who is on call at an instant, in a fixed order; empty is a gap."""
    temporary = [each for each in schedule.temporaries if each.start <= at < each.end]
    if temporary:
        return schedule.present(temporary[-1].people_at(at))
    held = [
        (layer.priority, person)
        for layer in schedule.layers
        for version in layer.versions
        if (person := version.person_at(at)) is not None
    ]
    active = [each for each in schedule.overrides if each.start <= at < each.end]
    return schedule.present(_decided(held, active))


def final(schedule: Schedule, start: datetime, end: datetime) -> list[Duty]:
    """The whole of ``[start, end)`` piece by piece, gaps included; neighbours with the same people are one."""
    turns = [
        (layer.priority, span)
        for layer in schedule.layers
        for version in layer.versions
        for span in version.turns(start, end)
    ]
    cuts = sorted({start, end, *_edges(schedule, turns, start, end)})
    return list(_merged(_pieces(schedule, turns, cuts)))


def gaps(duties: Iterable[Duty], target: Hours | None) -> list[Duty]:
    """What nobody covers of what has to be covered; without a target there is nothing to nag about."""
    if target is None:
        return []
    empty = [duty for duty in duties if not duty.people]
    return [Duty(first, last, ()) for duty in empty for first, last in target.within(duty.start, duty.end)]


def needless(schedule: Schedule) -> list[Override]:
    """Replacements of somebody who isn't on call in any of their time: they change nothing and wake nobody."""
    return [each for each in schedule.overrides if each.change is Change.REPLACE and not _matters(schedule, each)]


@dataclass(frozen=True, slots=True)
class Fairness:
    """Shares from 0 to 1: how much is covered, and how evenly; ``total`` is their mean."""

    coverage: float
    balance: float
    hours: dict[UUID, float]

    @property
    def total(self) -> float:
        return (self.coverage + self.balance) / 2


def fairness(duties: Sequence[Duty], everybody: Iterable[UUID]) -> Fairness:
    """Coverage, and the mean over all pairs of people of the fewer hours over the more (1 where neither has any)."""
    hours = dict.fromkeys(everybody, 0.0)
    covered = whole = timedelta()
    for duty in duties:
        length = duty.end - duty.start
        whole += length
        covered += length if duty.people else timedelta()
        for person in duty.people:
            hours[person] = hours.get(person, 0.0) + length.total_seconds() / 3600
    pairs = [min(a, b) / max(a, b) if max(a, b) else 1.0 for a, b in combinations(hours.values(), 2)]
    return Fairness(covered / whole if whole else 1.0, sum(pairs) / len(pairs) if pairs else 1.0, hours)


def _decided(held: Iterable[tuple[int, UUID]], active: Sequence[Override]) -> People:
    """Of the layers the highest with anybody; then overrides, in the order in which they were made."""
    held = list(held)
    top = max((priority for priority, _ in held), default=0)
    people = {person for priority, person in held if priority == top}
    if not active:
        return _ordered(people)
    made = sorted(active, key=lambda each: each.made_at)
    people = {_replaced(person, made) for person in people}
    people -= {each.person for each in made if each.change is Change.REMOVE and each.person is not None}
    people |= {each.person for each in made if each.change is Change.ADD and each.person is not None}
    return _ordered(people)


def _replaced(person: UUID, made: Sequence[Override]) -> UUID:
    """Who stands in for a person: the latest replacement, and whoever was made to replace that one afterwards."""
    place = next(
        (n for n in reversed(range(len(made))) if made[n].change is Change.REPLACE and made[n].instead_of == person),
        None,
    )
    if place is None or made[place].person is None:
        return person
    stand_in = made[place].person
    assert stand_in is not None, "a replacement names somebody"
    return _replaced(stand_in, made[place + 1 :])


def _edges(schedule: Schedule, turns: Iterable[tuple[int, Span]], start: datetime, end: datetime) -> Iterator[datetime]:
    """Every instant inside at which something begins or ends."""
    spans = [span for _, span in turns]
    inner = [span for temporary in schedule.temporaries for span in temporary.spans]
    ranges = [(e.start, e.end) for e in (*spans, *inner)]
    ranges += [(o.start, o.end) for o in schedule.overrides]
    ranges += [(t.start, t.end) for t in schedule.temporaries]
    for both in ranges:
        yield from (at for at in both if start < at < end)


def _pieces(schedule: Schedule, turns: Sequence[tuple[int, Span]], cuts: Sequence[datetime]) -> Iterator[Duty]:
    """Each stretch in which nothing changes; turns are picked up and dropped as the stretches go by."""
    coming = sorted(turns, key=lambda turn: turn[1].start, reverse=True)
    current: list[tuple[int, Span]] = []
    for start, end in pairwise(cuts):
        while coming and coming[-1][1].start <= start:
            current.append(coming.pop())
        current = [turn for turn in current if turn[1].end > start]
        temporary = [each for each in schedule.temporaries if each.start <= start < each.end]
        if temporary:
            yield Duty(start, end, schedule.present(temporary[-1].people_at(start)))
            continue
        held = [(priority, span.person) for priority, span in current if span.person is not None]
        active = [each for each in schedule.overrides if each.start <= start < each.end]
        yield Duty(start, end, schedule.present(_decided(held, active)))


def _merged(pieces: Iterable[Duty]) -> Iterator[Duty]:
    held: Duty | None = None
    for piece in pieces:
        if held is not None and held.people == piece.people:
            held = Duty(held.start, piece.end, held.people)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def _matters(schedule: Schedule, override: Override) -> bool:
    """Whether the person whom it replaces would be on call at any time in it, were it not there."""
    others = tuple(each for each in schedule.overrides if each is not override)
    without = replace(schedule, overrides=others)
    return any(override.instead_of in duty.people for duty in final(without, override.start, override.end))


def _ordered(people: Iterable[UUID | None]) -> People:
    return tuple(sorted(person for person in people if person is not None))
