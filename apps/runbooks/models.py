"""Runbooks, their versions, and the drills that show that they work (domain, section 10)."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.runbooks.rules import Kind, Outcome
from portal.tenancy.constraints import SameTenant, walls
from portal.tenancy.models import TenantModel

KINDS = [(kind.value, kind.value) for kind in Kind]
OUTCOMES = [(outcome.value, outcome.value) for outcome in Outcome]


class Runbook(TenantModel):
    """One workload's runbook. ``published`` is what counts; ``reviewed_at`` is when somebody last read it through."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    title = models.CharField(max_length=100)
    owner = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    published = models.ForeignKey(
        "RunbookVersion", models.PROTECT, db_constraint=False, null=True, editable=False, related_name="+"
    )
    review_days = models.PositiveSmallIntegerField(default=90)
    reviewed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("runbooks_runbook", app="select, insert, update"),
            SameTenant(field="workload", name="runbooks_runbook_workload_fk"),
            SameTenant(field="published", name="runbooks_runbook_published_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "title"], name="runbooks_runbook_title"),
        ]
        indexes = [models.Index(fields=["tenant", "title"], name="runbooks_list")]

    def __str__(self) -> str:
        return self.title

    @property
    def review_due_at(self) -> object:
        return self.reviewed_at + timedelta(days=self.review_days) if self.reviewed_at else None


class RunbookVersion(TenantModel):
    """One text, which never changes. Draft, reviewed by a second person, published by somebody who didn't write it."""

    runbook = models.ForeignKey(Runbook, models.PROTECT, db_constraint=False, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    digest = models.CharField(max_length=64)
    why = models.CharField(max_length=500)
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    reviewed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)
    is_editorial = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "runbooks_runbookversion",
                app="select, insert, update (reviewed_by_id, reviewed_at, published_by_id, published_at, is_editorial)",
            ),
            SameTenant(field="runbook", name="runbooks_runbookversion_runbook_fk"),
            models.UniqueConstraint(fields=["tenant", "runbook", "number"], name="runbooks_runbookversion_number"),
            models.CheckConstraint(
                condition=~models.Q(reviewed_by=models.F("author")) & ~models.Q(published_by=models.F("author")),
                name="runbooks_runbookversion_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Drill(TenantModel):
    """A published text run against the clock. The portal measures; nobody types in how long it took."""

    runbook = models.ForeignKey(Runbook, models.PROTECT, db_constraint=False, related_name="drills")
    version = models.ForeignKey(RunbookVersion, models.PROTECT, db_constraint=False, related_name="+")
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    kind = models.CharField(max_length=10, choices=KINDS)
    started_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=OUTCOMES, default=Outcome.RUNNING)
    reasons = ArrayField(models.CharField(max_length=300), default=list)
    wanted = models.PositiveIntegerField()
    carried = models.PositiveIntegerField(default=0)
    is_real = models.BooleanField(default=False)
    staff = ArrayField(models.UUIDField(), default=list)
    confirmations = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("runbooks_drill", app="select, insert, update"),
            SameTenant(field="runbook", name="runbooks_drill_runbook_fk"),
            SameTenant(field="version", name="runbooks_drill_version_fk"),
            SameTenant(field="workload", name="runbooks_drill_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload"],
                condition=models.Q(outcome=Outcome.RUNNING),
                name="runbooks_drill_one_running",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-started_at"], name="runbooks_drills")]

    def __str__(self) -> str:
        return f"{self.kind} drill"


class DrillStep(TenantModel):
    """One step of the text as it was when the drill began."""

    drill = models.ForeignKey(Drill, models.CASCADE, db_constraint=False, related_name="steps")
    number = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=300)
    ticked_at = models.DateTimeField(null=True)
    ticked_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("runbooks_drillstep", app="select, insert, update"),
            SameTenant(field="drill", name="runbooks_drillstep_drill_fk"),
            models.UniqueConstraint(fields=["tenant", "drill", "number"], name="runbooks_drillstep_number"),
        ]

    def __str__(self) -> str:
        return self.text[:60]
