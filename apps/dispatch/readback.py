"""The proof of a rollback (ROLL-8): ask the decision path, as it is now, what probe units would get."""

from collections.abc import Sequence

from apps.dispatch.decision import decide
from apps.dispatch.snapshot import snapshots
from apps.rollouts.assignment import Arm
from apps.rollouts.checks import reads_back
from apps.rollouts.models import Rollout


@reads_back
def still_served(rollout: Rollout, units: Sequence[str]) -> list[str]:
    """The probe units that the decision path still sends to the rollout's agent; everybody's share if it is there."""
    flag = snapshots.fresh(rollout.tenant_id).flags.get(rollout.workload.key)
    if flag is None or flag.split is None or flag.split.rollout_id != str(rollout.id):
        return []
    served = [unit for unit in units if decide(flag, unit, {}).arm is Arm.AGENT]
    return served or [f"a share of {flag.split.exposure.share / 100:g} %"]
