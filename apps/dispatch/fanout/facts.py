"""The fan-out as plain values (DISP-1, WORK-3): what decides, and each specialist with what answers and what holds it.

Nothing here knows a database, so that a picture of it can be made wherever these values can be had.
"""

from dataclasses import dataclass

from apps.budgets.overview import Standing, Tier


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """What stands before all workloads: its rules, and the classifier that answers (None: none does)."""

    rules: int
    classifier: int | None
    threshold: float


@dataclass(frozen=True, slots=True)
class Answering:
    """A version that answers, and its model."""

    label: str
    model: str


@dataclass(frozen=True, slots=True)
class Specialist:
    """One workload: who answers its requests, with which models, up to which ceilings.

    ``stable`` answers whoever isn't in a rollout, None is the fallback; ``rollout`` answers a ``share`` in basis
    points; before it ``pilot`` answers whom ``pilot_for`` names (DISP-2). ``budget_model`` is empty where the policy
    permits none (COST-7). ``finding`` is AP-01 in words.
    """

    key: str
    name: str
    stage: str
    stable: Answering | None
    rollout: Answering | None
    share: int
    fallback: str
    budget_model: str
    gate: Standing
    tiers: tuple[Tier, ...]
    finding: str = ""
    pilot: Answering | None = None
    pilot_for: str = ""

    @property
    def is_served(self) -> bool:
        """Whether any request gets an agent: something is in service, and a gate lets it spend (COST-9)."""
        return any((self.stable, self.rollout, self.pilot)) and self.gate.admits

    @property
    def missing(self) -> tuple[Tier, ...]:
        return tuple(tier for tier in self.tiers if tier.ceiling is None)


@dataclass(frozen=True, slots=True)
class Whole:
    """All that the reader may see, beyond one page: the keys of workloads, by what is to be said of them first."""

    keys: tuple[str, ...]
    incomplete: tuple[str, ...]
    reached: tuple[str, ...]
    monoliths: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FanOut:
    """One page of the map. ``dispatcher`` is None for whoever may not read the classifier."""

    dispatcher: Dispatcher | None
    specialists: tuple[Specialist, ...]
    whole: Whole
    month: str
