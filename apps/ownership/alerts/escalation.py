"""Who is woken next, and when: the climb of an alert through its policy (CALL-3). Pure.

Entering a step at ``now`` makes the next one due at ``now`` plus the step's delay, so a late pass never makes a burst.
A step that nobody stands behind is skipped at once; after the last one the climb begins again, ``repeats`` times. A
step with hours waits for them, until an absolute instant. The source of the timing is GoAlert's escalation SQL.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from apps.ownership.rotation import Hours

FIRST = -1
LONGEST_ACK = timedelta(days=4)
SHORTEST_ACK = timedelta(minutes=5)
# After so long since it opened an acknowledgement no longer times out: somebody has it for good.
ACKS_END = timedelta(days=7)


class Aim(StrEnum):
    """What a step wakes: whoever is on call by a rota, a workload's owner, a role's people, one person, a channel."""

    ROTA = "rota"
    OWNER = "owner"
    ROLE = "role"
    PERSON = "person"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Target:
    """``value`` is a rota's rank, a role, or an id; empty for the owner."""

    aim: Aim
    value: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    targets: tuple[Target, ...]
    delay: timedelta
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """``repeats`` is how often it begins again after its last step; ``ack_timeout`` None means never."""

    steps: tuple[Step, ...]
    repeats: int = 1
    ack_timeout: timedelta | None = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Place:
    """How far an alert has climbed: the last step that was entered (or skipped), and in which round."""

    step: int = FIRST
    loop: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What happens now. ``entered`` is the step whose people are woken; ``due`` when to look again, None at the end.

    ``paused``: a step waits for its hours until ``due``. ``nobody``: a whole round had nobody to wake.
    """

    place: Place
    due: datetime | None
    entered: int | None = None
    skipped: tuple[int, ...] = ()
    paused: bool = False
    nobody: bool = False


def advance(
    policy: Policy, place: Place, now: datetime, reaches: Callable[[int], bool], *, forced: bool = False
) -> Move:
    """The next move of an alert that is due. ``reaches(step)`` says whether anybody stands behind a step now;
    ``forced``: somebody asked for it, and a step's hours don't count.
    """
    skipped: list[int] = []
    while True:
        following = _following(policy, place)
        if following is None:
            return Move(place, None, skipped=tuple(skipped), nobody=len(skipped) >= len(policy.steps))
        if len(skipped) == len(policy.steps):
            # Not one of them has anybody: the caller goes to whoever catches everything, and looks again later.
            return Move(place, now + _patience(policy), skipped=tuple(skipped), nobody=True)
        step = policy.steps[following.step]
        opens = now if forced else _opens(step, now)
        if opens > now:
            return Move(place, opens, skipped=tuple(skipped), paused=True)
        place = following
        if reaches(following.step):
            return Move(place, now + step.delay, entered=following.step, skipped=tuple(skipped))
        skipped.append(following.step)


def reopens(policy: Policy, opened: datetime, acknowledged: datetime) -> datetime | None:
    """When an acknowledgement runs out, if it does."""
    if policy.ack_timeout is None:
        return None
    at = acknowledged + policy.ack_timeout
    return at if at < opened + ACKS_END else None


def fewest_entries(delays: Sequence[timedelta], repeats: int, since: datetime, until: datetime) -> int:
    """How many steps must have been taken by ``until`` if nothing paused: skipping only makes it more."""
    at, entries = since, 0
    for _ in range(repeats + 1):
        for delay in delays:
            if at > until:
                return entries
            entries, at = entries + 1, at + delay
    return entries


def shortcomings(policy: Policy, could_reach: Iterable[bool]) -> list[str]:
    """What is wrong with a policy somebody wants to save; ``could_reach`` says for each step whether it ever could."""
    found = []
    if not 1 <= len(policy.steps) <= 10:
        found.append("A policy has 1 to 10 steps.")
    if not 0 <= policy.repeats <= 9:
        found.append("It begins again at most 9 times.")
    if any(not timedelta(minutes=1) <= step.delay <= timedelta(days=1) for step in policy.steps):
        found.append("A step waits from one minute to one day.")
    if policy.ack_timeout is not None and not SHORTEST_ACK <= policy.ack_timeout <= LONGEST_ACK:
        found.append("An acknowledgement runs out after 5 minutes to 4 days, or never.")
    if policy.steps and not any(could_reach):
        found.append("Not one of its steps would wake anybody: every step is empty.")
    return found


def plan(policy: Policy, now: datetime, reaches: Callable[[int], bool]) -> list[tuple[datetime, Move]]:
    """What would happen, and when, for an alert now that nobody acknowledges: each look of its climb in order."""
    place, at, found = Place(), now, []
    while True:
        move = advance(policy, place, at, reaches)
        found.append((at, move))
        if move.due is None:
            return found
        place, at = move.place, move.due


def _following(policy: Policy, place: Place) -> Place | None:
    if place.step + 1 < len(policy.steps):
        return Place(place.step + 1, place.loop)
    return Place(0, place.loop + 1) if place.loop < policy.repeats else None


def _opens(step: Step, now: datetime) -> datetime:
    """The first instant from now on at which the step's hours hold."""
    if step.hours is None:
        return now
    return next((start for start, _ in step.hours.within(now, now + timedelta(days=9))), now)


def _patience(policy: Policy) -> timedelta:
    return max(step.delay for step in policy.steps)
