"""Who keeps the tiers and the people in them: it is about the whole tenant, so a bound token is for neither."""

from apps.tenants.roles import has_right
from portal.actor import Actor

MANAGE = "tier.manage"


def may_manage(actor: Actor) -> bool:
    """Finance and tenant admins; what stands there names people, so reading takes the right too."""
    return actor.workloads is None and (actor.allows("read") or actor.allows("write")) and has_right(actor, MANAGE)
