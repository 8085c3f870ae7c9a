"""What the decision path knows: one immutable snapshot a tenant and process, never older than a second.

It is keyed by the tenant's configuration version. Every :data:`CHECK_EVERY` the version is read; only when it moved
is the snapshot read anew. If the database can't be asked, what is known is too old to send anybody to an agent, and
everybody goes to the fallback (fail safe on service).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from django.db import Error
from django.utils import timezone

from apps.budgets import gates, holds
from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.queries import standing
from apps.dispatch.pilot.rules import Terms
from apps.pricing.queries import prices
from apps.pricing.rules import Price, day_of
from apps.rollouts.assignment import Exposure, Mode
from apps.rollouts.models import Rollout
from apps.rollouts.queries import served
from apps.tenants.queries import config_version, zone_of
from apps.workloads.models import AgentVersion, Workload
from apps.workloads.queries import workloads
from portal.connections import drop_dead
from portal.errors import Unavailable
from portal.tenancy.context import tenant_transaction

CHECK_EVERY = 0.4
OLDEST = 1.0


@dataclass(frozen=True, slots=True)
class Version:
    label: str
    model: str


@dataclass(frozen=True, slots=True)
class Split:
    """The rollout that a workload is in: what is served to whom."""

    rollout_id: str
    step: int
    seed: str
    mode: Mode
    exposure: Exposure
    agent: Version


@dataclass(frozen=True, slots=True)
class Pilot:
    """The service before rollout of a workload that has neither a rollout nor a version in service (DISP-2)."""

    terms: Terms
    seed: str
    agent: Version
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Flag:
    """A workload as the decision path sees it. ``stable`` answers outside the agent's arm; None is the fallback.

    ``budget_model`` is what may answer at a soft cap; empty where the workload's policy permits none (COST-7).
    ``is_gated``: its cost gate is complete (COST-9); what a model costs is looked up for the one that answers.
    """

    workload_id: UUID
    key: str
    fallback: dict[str, str]
    stable: Version | None
    split: Split | None
    budget_model: str = ""
    is_gated: bool = True
    pilot: Pilot | None = None

    @property
    def models(self) -> set[str]:
        versions = (self.stable, *(each.agent for each in (self.split, self.pilot) if each))
        return ({version.model for version in versions if version} | {self.budget_model}) - {""}


@dataclass(frozen=True, slots=True)
class Tariff:
    """What calls cost and are held at on ``day`` (UTC), and in which zone the tenant's months begin."""

    day: date
    zone: str
    prices: dict[str, Price] = field(default_factory=dict)
    holds: dict[tuple[UUID, str], int] = field(default_factory=dict)

    def has_price(self, model: str) -> bool:
        """Whether every call to it can be priced; where not, each is refused (COST-4)."""
        return model in self.prices and self.prices[model].is_complete


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``version`` is the configuration's; ``is_current`` is false when nobody could be asked for too long. ``until`` is
    when the first pilot's time is over.
    """

    version: int
    flags: dict[str, Flag]
    tariff: Tariff
    checked_at: float
    is_current: bool = True
    until: datetime | None = None

    def holds(self, version: int, now: datetime) -> bool:
        """Whether it needn't be read anew: nothing was set, no price has another day, no pilot's time is over."""
        is_over = self.until is not None and self.until <= now
        return self.version == version and self.tariff.day == day_of(now) and not is_over


class Snapshots:
    """The snapshots of this process, by tenant."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[UUID, Snapshot] = {}
        self._lock = threading.Lock()

    def get(self, tenant_id: UUID) -> Snapshot:
        """The tenant's snapshot, at most a second old.

        Raises:
            Unavailable: the database can't be asked and nothing is known.
        """
        known = self._known.get(tenant_id)
        age = self._clock() - known.checked_at if known else OLDEST
        if known and age < CHECK_EVERY:
            return known
        # One thread asks; the others go on with what is known while that is young enough.
        if not self._lock.acquire(blocking=known is None or age >= OLDEST):
            assert known is not None, "only a known snapshot is used without asking"
            return known
        try:
            return self._refresh(tenant_id)
        finally:
            self._lock.release()

    def fresh(self, tenant_id: UUID) -> Snapshot:
        """The snapshot as of now, whatever its age: for the read-back."""
        with self._lock:
            return self._refresh(tenant_id, force=True)

    def clear(self) -> None:
        self._known.clear()

    def _refresh(self, tenant_id: UUID, *, force: bool = False) -> Snapshot:
        known, asked_at = self._known.get(tenant_id), self._clock()
        if known and not force and asked_at - known.checked_at < CHECK_EVERY:
            return known  # another thread asked while this one waited
        # Decisions pass no request signals (portal.wsgi), so a connection that broke or grew old is dropped here.
        drop_dead()
        try:
            snapshot = _read(tenant_id, known, asked_at)
        except Error as error:
            if known is None:
                raise Unavailable(
                    "configuration", "The configuration can't be read just now; use the fallback."
                ) from error
            return replace(known, is_current=asked_at - known.checked_at < OLDEST)
        self._known[tenant_id] = snapshot
        return snapshot


def _read(tenant_id: UUID, known: Snapshot | None, asked_at: float) -> Snapshot:
    now = timezone.now()
    today = day_of(now)
    with tenant_transaction(tenant_id):
        version = config_version(tenant_id)
        if known and known.holds(version, now):
            return replace(known, checked_at=asked_at, is_current=True)
        splits: dict[UUID, Rollout] = {}
        for rollout in served(tenant_id):
            splits.setdefault(rollout.workload_id, rollout)
        rows = workloads(tenant_id).select_related("serving_version")
        found = gates.read(tenant_id)
        pilots = {row.workload_id: row for row in standing(tenant_id, now)}
        flags = {row.key: flag(row, splits.get(row.id), pilots.get(row.id), is_gated=found.admits(row)) for row in rows}
        models = {model for each in flags.values() for model in each.models}
        tariff = Tariff(today, zone_of(tenant_id).key, prices(tenant_id, models, today), holds.sizes(tenant_id))
    until = min((flag.pilot.ends_at for flag in flags.values() if flag.pilot), default=None)
    return Snapshot(version, flags, tariff, asked_at, until=until)


def flag(workload: Workload, rollout: Rollout | None, service: PilotService | None, *, is_gated: bool) -> Flag:
    """A workload, read with its version in service, the rollout that it is in, and its service before that."""
    split = _split(rollout) if rollout is not None and not rollout.served.is_nothing else None
    stable = rollout.control_version if split and rollout else workload.serving_version
    fallback = {
        "kind": workload.fallback_kind,
        "description": workload.fallback_description,
        "address": workload.fallback_address,
    }
    budget_model = workload.budget_tier if workload.may_degrade else ""
    pilot = _pilot(service) if service is not None and split is None and stable is None else None
    return Flag(workload.id, workload.key, fallback, _version(stable), split, budget_model, is_gated, pilot)


def _split(rollout: Rollout) -> Split:
    agent = _version(rollout.version)
    assert agent is not None, "a rollout has a version"
    return Split(str(rollout.id), rollout.step, rollout.seed, Mode(rollout.mode), rollout.served, agent)


def _pilot(service: PilotService) -> Pilot:
    agent = _version(service.version)
    assert agent is not None, "a service has a version"
    return Pilot(service.terms, service.seed, agent, service.ends_at)


def _version(version: AgentVersion | None) -> Version | None:
    return Version(version.label, version.model) if version else None


snapshots = Snapshots()
