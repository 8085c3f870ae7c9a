"""The states of a rollout and the moves between them, as data (ROLL-7)."""

from enum import StrEnum


class State(StrEnum):
    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    HELD = "held"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Hold(StrEnum):
    """Why a rollout is held: a closed list."""

    MANUAL = "manual"
    BREACH = "breach"
    PROVIDER = "provider_suspected"
    UNHEALTHY = "unhealthy"
    ERROR = "error"
    BLIND = "blind"
    INSUFFICIENT = "insufficient_data"
    INCONCLUSIVE = "inconclusive"
    CONDITIONS = "conditions"


ALLOWED: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.AWAITING_APPROVAL, State.CANCELLED}),
    State.AWAITING_APPROVAL: frozenset({State.RUNNING, State.DRAFT, State.CANCELLED}),
    State.RUNNING: frozenset({State.RUNNING, State.HELD, State.ROLLING_BACK, State.COMPLETED}),
    State.HELD: frozenset({State.RUNNING, State.HELD, State.ROLLING_BACK}),
    State.ROLLING_BACK: frozenset({State.ROLLED_BACK}),
    State.ROLLED_BACK: frozenset(),
    # The brakes stay on for a day after 100 % (ROLL-11).
    State.COMPLETED: frozenset({State.ROLLING_BACK}),
    State.CANCELLED: frozenset(),
}

# A workload has at most one rollout in these states.
ACTIVE = frozenset({State.AWAITING_APPROVAL, State.RUNNING, State.HELD, State.ROLLING_BACK})
# In these the agent's arm is served.
SERVING = frozenset({State.RUNNING, State.HELD})
# These are looked at by the tick.
WATCHED = frozenset({State.RUNNING, State.HELD, State.ROLLING_BACK, State.COMPLETED})


class Mover(StrEnum):
    PERSON = "person"
    CHECK = "check"


_BY_CHECK = frozenset(
    {
        (State.RUNNING, State.RUNNING),
        (State.RUNNING, State.HELD),
        (State.RUNNING, State.ROLLING_BACK),
        (State.RUNNING, State.COMPLETED),
        # Held for blindness, it steps back, and it wakes when records arrive again.
        (State.HELD, State.HELD),
        (State.HELD, State.RUNNING),
        (State.HELD, State.ROLLING_BACK),
        (State.ROLLING_BACK, State.ROLLED_BACK),
        (State.COMPLETED, State.ROLLING_BACK),
    }
)
# Stepping, stepping back, completing and the proof of a rollback follow from figures: no person's word makes them.
_CHECK_ALONE = frozenset(
    {
        (State.RUNNING, State.RUNNING),
        (State.RUNNING, State.COMPLETED),
        (State.HELD, State.HELD),
        (State.ROLLING_BACK, State.ROLLED_BACK),
    }
)


def may(before: State, after: State, by: Mover | None = None) -> bool:
    """Whether the move exists and, if asked, whether a person or a check may make it."""
    if after not in ALLOWED[before]:
        return False
    if by is Mover.CHECK:
        return (before, after) in _BY_CHECK
    return by is None or (before, after) not in _CHECK_ALONE
