"""A workload's service before its rollout (domain, section 7: DISP-2)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.dispatch.pilot.rules import Mode, Terms
from portal.tenancy.constraints import SameTenant, walls
from portal.tenancy.models import TenantModel


class PilotService(TenantModel):
    """Whom one version serves in Pilot and Validate, and how. One stands at a time; those that ended stay readable.

    ``seed`` stays when the terms change, so a shadow's share only grows into units it hasn't had. ``ended_why`` is
    what ended it: a person's reason, the stage, a rollout, or its time.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    version = models.ForeignKey("workloads.AgentVersion", models.PROTECT, db_constraint=False, related_name="+")
    mode = models.CharField(max_length=10, choices=[(mode.value, mode.value) for mode in Mode])
    name = models.CharField(max_length=100, blank=True)
    units = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    attribute = models.CharField(max_length=60, blank=True)
    values = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    share = models.PositiveSmallIntegerField(default=0)
    seed = models.CharField(max_length=64)
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    set_by = models.CharField(max_length=200)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    ended_why = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = "service before rollout"
        constraints = [
            *walls(
                "dispatch_pilotservice",
                app="select, insert, update",
                ops_columns=["tenant_id", "id", "ends_at", "ended_at"],
            ),
            SameTenant(field="workload", name="dispatch_pilotservice_workload_fk"),
            SameTenant(field="version", via="workload", name="dispatch_pilotservice_version_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload"], condition=Q(ended_at=None), name="dispatch_pilotservice_one"
            ),
            models.CheckConstraint(condition=Q(share__lte=10_000), name="dispatch_pilotservice_share"),
        ]
        indexes = [
            models.Index(fields=["ends_at"], condition=Q(ended_at=None), include=["tenant"], name="dispatch_pilot_due"),
            models.Index(fields=["tenant", "workload", "-created_at", "-id"], name="dispatch_pilot_history"),
        ]

    def __str__(self) -> str:
        return f"{self.mode} of {self.workload_id}"

    @property
    def terms(self) -> Terms:
        return Terms(
            Mode(self.mode),
            self.name,
            frozenset(self.units),
            self.attribute,
            frozenset(self.values),
            self.share,
        )
