"""Who may see and change the tenant's classifier: it concerns all workloads at once."""

from apps.tenants.roles import has_right
from portal.actor import Actor
from portal.errors import Forbidden

READ, MANAGE = "classifier.read", "classifier.manage"


def may_read(actor: Actor) -> bool:
    return _is_for_all(actor, READ) and actor.allows("read")


def may_manage(actor: Actor) -> bool:
    return _is_for_all(actor, MANAGE) and actor.allows("write")


def refuse_others(actor: Actor) -> None:
    """
    Raises:
        Forbidden: without the right, or with a token that may only read or is bound to workloads.
    """
    if not may_manage(actor):
        raise Forbidden("right_missing", f"This needs the right {MANAGE!r}; ask a tenant admin.", right=MANAGE)


def _is_for_all(actor: Actor, right: str) -> bool:
    return has_right(actor, right) and actor.workloads is None
