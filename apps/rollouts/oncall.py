"""Nobody starts a rollout, or takes its next step, while nobody would be woken (ROLL-2)."""

from datetime import datetime

from apps.ownership import queries as ownership
from apps.rollouts.conditions import condition
from apps.rollouts.models import Rollout


@condition("on call")
def _somebody_answers(rollout: Rollout, now: datetime) -> str:
    rota = ownership.primary(rollout.workload)
    if rota is None:
        team = rollout.workload.team
        return f"The team {team.name} has no rota." if team else "No team answers for this workload."
    return "" if ownership.on_call(rota, now) else f"Nobody is on call now: {rota.name} has a gap."
