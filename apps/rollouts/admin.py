from datetime import datetime

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.rollouts import actions
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout, RolloutTransition
from apps.rollouts.queries import carried_by
from apps.tenants.models import Team
from apps.tenants.queries import teams
from portal.admin import limits
from portal.admin.base import TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.admin.limits import Threshold
from portal.directory import TenantLike
from portal.requests import InTenant


@admin.register(Rollout)
class RolloutAdmin(TenantAdmin):
    lenses = (
        Lens(
            "running",
            "In flight",
            lambda tenant_id, now: Q(state__in=[State.RUNNING, State.ROLLING_BACK]),
            says="Rollouts in flight",
            rank=21,
        ),
        Lens("held", "Held", lambda tenant_id, now: Q(state=State.HELD), says="Rollouts that are held", rank=20),
    )
    list_display = ["version", "workload", "state", "phase", "hold_reason", "started_at"]
    list_filter = ["state"]
    list_select_related = ["workload", "version", "control_version"]
    ordering = ["-created_at"]
    actions = ["hold", "roll_back"]

    @confirmed("Hold: keep the share where it is", happens="It steps no further until somebody resumes it.")
    def hold(self, request: InTenant, rollout: Rollout, reason: str) -> None:
        actions.hold_rollout(rollout=rollout, actor=request.actor, now=timezone.now(), reason=reason)

    @confirmed(
        "Roll back: nobody gets the agent, at once", happens="Everybody gets the version before, or the fallback."
    )
    def roll_back(self, request: InTenant, rollout: Rollout, reason: str) -> None:
        actions.roll_back(rollout=rollout, actor=request.actor, now=timezone.now(), reason=reason)


@admin.register(RolloutTransition)
class RolloutTransitionAdmin(TenantAdmin):
    list_display = ["created_at", "rollout_id", "before", "after", "share", "actor", "reason"]
    ordering = ["-created_at"]


@limits.thresholds
def team_thresholds(tenant: TenantLike, now: datetime) -> list[Threshold]:
    """How many rollouts a team carries at once (ROLL-9)."""
    default = str(Team._meta.get_field("rollouts_at_once").default)
    return [
        Threshold(
            f"{team.name}: rollouts at once",
            default,
            f"{team.rollouts_at_once}",
            f"It carries {team.carried} now; the next one waits once it carries {team.rollouts_at_once}.",
            reverse("admin:tenants_team_change", args=[team.id]),
            team.id,
            "team.rollouts_limited",
        )
        for team in teams(tenant.id).annotate(carried=carried_by("pk"))
    ]
