"""Who is in: sticky, monotonic assignment of units to arms (ROLL-4). Pure, and on the decision path.

A unit's bucket is murmur3 x86-32 (seed 0, unsigned) over the NFC form of ``salt:unit`` in UTF-8, modulo 10,000. The
salt is the rollout's immutable seed, so different rollouts are independent and the same unit always gets the same
answer. The agent's arm is ``[0, share)``; the concurrent control arm is as large and doesn't touch it:
``[5000, 5000 + share)`` while the share is at most half, the remainder above. So growth moves units from *none* or
*control* to *agent* and never back.

In Unleash's mode the bucket is ``1 + hash % 100`` over the bytes as they come, and a unit is in while its bucket is
at most the percentage; the published cases of that system hold.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import mmh3

ALL = 10_000
HALF = ALL // 2


class Arm(StrEnum):
    AGENT = "agent"
    CONTROL = "control"
    NONE = "none"


class Mode(StrEnum):
    BUCKETS_10000 = "murmur3-10000"
    UNLEASH = "unleash-100"


@dataclass(frozen=True, slots=True)
class Cohort:
    """Units whose ``attribute`` has one of ``values``."""

    attribute: str
    values: frozenset[str]

    def admits(self, attributes: Mapping[str, object]) -> bool:
        value = attributes.get(self.attribute)
        # Lists and objects are no values, and a deep one can't even be written down.
        return isinstance(value, str | int | float) and str(value) in self.values


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a rollout serves: ``share`` by hash and ``cohorts`` by attribute; ``control`` is the control arm's size.

    Shares are basis points, 0 to 10,000.
    """

    share: int
    control: int = 0
    cohorts: tuple[Cohort, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return self.share == 0 and not self.cohorts


NOTHING = Exposure(share=0)


def bucket(seed: str, unit: str, mode: Mode = Mode.BUCKETS_10000) -> int:
    """The unit's place in 0..9,999 (in Unleash's mode: the last place of its hundredth)."""
    if mode is Mode.UNLEASH:
        return unleash_bucket(seed, unit) * 100 - 1
    return _hash(unicodedata.normalize("NFC", f"{seed}:{unit}")) % ALL


def unleash_bucket(group: str, unit: str) -> int:
    """1..100, as Unleash's gradual rollout strategy computes it."""
    return _hash(f"{group}:{unit}") % 100 + 1


def _hash(text: str) -> int:
    """Encoded here: JSON can carry half a surrogate pair (``"\\ud800"``), on which mmh3 ends the whole process."""
    return mmh3.hash(text.encode("utf-8", "surrogatepass"), 0, signed=False)


def arm(
    exposure: Exposure,
    *,
    seed: str,
    unit: str | None,
    attributes: Mapping[str, object],
    mode: Mode = Mode.BUCKETS_10000,
) -> Arm:
    """The unit's arm. Nobody is in at 0 %, everybody at 100 %, a missing unit included; between, one without an id
    is in no arm, because it couldn't be sticky.
    """
    if exposure.share >= ALL or any(cohort.admits(attributes) for cohort in exposure.cohorts):
        return Arm.AGENT
    if not unit:
        return Arm.NONE
    place = bucket(seed, unit, mode)
    if place < exposure.share:
        return Arm.AGENT
    return Arm.CONTROL if _in_control(place, exposure.control) else Arm.NONE


def _in_control(place: int, size: int) -> bool:
    """``size`` is the agent's planned share; above half of all, the control arm is whoever is left."""
    if size > HALF:
        return True
    return HALF <= place < HALF + size
