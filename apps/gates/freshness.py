"""What a criterion's state is at an instant (STAGE-3, STAGE-4). Pure; nothing here looks at a clock.

Evidence is fresh on ``[observed, observed + valid_for)``. Stale, erring and unreported evidence is no green: it keeps
the gate closed and says until when it was passing. A waiver stands in for a criterion until its own end, and is seen.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.gates.criteria import Criterion, Limits, Traits

WARN_AT = 0.75


class State(StrEnum):
    PASS = "pass"  # noqa: S105 (a verdict)
    WARN = "warn"
    WAIVED = "waived"
    FAIL = "fail"
    STALE = "stale"
    NOT_REPORTED = "not_reported"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"
    ANNOUNCED = "announced"


# In these a criterion doesn't keep its gate closed.
OPEN = frozenset({State.PASS, State.WARN, State.WAIVED, State.NOT_APPLICABLE, State.ANNOUNCED})


@dataclass(frozen=True, slots=True)
class Reported:
    """What a source knows about one criterion: the facts, since when, until when, and who answers for them.

    ``evidence_id`` is the record that they stand in, where one does; ``is_live`` marks figures that are worked out anew
    at each look. ``valid_until`` overrides what the criterion's own life gives.
    """

    facts: dict[str, Any]
    observed_at: datetime
    authors: tuple[UUID, ...] = ()
    evidence_id: UUID | None = None
    is_live: bool = False
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The source itself broke: nobody's fault who owns the workload (S5)."""

    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A criterion as it stands at an instant."""

    criterion: Criterion
    state: State
    why: str
    reported: Reported | None = None
    valid_until: datetime | None = None
    waived_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def stand(
    criterion: Criterion,
    reported: Reported | Failed | None,
    limits: Limits,
    now: datetime,
    waived_until: datetime | None = None,
    traits: Traits | None = None,
) -> Standing:
    """The state at ``now``; a waiver that still runs stands in for whatever doesn't hold.

    What doesn't concern a workload with these traits is left out (S2); what counts later is shown until then (S8).
    """
    why_not = criterion.concerns.why_not(traits) if traits else ""
    if why_not:
        return Standing(criterion, State.NOT_APPLICABLE, why_not)
    if criterion.counts_from is not None and now < criterion.counts_from:
        ahead = _without_waiver(criterion, reported, limits, now)
        why = f"Counts from {criterion.counts_from:%Y-%m-%d %H:%M} UTC. {ahead.why}"
        return Standing(criterion, State.ANNOUNCED, why, ahead.reported, ahead.valid_until)
    found = _without_waiver(criterion, reported, limits, now)
    if found.is_open or waived_until is None or now >= waived_until or not criterion.is_waivable:
        return found
    why = f"Waived until {waived_until:%Y-%m-%d %H:%M} UTC. {found.why}"
    return Standing(criterion, State.WAIVED, why, found.reported, found.valid_until, waived_until)


def _without_waiver(
    criterion: Criterion, reported: Reported | Failed | None, limits: Limits, now: datetime
) -> Standing:
    if reported is None:
        return Standing(criterion, State.NOT_REPORTED, "Nothing has been reported yet.")
    if isinstance(reported, Failed):
        return Standing(criterion, State.ERROR, reported.why)
    until = valid_until(criterion, reported)
    finding = criterion.judge(reported.facts, limits)
    if not finding.holds:
        return Standing(criterion, State.FAIL, finding.why, reported, until)
    if until is not None and now >= until:
        since = f" ({reported.facts['over']})" if reported.facts.get("over") else ""
        why = f"It was passing until {until:%Y-%m-%d %H:%M} UTC{since}; show it anew."
        return Standing(criterion, State.STALE, why, reported, until)
    if until is not None and now >= reported.observed_at + (until - reported.observed_at) * WARN_AT:
        left = _words(until - now)
        return Standing(criterion, State.WARN, f"{finding.why} Only {left} left.", reported, until)
    return Standing(criterion, State.PASS, finding.why, reported, until)


def valid_until(criterion: Criterion, reported: Reported) -> datetime | None:
    if reported.valid_until is not None:
        return reported.valid_until
    return reported.observed_at + criterion.valid_for if criterion.valid_for is not None else None


def _words(left: timedelta) -> str:
    return f"{left.days} days" if left.days > 1 else f"{left.total_seconds() / 3600:.0f} hours"
