"""Who may see and change subscriptions: whoever may make tokens, since both let what is in here out."""

from apps.tenants.roles import has_right
from portal.actor import Actor
from portal.errors import Forbidden

RIGHT = "token.manage"


def may_manage(actor: Actor) -> bool:
    return _is_for_all(actor) and actor.allows("read")


def refuse_others(actor: Actor) -> None:
    """
    Raises:
        Forbidden: without the right, or with a token that is bound to workloads: events are about all of them.
    """
    if not _is_for_all(actor):
        raise Forbidden("right_missing", f"This needs the right {RIGHT!r}; ask a tenant admin.", right=RIGHT)


def _is_for_all(actor: Actor) -> bool:
    return has_right(actor, RIGHT) and actor.workloads is None
