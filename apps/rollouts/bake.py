"""The bake clock (ROLL-11): 48 h means 48 h of observed exposure. Pure."""

from datetime import datetime, timedelta


def accrue(
    baked: timedelta, *, looked_at: datetime | None, now: datetime, observed: bool, at_most: timedelta
) -> timedelta:
    """Add the time since the last look, if the exposure was observed and healthy in it.

    No look counts for more than ``at_most``: a tick that stood still has observed nothing. A clock that went
    backwards adds nothing.
    """
    if not observed or looked_at is None:
        return baked
    return baked + max(timedelta(0), min(now - looked_at, at_most))
