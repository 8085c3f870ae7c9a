"""The registry (domain, section 2): workloads, their immutable versions, their authority, and who may do what."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from guardian.models import UserObjectPermissionBase

from apps.workloads.policy import Commitment, FallbackKind, Posture, Sensitivity, Shape, Stage, UnitKind
from portal.ids import uuid7
from portal.tenancy.constraints import MemberOfTenant, SameTenant, walls
from portal.tenancy.models import CurrentTenant, TenantModel


class Workload(TenantModel):
    """One narrowly scoped agent doing one job.

    ``stage`` and ``posture`` are facts that higher apps write; ``serving_version`` is what answers outside a
    rollout (none: the fallback). ``fallback_*`` say what worked before the automation and how to reach it.
    """

    key = models.CharField(max_length=60)
    name = models.CharField(max_length=100)
    purpose = models.TextField()
    shape = models.CharField(max_length=20, choices=Shape.choices, default=Shape.OTHER)
    customer_facing = models.BooleanField(default=False)
    sensitivity = models.CharField(max_length=20, choices=Sensitivity.choices, default=Sensitivity.INTERNAL)
    owner = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    team = models.ForeignKey(
        "tenants.Team", models.PROTECT, db_constraint=False, null=True, blank=True, related_name="+"
    )
    commitment = models.CharField(max_length=20, choices=Commitment.choices, default=Commitment.CANDIDATE)
    stage = models.CharField(max_length=20, choices=Stage.choices, default=Stage.PILOT)
    posture = models.CharField(max_length=20, choices=Posture.choices, default=Posture.PAUSE)
    unit_kind = models.CharField(max_length=20, choices=UnitKind.choices, default=UnitKind.USER)
    primary_tier = models.CharField(max_length=60, blank=True)
    budget_tier = models.CharField(max_length=60, blank=True)
    may_degrade = models.BooleanField(default=False)
    fallback_kind = models.CharField(max_length=20, choices=FallbackKind.choices, blank=True)
    fallback_description = models.TextField(blank=True)
    fallback_address = models.CharField(max_length=300, blank=True)
    fallback_sends_records = models.BooleanField(default=False)
    stakeholders = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    success_metrics = models.JSONField(default=list, blank=True)
    service_level = models.JSONField(default=dict, blank=True)
    baseline_cost = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    baseline_seconds = models.PositiveIntegerField(null=True, blank=True)
    eval_set = models.CharField(max_length=200, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    tool_limit = models.PositiveSmallIntegerField(default=12)
    serving_version = models.ForeignKey(
        "AgentVersion", models.PROTECT, db_constraint=False, null=True, editable=False, related_name="+"
    )
    retired_at = models.DateTimeField(null=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        constraints = [
            *walls("workloads_workload", app="select, insert, update"),
            SameTenant(field="team", name="workloads_workload_team_fk"),
            SameTenant(field="serving_version", name="workloads_workload_serving_fk"),
            models.UniqueConstraint(fields=["tenant", "key"], name="workloads_workload_key"),
            models.CheckConstraint(
                condition=models.Q(key__regex=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"),
                name="workloads_workload_key_shape",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "retired_at", "key"], name="workloads_list")]
        permissions = [
            ("see_workload", "See the workload and everything about it"),
            ("operate_workload", "Hold, resume, abort and roll back"),
            ("manage_workload", "Edit, add versions, plan and start rollouts"),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key} {self.name}"

    @property
    def is_unowned(self) -> bool:
        """No team answers for it, or its owner has left (CALL-1); the latter where the query has asked for it."""
        return self.team_id is None or bool(getattr(self, "owner_left", False))


class AgentVersion(TenantModel):
    """A bundle that never changes: model, prompt, tools, retrieval index, parameters (WORK-1, ROLL-4).

    The application's role can insert and read these rows, and nothing else.
    """

    workload = models.ForeignKey(Workload, models.PROTECT, db_constraint=False, related_name="versions")
    label = models.CharField(max_length=60)
    model = models.CharField(max_length=120)
    prompt_digest = models.CharField(max_length=128)
    tools = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    retrieval_index = models.CharField(max_length=200, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    made_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    why = models.TextField()

    class Meta:
        constraints = [
            *walls("workloads_agentversion", app="select, insert"),
            SameTenant(field="workload", name="workloads_agentversion_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "label"], name="workloads_agentversion_label"),
            models.UniqueConstraint(fields=["tenant", "workload", "id"], name="workloads_agentversion_of_workload"),
        ]
        indexes = [
            models.Index(fields=["tenant", "workload", "-created_at"], name="workloads_version_recent"),
            models.Index(fields=["tenant", "prompt_digest"], name="workloads_version_prompt"),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return self.label


class AuthorityGrant(TenantModel):
    """Under whose authority the agent may do one kind of thing, and to what limit (WORK-2).

    Without a live grant an action is outside the agent's authority. ``limit_amount`` None means without a limit on
    the amount, which has to be said and is never the default.
    """

    workload = models.ForeignKey(Workload, models.CASCADE, db_constraint=False, related_name="grants")
    action_kind = models.CharField(max_length=60)
    limit_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    authority = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    reason = models.TextField()
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            *walls("workloads_authoritygrant", app="select, insert, update"),
            SameTenant(field="workload", name="workloads_authoritygrant_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload", "action_kind"],
                condition=models.Q(revoked_at=None),
                name="workloads_authoritygrant_one_live",
            ),
            models.CheckConstraint(condition=models.Q(limit_amount__gte=0), name="workloads_authoritygrant_limit"),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return self.action_kind


class WorkloadUserPermission(UserObjectPermissionBase):
    """guardian's row for one person's permission on one workload, behind the tenant's wall."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        "tenants.Tenant",
        models.PROTECT,
        db_default=CurrentTenant(),
        db_index=False,
        editable=False,
        related_name="+",
    )
    content_object = models.ForeignKey(Workload, models.CASCADE, db_constraint=False)

    class Meta(UserObjectPermissionBase.Meta):
        abstract = False
        unique_together = []
        constraints = [
            *walls("workloads_workloaduserpermission", app="select, insert, delete"),
            SameTenant(field="content_object", name="workloads_workloaduserpermission_workload_fk"),
            MemberOfTenant(field="user", name="workloads_workloaduserpermission_member_fk"),
            models.UniqueConstraint(
                fields=["tenant", "content_object", "user", "permission"],
                name="workloads_workloaduserpermission_once",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "user", "permission"], name="workloads_userperm_by_user")]


class WorkloadTeamGrant(TenantModel):
    """One permission of a team on one workload."""

    workload = models.ForeignKey(Workload, models.CASCADE, db_constraint=False, related_name="team_grants")
    team = models.ForeignKey("tenants.Team", models.CASCADE, db_constraint=False, related_name="+")
    permission = models.CharField(max_length=40)

    class Meta:
        constraints = [
            *walls("workloads_workloadteamgrant", app="select, insert, delete"),
            SameTenant(field="workload", name="workloads_workloadteamgrant_workload_fk"),
            SameTenant(field="team", name="workloads_workloadteamgrant_team_fk"),
            models.UniqueConstraint(
                fields=["tenant", "team", "permission", "workload"], name="workloads_workloadteamgrant_once"
            ),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.permission} for {self.team_id}"
