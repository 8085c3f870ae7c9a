"""Who changes what is a team's: its rotas, its escalation policy, its ways in. One rule for all of them."""

from uuid import UUID

from apps.tenants.roles import has_right
from portal.actor import Actor
from portal.errors import Forbidden


def may_change(actor: Actor, team_id: UUID | None) -> bool:
    """The team itself, and those who lead operations."""
    return team_id in actor.teams or has_right(actor, "rota.manage")


def refuse_strangers(actor: Actor, team_id: UUID | None) -> None:
    """
    Raises:
        Forbidden: not of the team, and without the right.
    """
    if not may_change(actor, team_id):
        raise Forbidden("right_missing", "This takes being of the team, or the right 'rota.manage'.")
