"""Whom a workload serves before its rollout: a named cohort, or a share in shadow (DISP-2). Pure, on the decision path.

The same unit gets the same answer for as long as the terms stand: the units of a cohort are listed, or known by an
attribute; a shadow's share is the assignment of rollouts, with a seed of its own, so that it grows without moving
anybody out.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from apps.rollouts.assignment import ALL, Arm, Cohort, Exposure, arm

MOST_UNITS, LONGEST_UNIT = 1_000, 200
MOST_VALUES, LONGEST_VALUE, LONGEST_ATTRIBUTE, LONGEST_NAME = 50, 100, 60, 100
LONGEST_SERVICE = timedelta(days=90)
# The stages in which there is a service before rollout.
BEFORE_ROLLOUT = frozenset({"pilot", "validate"})


class Mode(StrEnum):
    COHORT = "cohort"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Terms:
    """Who is in. ``units`` and ``attribute`` with ``values`` are a cohort's, ``share`` (basis points) is a shadow's."""

    mode: Mode
    name: str = ""
    units: frozenset[str] = frozenset()
    attribute: str = ""
    values: frozenset[str] = frozenset()
    share: int = 0

    @property
    def needs_unit(self) -> bool:
        """Whether the answer depends on who asks."""
        return bool(self.units) if self.mode is Mode.COHORT else 0 < self.share < ALL

    def takes(self, unit: str | None, attributes: Mapping[str, object], *, seed: str) -> bool:
        if self.mode is Mode.SHADOW:
            return arm(Exposure(self.share), seed=seed, unit=unit, attributes=attributes) is Arm.AGENT
        if unit and normal(unit) in self.units:
            return True
        return bool(self.attribute) and Cohort(self.attribute, self.values).admits(attributes)


def normal(unit: str) -> str:
    """As units are compared: however its letters were composed, it is the same one."""
    return unicodedata.normalize("NFC", unit)


def problems(terms: Terms, ends_at: datetime, now: datetime) -> list[tuple[str, str]]:
    """What is wrong: fields, and sentences that say what to change."""
    found = _of_shadow(terms) if terms.mode is Mode.SHADOW else _of_cohort(terms)
    if not now < ends_at <= now + LONGEST_SERVICE:
        days = LONGEST_SERVICE.days
        found.append(("ends_at", f"Say when it ends: after now, and within {days} days. It can be set again then."))
    return found


def _of_shadow(terms: Terms) -> list[tuple[str, str]]:
    found = []
    if not 0 <= terms.share <= ALL:
        found.append(("share", "A share is from 0 to 100 %."))
    if terms.name or terms.units or terms.attribute or terms.values:
        found.append(("mode", "A shadow has a share of all units, and no cohort."))
    return found


def _of_cohort(terms: Terms) -> list[tuple[str, str]]:
    found = []
    if not terms.name.strip():
        found.append(("name", "Name the cohort, as people call it."))
    if not terms.units and not terms.attribute:
        found.append(("units", "Say who is in: list units, or name an attribute and its values."))
    if bool(terms.attribute) != bool(terms.values):
        found.append(("attribute", "An attribute and its values go together."))
    if terms.share:
        found.append(("share", "A cohort has no share: everybody in it is served."))
    return found + _too_much(terms)


def _too_much(terms: Terms) -> list[tuple[str, str]]:
    found = []
    if len(terms.units) > MOST_UNITS or _longest(terms.units) > LONGEST_UNIT:
        found.append(("units", f"At most {MOST_UNITS:,} units, of {LONGEST_UNIT} characters each."))
    if len(terms.values) > MOST_VALUES or _longest(terms.values) > LONGEST_VALUE:
        found.append(("values", f"At most {MOST_VALUES} values, of {LONGEST_VALUE} characters each."))
    if len(terms.name) > LONGEST_NAME or len(terms.attribute) > LONGEST_ATTRIBUTE:
        found.append(("name", f"A name has {LONGEST_NAME} characters at most, an attribute {LONGEST_ATTRIBUTE}."))
    if any("\0" in each for each in (terms.name, terms.attribute, *terms.units, *terms.values)):
        found.append(("name", "One of them holds a character that nothing can store."))
    return found


def _longest(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)
