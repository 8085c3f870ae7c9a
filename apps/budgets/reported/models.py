"""What action records say that held calls used, until it is settled; and what of it doesn't fit, for people to see."""

from django.db import models
from django.db.models import Q

from portal.tenancy.constraints import SameTenant, walls
from portal.tenancy.models import TenantModel


class Misfit(models.TextChoices):
    """Why a record settled nothing. The first of a kind is kept for each attempt; the records themselves all are."""

    OTHER_FIGURES = "other_figures", "the call is settled with other figures"
    CORRECTED = "corrected", "a person has set the call right, with other figures"
    OTHER_WORKLOAD = "other_workload", "the request is another workload's"
    NOT_HELD = "not_held", "nothing was held for this attempt of the request"
    IMPOSSIBLE = "impossible", "no call uses that many tokens"


class UsageReport(TenantModel):
    """One action record's usage of one attempt. It is due until it has settled its reservation, and is then dropped;
    what doesn't fit stays, with its ``misfit``. ``workload`` is the one that the record names.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    reservation = models.ForeignKey(
        "budgets.Reservation", models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    request_id = models.UUIDField()
    attempt = models.PositiveIntegerField()
    record_id = models.UUIDField()
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    model = models.CharField(max_length=200, blank=True)
    due_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    misfit = models.CharField(max_length=20, choices=Misfit.choices, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = "usage that a record reports"
        constraints = [
            *walls("budgets_usagereport", ops_columns=["tenant_id", "id", "due_at"]),
            SameTenant(field="workload", name="budgets_usagereport_workload_fk"),
            SameTenant(field="reservation", name="budgets_usagereport_hold_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload", "request_id", "attempt", "misfit"],
                condition=~Q(misfit=""),
                name="budgets_usagereport_misfit",
            ),
            models.CheckConstraint(condition=Q(due_at=None) ^ Q(misfit=""), name="budgets_usagereport_due_or_misfit"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(due_at__isnull=False),
                include=["tenant"],
                name="budgets_usagereport_due",
            ),
            models.Index(
                fields=["tenant", "workload", "-created_at", "-id"],
                condition=~Q(misfit=""),
                name="budgets_usagereport_misfits",
            ),
        ]
