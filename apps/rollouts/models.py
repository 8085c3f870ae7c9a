"""Rollouts and every move they made (ROLL-1, ROLL-7)."""

from datetime import timedelta
from typing import Any

from django.db import models

from apps.rollouts import codec
from apps.rollouts.assignment import NOTHING, Exposure, Mode
from apps.rollouts.machine import ACTIVE, SERVING, State
from apps.rollouts.plan import GuardrailPlan, PhasePlan, exposure
from portal.tenancy.constraints import SameTenant, walls
from portal.tenancy.models import TenantModel

STATES = [(state.value, state.value.replace("_", " ")) for state in State]


class Rollout(TenantModel):
    """One agent version of one workload on its way from nobody to everybody.

    ``plan`` is the frozen plan; ``control_version`` the snapshot pinned for rolling back (none: the fallback).
    ``phase`` is the place in the plan, -1 for nowhere; ``step`` counts entries into a phase, so that what was seen
    before an interruption is never taken for what came after. ``revision`` is what every move compares and swaps.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="rollouts")
    version = models.ForeignKey("workloads.AgentVersion", models.PROTECT, db_constraint=False, related_name="+")
    control_version = models.ForeignKey(
        "workloads.AgentVersion", models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    state = models.CharField(max_length=20, choices=STATES, default=State.DRAFT)
    plan = models.JSONField()
    seed = models.CharField(max_length=64)
    mode = models.CharField(max_length=20, default=Mode.BUCKETS_10000)
    why = models.TextField()
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    approval = models.ForeignKey(
        "approvals.ApprovalRequest", models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)
    approved_hash = models.CharField(max_length=64, blank=True)
    snapshot = models.JSONField(null=True)
    phase = models.SmallIntegerField(default=-1)
    step = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=1)
    hold_reason = models.CharField(max_length=30, blank=True)
    note = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    phase_entered_at = models.DateTimeField(null=True)
    baked = models.DurationField(default=timedelta(0))
    extended = models.BooleanField(default=False)
    looked_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)
    look = models.JSONField(default=dict)
    rolled_back_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    watch_until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "rollouts_rollout",
                app="select, insert, update",
                ops_columns=["tenant_id", "id", "state", "next_check_at"],
            ),
            SameTenant(field="workload", name="rollouts_rollout_workload_fk"),
            SameTenant(field="version", via="workload", name="rollouts_rollout_version_fk"),
            SameTenant(field="control_version", via="workload", name="rollouts_rollout_control_fk"),
            SameTenant(field="approval", name="rollouts_rollout_approval_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload"],
                condition=models.Q(state__in=sorted(ACTIVE)),
                name="rollouts_rollout_one_active",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=[State.RUNNING, State.HELD, State.ROLLING_BACK])
                | models.Q(snapshot__isnull=False, approval__isnull=False),
                name="rollouts_rollout_snapshot",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                condition=models.Q(next_check_at__isnull=False),
                include=["tenant"],
                name="rollouts_due",
            ),
            models.Index(fields=["tenant", "-created_at"], name="rollouts_recent"),
            models.Index(fields=["tenant", "workload", "-created_at"], name="rollouts_of_workload"),
        ]

    def __str__(self) -> str:
        return f"rollout {self.id}"

    @property
    def phases(self) -> tuple[PhasePlan, ...]:
        return codec.phases(self.plan)

    @property
    def guardrails(self) -> tuple[GuardrailPlan, ...]:
        return codec.guardrails(self.plan)

    @property
    def current(self) -> PhasePlan | None:
        return self.phases[self.phase] if 0 <= self.phase < len(self.phases) else None

    @property
    def served(self) -> Exposure:
        """What the decision path serves for this rollout now."""
        is_watched = self.state == State.COMPLETED and self.watch_until is not None
        return exposure(self.phases, self.phase) if self.state in SERVING or is_watched else NOTHING

    @property
    def check_every(self) -> timedelta:
        return timedelta(seconds=self.plan["check_seconds"])

    def content(self) -> dict[str, Any]:
        """What an approval is for: change any of it and the approval is void."""
        return {
            "workload": str(self.workload_id),
            "version": str(self.version_id),
            "control": str(self.control_version_id),
            "plan": self.plan,
            "seed": self.seed,
            "mode": self.mode,
        }


class RolloutTransition(TenantModel):
    """One move, with the figures that were seen when it was made. Exactly one a revision; never changed."""

    rollout = models.ForeignKey(Rollout, models.PROTECT, db_constraint=False, related_name="transitions")
    revision = models.PositiveIntegerField()
    before = models.CharField(max_length=20)
    after = models.CharField(max_length=20)
    phase = models.SmallIntegerField()
    share = models.PositiveIntegerField()
    actor = models.CharField(max_length=200)
    reason = models.TextField()
    figures = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("rollouts_rollouttransition", app="select, insert"),
            SameTenant(field="rollout", name="rollouts_rollouttransition_rollout_fk"),
            models.UniqueConstraint(fields=["tenant", "rollout", "revision"], name="rollouts_rollouttransition_once"),
        ]

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"
