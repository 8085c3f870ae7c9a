"""What rollouts hand to the stage gates, and what they ask of them (ROLL-2, STAGE-3, criterion D3)."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models.expressions import Combinable

from apps.gates import evidence, sources
from apps.gates import queries as gates
from apps.gates.freshness import Reported, State
from apps.gates.sources import Look
from apps.rollouts.assignment import ALL
from apps.rollouts.conditions import condition
from apps.rollouts.machine import SERVING
from apps.rollouts.machine import State as Rolled
from apps.rollouts.models import Rollout, RolloutTransition
from apps.telemetry import queries as telemetry
from apps.workloads.policy import Stage

WHOLE_VOLUME_FOR = timedelta(days=7)
PLANNED_WITHIN = timedelta(days=30)


@condition("gate")
def _harden_holds(rollout: Rollout, now: datetime) -> str:
    """The Harden gate is open and nothing that it rests on has lapsed.

    As long as one of its criteria has no source in this installation nobody could open it; what can be asked until then
    is that nothing which was shown has run out.
    """
    view = gates.gate(rollout.workload, Stage.HARDEN, now)
    is_open = Stage.HARDEN in gates.open_gates(rollout.workload)
    lapsed = [s for s in view.missing if is_open or s.state in {State.STALE, State.ERROR}]
    if lapsed:
        return " ".join(f"{s.criterion.id} {s.criterion.title}: {s.why}" for s in lapsed)
    return "" if is_open or gates.unreported(Stage.HARDEN) else "The Harden gate isn't open."


@sources.reports("D3")
def _whole_volume(look: Look) -> Reported | None:
    """Seven days at 100 % without a breach, after the latest rollout that got there."""
    done = _completed(look.workload.tenant_id, look.workload.id)
    if done is None:
        return None
    at = _full_since(done)
    if at is None:
        return None
    lasted = look.now - at
    holds = lasted >= WHOLE_VOLUME_FOR
    days = lasted / timedelta(days=1)
    why = f"Version {done.version.label} has carried the whole volume for {days:.1f} days without a breach"
    return Reported({"holds": holds, "why": f"{why}." if holds else f"{why}; 7 are wanted."}, look.now, is_live=True)


@gates.red_flag(Stage.DEPLOY)
def _big_bang(look: Look, since: object) -> str:
    """A version serves everybody and no rollout brought it there."""
    version = look.workload.serving_version_id
    if version is None or _completed(look.workload.tenant_id, look.workload.id) is not None:
        return ""
    return "A version serves everybody without any rollout: a big bang."


@gates.red_flag(Stage.HARDEN)
def _monitored_after_launch(look: Look, since: object) -> str:
    """The agent answers people, and not one record of what it did has arrived."""
    if look.today.n:
        return ""
    tenant_id, workload_id = look.workload.tenant_id, look.workload.id
    serves = look.workload.serving_version_id is not None or _serving(tenant_id, workload_id)
    if serves and telemetry.last_seen(tenant_id, workload_id) is None:
        return "The agent answers people and no record of it has arrived: monitoring comes after launch."
    return ""


@gates.red_flag(Stage.OPTIMIZE)
def _nothing_planned(look: Look, since: Combinable) -> str:
    """Thirty days at full volume, counted from the last step back if there was one, and no plan."""
    done = _completed(look.workload.tenant_id, look.workload.id)
    at = _full_since(done) if done else None
    if at is None or look.now < at + PLANNED_WITHIN:
        return ""
    at = max(at, gates.last_reset(look.workload, Stage.OPTIMIZE) or at)
    planned = evidence.first_after(look.workload, "ninety_day_plan", at)
    if (planned or look.now) < at + PLANNED_WITHIN:
        return ""
    return f"Nobody planned anything in the 30 days after {at:%Y-%m-%d}."


def _full_since(rollout: Rollout) -> datetime | None:
    """When the rollout reached the whole volume."""
    steps = RolloutTransition.objects.filter(tenant=rollout.tenant_id, rollout=rollout.id, share=ALL)
    return steps.order_by("revision").values_list("created_at", flat=True).first()


def _serving(tenant_id: UUID, workload_id: UUID) -> bool:
    rows = Rollout.objects.filter(tenant=tenant_id, workload=workload_id, state__in=SERVING)
    return rows.exists()


def _completed(tenant_id: UUID, workload_id: UUID) -> Rollout | None:
    rows = Rollout.objects.filter(tenant=tenant_id, workload=workload_id, state=Rolled.COMPLETED)
    return rows.select_related("version").order_by("-started_at").first()
