"""Who may read the rate card and who may change it: it is about the whole tenant, so a bound token is for neither."""

from apps.tenants.roles import has_right
from portal.actor import Actor
from portal.errors import Forbidden

READ = "price.read"
SET = "price.set"


def may_read(actor: Actor) -> bool:
    """Everybody but frontline users; a token without a person behind it by its scope."""
    is_service = actor.kind == "service" and actor.user_id is None
    return actor.workloads is None and actor.allows("read") and (is_service or has_right(actor, READ))


def may_set(actor: Actor) -> bool:
    return actor.workloads is None and actor.allows("write") and has_right(actor, SET)


def refuse_others(actor: Actor) -> None:
    """
    Raises:
        Forbidden: without the right, or with a token that is bound to workloads.
    """
    if not may_set(actor):
        raise Forbidden("right_missing", f"This needs the right {SET!r}: finance or a tenant admin.", right=SET)
