"""Who may fill which slot, and when a request is granted (APPR-1, APPR-2). Pure.

A request asks for *slots*: so many people of some roles. Quorum is a maximum matching between people and the seats of
the slots, worked out anew each time from what people are today, so that somebody who holds two roles never blocks the
one seat that another could have left free, and nobody sits twice. A *committee* slot is decided by vote instead.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    ABSTAIN = "abstain"
    RECUSE = "recuse"


class Outcome(StrEnum):
    OPEN = "open"
    CARRIED = "carried"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Slot:
    """``count`` different people who hold one of ``roles``, and belong to ``team`` (an id) where one is named.

    ``depends`` are the parts of the content that these people judge; none means all of them. A committee slot has
    no count: the members present decide (see :func:`vote`).
    """

    name: str
    roles: frozenset[str]
    count: int = 1
    depends: frozenset[str] = frozenset()
    team: str = ""
    committee: bool = False
    chair: str = ""

    @property
    def ranks(self) -> list[str]:
        """The roles in a steady order, for people."""
        return sorted(self.roles)

    def judges(self, parts: Mapping[str, str]) -> frozenset[str]:
        return self.depends or frozenset(parts)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as they are now: what they hold, and why they may not sign here, if so."""

    id: UUID
    roles: frozenset[str]
    teams: frozenset[str] = frozenset()
    excluded: str = ""

    def fits(self, slot: Slot) -> bool:
        return not self.excluded and bool(self.roles & slot.roles) and (not slot.team or slot.team in self.teams)


@dataclass(frozen=True, slots=True)
class Hand:
    """A signature as it is judged now: on whose behalf, what it said, and which content it has seen, part by part."""

    person: Person
    verdict: Verdict
    seen: Mapping[str, str]

    def fills(self, slot: Slot, parts: Mapping[str, str]) -> bool:
        return self.person.fits(slot) and self.has_seen(slot, parts)

    def has_seen(self, slot: Slot, parts: Mapping[str, str]) -> bool:
        return all(self.seen.get(part) == parts.get(part) for part in slot.judges(parts))


@dataclass(frozen=True, slots=True)
class Tally:
    """Who sits where. ``filled`` counts by slot; ``seats`` names each person's slot."""

    filled: tuple[int, ...]
    seats: dict[UUID, int] = field(default_factory=dict)
    complete: bool = False
    lost: bool = False


def tally(
    slots: Sequence[Slot], hands: Sequence[Hand], parts: Mapping[str, str], members: Sequence[Person] = ()
) -> Tally:
    """Match signatures to slots. ``members`` are all the tenant's people, which committees count their quorum over."""
    ballots = {i: vote(slot, hands, parts, members) for i, slot in enumerate(slots) if slot.committee}
    # Whoever sits on a committee of this request votes there and nowhere else: one person, one slot.
    others = [hand for hand in hands if not any(hand.person.fits(slots[i]) for i in ballots)]
    seats = _match(slots, [hand for hand in others if hand.verdict is Verdict.APPROVE], parts)
    counts = [sum(seat == i for seat in seats.values()) for i in range(len(slots))]
    filled = tuple(int(ballots[i] is Outcome.CARRIED) if i in ballots else n for i, n in enumerate(counts))
    complete = bool(slots) and all(n >= wanted(slot) for n, slot in zip(filled, slots, strict=True))
    rejected = any(hand.verdict is Verdict.REJECT and _fills_any(hand, slots, parts) for hand in others)
    return Tally(filled, seats, complete, rejected or Outcome.LOST in ballots.values())


def wanted(slot: Slot) -> int:
    return 1 if slot.committee else slot.count


def vote(slot: Slot, hands: Sequence[Hand], parts: Mapping[str, str], members: Sequence[Person]) -> Outcome:
    """A committee's decision: a quorum of half of those not recused, rounded up, and one; then the majority of votes.

    Somebody recused counts neither among the members nor among the votes. Abstaining is being present. The chair
    breaks a tie.
    """
    votes = {hand.person.id: hand.verdict for hand in hands if hand.fills(slot, parts)}
    recused = {person for person, verdict in votes.items() if verdict is Verdict.RECUSE}
    size = sum(1 for person in members if person.fits(slot) and person.id not in recused)
    present = {person: verdict for person, verdict in votes.items() if person not in recused}
    if not present or len(present) < (size + 1) // 2 + 1:
        return Outcome.OPEN
    ayes = sum(verdict is Verdict.APPROVE for verdict in present.values())
    noes = sum(verdict is Verdict.REJECT for verdict in present.values())
    if ayes == noes:
        chair = next((verdict for person, verdict in present.items() if str(person) == slot.chair), Verdict.ABSTAIN)
        return {Verdict.APPROVE: Outcome.CARRIED, Verdict.REJECT: Outcome.LOST}.get(chair, Outcome.OPEN)
    return Outcome.CARRIED if ayes > noes else Outcome.LOST


def unsatisfiable(slots: Sequence[Slot], members: Sequence[Person]) -> list[str]:
    """The slots that can't be filled however people sign: too few hold the role, or too few are left for it.

    A role without members is one; so are two seats for which only one and the same person is there.
    """
    ordinary = [slot for slot in slots if not slot.committee]
    hands = [Hand(member, Verdict.APPROVE, {}) for member in members]
    seats = _match(ordinary, hands, {})
    found = [slot.name for i, slot in enumerate(ordinary) if sum(seat == i for seat in seats.values()) < slot.count]
    empty = [slot.name for slot in slots if slot.committee and not any(member.fits(slot) for member in members)]
    return found + empty


def waiting(slots: Sequence[Slot], filled: Sequence[int]) -> list[Slot]:
    return [slot for slot, n in zip(slots, filled, strict=True) if n < wanted(slot)]


def fallen(slots: Sequence[Slot], hand: Hand, parts: Mapping[str, str]) -> bool:
    """Whether a signature is left without any slot because the content that its slots judge has changed."""
    fitting = [slot for slot in slots if hand.person.fits(slot)]
    return bool(fitting) and not any(hand.has_seen(slot, parts) for slot in fitting)


def looser(proposed: Sequence[Slot], least: Sequence[Slot]) -> list[str]:
    """What a tenant's own slots would ask less of than the default; tightening alone is allowed (STAGE-4, APPR-3)."""
    by_name = {slot.name: slot for slot in proposed}
    return [problem for slot in least if (problem := _less(by_name.get(slot.name), slot))]


def part_digests(content: Mapping[str, Any]) -> dict[str, str]:
    """A SHA-256 for each part of what is approved, over canonical JSON: the same content has the same digests."""
    return {name: _sha256(value) for name, value in content.items()}


def digest(parts: Mapping[str, str]) -> str:
    return _sha256(dict(parts))


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The parts that aren't the same, sorted."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def pending_until(requested_at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The first midnight in the tenant's zone after ``days`` whole days that follow the day of the request (A11)."""
    day = requested_at.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, time(), zone)


def _match(slots: Sequence[Slot], hands: Sequence[Hand], parts: Mapping[str, str]) -> dict[UUID, int]:
    """A maximum matching (Kuhn's augmenting paths), the earlier signature first. Seats are (slot, number)."""
    choices = {
        hand.person.id: [
            (i, seat)
            for i, slot in enumerate(slots)
            if not slot.committee and hand.fills(slot, parts)
            for seat in range(slot.count)
        ]
        for hand in hands
    }
    holder: dict[tuple[int, int], UUID] = {}

    def seated(person: UUID, tried: set[tuple[int, int]]) -> bool:
        for seat in choices[person]:
            if seat in tried:
                continue
            tried.add(seat)
            if seat not in holder or seated(holder[seat], tried):
                holder[seat] = person
                return True
        return False

    for person in choices:
        seated(person, set())
    return {person: slot for (slot, _), person in holder.items()}


def _fills_any(hand: Hand, slots: Sequence[Slot], parts: Mapping[str, str]) -> bool:
    return any(hand.fills(slot, parts) for slot in slots)


def _less(proposed: Slot | None, least: Slot) -> str:
    if proposed is None:
        return f"{least.name}: this slot can't be left out."
    if proposed.count < least.count and not proposed.committee:
        return f"{least.name}: ask for at least {least.count}."
    if not proposed.roles <= least.roles:
        return f"{least.name}: only {', '.join(sorted(least.roles))} may fill it."
    if proposed.depends and not (least.depends and proposed.depends >= least.depends):
        return f"{least.name}: it has to judge at least what it judges by default."
    return ""


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
