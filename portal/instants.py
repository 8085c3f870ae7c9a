"""Instants that people and machines may name: none that no calendar means, since such overflow on the way."""

from datetime import datetime

from portal.errors import Invalid

FIRST, LAST = 1970, 2200


def sane(at: datetime, name: str = "instant") -> datetime:
    """The instant, with a zone or without.

    Raises:
        Invalid: before 1970, or in the year 2200 or later.
    """
    if not FIRST < at.year < LAST:
        raise Invalid(name, f"Name a time between the years {FIRST} and {LAST}.")
    return at
