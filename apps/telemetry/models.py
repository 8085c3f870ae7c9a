"""Action records in daily partitions, their per-minute sums, and what was rejected (TEL-1, TEL-2, TEL-4)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from portal.tenancy.constraints import SameTenant, TenantPolicy, walls
from portal.tenancy.models import CurrentTenant, TenantModel


class Outcome(models.TextChoices):
    OK = "ok", "ok"
    ERROR = "error", "error"
    BLOCKED = "blocked", "blocked"
    ESCALATED = "escalated", "escalated"
    OVERRIDDEN = "overridden", "overridden"


class Action(models.Model):
    """One action of an agent. Partitioned by day of ``started_at``; the table itself is made by SQL.

    ``user_key`` is a keyed digest of what the caller named; no prompt and no answer is kept.
    """

    pk = models.CompositePrimaryKey("tenant_id", "started_at", "record_id")
    tenant = models.ForeignKey("tenants.Tenant", models.PROTECT, db_default=CurrentTenant(), related_name="+")
    started_at = models.DateTimeField()
    record_id = models.UUIDField()
    received_at = models.DateTimeField(default=timezone.now)
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    request_id = models.TextField()
    attempt = models.IntegerField(default=1)
    trace_id = models.TextField(blank=True)
    span_id = models.TextField(blank=True)
    version = models.TextField(blank=True)
    model_requested = models.TextField(blank=True)
    model_served = models.TextField(blank=True)
    provider = models.TextField(blank=True)
    tier = models.TextField(blank=True)
    user_key = models.TextField(blank=True)
    session = models.TextField(blank=True)
    unit = models.TextField(blank=True)
    latency_ms = models.FloatField()
    tokens_in = models.IntegerField(null=True)
    tokens_out = models.IntegerField(null=True)
    tokens_cached = models.IntegerField(null=True)
    tokens_reasoning = models.IntegerField(null=True)
    tool_calls = models.IntegerField(default=0)
    retries = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=16, decimal_places=8, null=True)
    currency = models.TextField(blank=True)
    outcome = models.TextField(choices=Outcome.choices)
    error_type = models.TextField(blank=True)
    judged = models.BooleanField(default=False)
    flagged = models.BooleanField(default=False)
    action_kind = models.TextField(blank=True)
    action_amount = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    authority_id = models.UUIDField(null=True)
    unauthorised = models.BooleanField(default=False)
    rollout_id = models.UUIDField(null=True)
    arm = models.TextField(blank=True)
    phase = models.IntegerField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            TenantPolicy(name="telemetry_action_tenant", app="select, insert"),
            SameTenant(field="workload", name="telemetry_action_workload_fk"),
        ]

    def __str__(self) -> str:
        return self.request_id


class MinuteSummary(TenantModel):
    """Sums of one minute, workload, version, rollout, phase and arm, kept by the ingest itself (TEL-4).

    ``latency`` is a histogram (:mod:`apps.telemetry.histogram`). Unknown costs are in no sum.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    minute = models.DateTimeField()
    version = models.TextField(blank=True)
    rollout_id = models.UUIDField(null=True)
    phase = models.IntegerField(null=True)
    arm = models.TextField(blank=True)
    n = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    blocked = models.BigIntegerField(default=0)
    escalated = models.BigIntegerField(default=0)
    overridden = models.BigIntegerField(default=0)
    judged = models.BigIntegerField(default=0)
    flagged = models.BigIntegerField(default=0)
    unauthorised = models.BigIntegerField(default=0)
    tokens_in = models.BigIntegerField(default=0)
    tokens_out = models.BigIntegerField(default=0)
    usage_missing = models.BigIntegerField(default=0)
    cost_n = models.BigIntegerField(default=0)
    cost_sum = models.FloatField(default=0)
    cost_squares = models.FloatField(default=0)
    units = models.BigIntegerField(default=0)
    crossed = models.BigIntegerField(default=0)
    # What people made of it (FEED-3): units of this stay in a phase, those whose user checked or did it again by
    # hand, transactions of which anything was heard, and transactions that somebody reported as unhelpful.
    seen = models.BigIntegerField(default=0, db_default=0)
    doubting = models.BigIntegerField(default=0, db_default=0)
    heard = models.BigIntegerField(default=0, db_default=0)
    soft_failures = models.BigIntegerField(default=0, db_default=0)
    latency = ArrayField(models.IntegerField())
    last_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("telemetry_minutesummary", app="select, insert, update"),
            SameTenant(field="workload", name="telemetry_minutesummary_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload", "minute", "version", "rollout_id", "phase", "arm"],
                nulls_distinct=False,
                name="telemetry_minutesummary_key",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "rollout_id", "minute"],
                condition=models.Q(rollout_id__isnull=False),
                name="telemetry_summary_of_rollout",
            )
        ]

    def __str__(self) -> str:
        return f"{self.workload_id} {self.minute:%Y-%m-%d %H:%M}"


class ExposedUnit(TenantModel):
    """A unit that was seen in an arm of a rollout, once a stay in a phase (-1: not said).

    The split check counts its first one (ROLL-6); ``doubted`` says that its user checked or redid the work in that
    stay (FEED-3).
    """

    rollout_id = models.UUIDField()
    unit = models.BinaryField(max_length=16)
    arm = models.TextField()
    phase = models.IntegerField(default=-1, db_default=-1)
    doubted = models.BooleanField(default=False, db_default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("telemetry_exposedunit", app="select, insert, update, delete"),
            models.UniqueConstraint(
                fields=["tenant", "rollout_id", "unit", "arm", "phase"], name="telemetry_exposedunit_once_a_stay"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.arm} of {self.rollout_id}"


class RejectedRecord(TenantModel):
    """A record that wasn't taken: why, and what it carried by name. Values are not kept (TEL-2)."""

    source = models.CharField(max_length=20)
    reason = models.TextField()
    trace_id = models.CharField(max_length=64, blank=True)
    span_id = models.CharField(max_length=64, blank=True)
    attributes = ArrayField(models.TextField(), default=list)

    class Meta:
        default_permissions = ()
        constraints = [*walls("telemetry_rejectedrecord", app="select, insert, delete")]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="telemetry_rejected_recent")]

    def __str__(self) -> str:
        return self.reason
