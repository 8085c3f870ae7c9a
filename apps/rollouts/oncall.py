"""A rollout asks something of the team that answers: somebody is woken (ROLL-2), and has hands free (ROLL-9)."""

from datetime import datetime

from apps.ownership import queries as ownership
from apps.rollouts.conditions import condition
from apps.rollouts.machine import SERVING, State
from apps.rollouts.models import Rollout


@condition("on call")
def _somebody_answers(rollout: Rollout, now: datetime) -> str:
    rota = ownership.primary(rollout.workload)
    if rota is None:
        team = rollout.workload.team
        return f"The team {team.name} has no rota." if team else "No team answers for this workload."
    return "" if ownership.on_call(rota, now) else f"Nobody is on call now: {rota.name} has a gap."


@condition("hands free")
def _team_has_hands_free(rollout: Rollout, now: datetime) -> str:
    """One team carries so many rollouts at once; which goes first is for an ops lead to settle."""
    team = rollout.workload.team
    if team is None:
        return ""
    rows = Rollout.objects.filter(
        tenant=rollout.tenant_id, workload__team=team.id, state__in=[*SERVING, State.ROLLING_BACK]
    )
    others = sorted(rows.exclude(id=rollout.id).values_list("workload__key", flat=True)[:50])
    if len(others) < team.rollouts_at_once:
        return ""
    carried = f"{team.name} carries {', '.join(others[:5])} already and may carry {team.rollouts_at_once} at once"
    return f"{carried}: let one end first, or an ops lead settles which goes first."
