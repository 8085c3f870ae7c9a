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


def may(before: State, after: State) -> bool:
    return after in ALLOWED[before]
