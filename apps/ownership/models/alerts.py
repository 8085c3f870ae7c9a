"""Alerts, the policy each climbs through, the incidents they make up, and where they come in (CALL-3, CALL-4)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from portal.tenancy.constraints import KnownRow, MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel


class Severity(models.TextChoices):
    """PagerDuty's four, the gravest first."""

    CRITICAL = "critical", "critical"
    ERROR = "error", "error"
    WARNING = "warning", "warning"
    INFO = "info", "info"


class AlertState(models.TextChoices):
    TRIGGERED = "triggered", "triggered"
    ACKNOWLEDGED = "acknowledged", "acknowledged"
    RESOLVED = "resolved", "resolved"


class Source(models.TextChoices):
    RULE = "rule", "alert rule"
    SILENCE = "silence", "silence"
    ROLLOUT = "rollout", "rollout"
    GATE = "gate", "stage gate"
    BUDGET = "budget", "cost gate"
    AUTHORITY = "authority", "authority"
    FEEDBACK = "feedback", "people's feedback"
    ALERTMANAGER = "alertmanager", "Alertmanager"
    PAGERDUTY = "pagerduty", "Events API v2"
    WEBHOOK = "webhook", "webhook"
    PERSON = "person", "a person"
    PAGING = "paging", "paging itself"


INTEGRATIONS = [(s.value, s.label) for s in (Source.ALERTMANAGER, Source.PAGERDUTY, Source.WEBHOOK)]
OPEN = ~Q(state=AlertState.RESOLVED)


class EscalationPolicy(TenantModel):
    """Who is woken for a team's alerts; the one without a team is for what nobody answers for."""

    team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        verbose_name_plural = "escalation policies"
        constraints = [
            *walls("ownership_escalationpolicy", app="select, insert"),
            SameTenant(field="team", name="ownership_escalationpolicy_team_fk"),
            models.UniqueConstraint(
                fields=["tenant", "team"], nulls_distinct=False, name="ownership_escalationpolicy_one"
            ),
        ]

    def __str__(self) -> str:
        return f"policy of {self.team_id}"


class PolicyVersion(TenantModel):
    """What a policy said from then on. An alert keeps the version that it opened under.

    ``steps``: see :mod:`apps.ownership.alerts.codec`. ``delays`` repeats their delays in seconds for the auditor, who
    reads nothing else of it. Severities from ``wakes`` on wake people, lesser ones are collected.
    """

    policy = models.ForeignKey(EscalationPolicy, models.PROTECT, db_constraint=False, related_name="versions")
    number = models.PositiveIntegerField()
    steps = models.JSONField()
    delays = ArrayField(models.PositiveIntegerField())
    repeats = models.PositiveSmallIntegerField()
    ack_timeout = models.PositiveIntegerField(null=True)
    wakes = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "ownership_policyversion", app="select, insert", ops_columns=["tenant_id", "id", "delays", "repeats"]
            ),
            SameTenant(field="policy", name="ownership_policyversion_policy_fk"),
            models.UniqueConstraint(fields=["tenant", "policy", "number"], name="ownership_policyversion_number"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Integration(TenantModel):
    """Where alerts come in from outside, for one team.

    ``key`` names it; its secret is derived (:func:`portal.secrets.derived`) and stored nowhere.
    """

    team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, related_name="+")
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, null=True, related_name="+")
    kind = models.CharField(max_length=20, choices=INTEGRATIONS)
    name = models.CharField(max_length=100)
    key = models.CharField(max_length=12, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", editable=False)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_integration", app="select, insert, update (revoked_at)"),
            KnownRow(field="key", setting="portal.integration_key", name="ownership_integration_known_row"),
            SameTenant(field="team", name="ownership_integration_team_fk"),
            SameTenant(field="workload", name="ownership_integration_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "key"], name="ownership_integration_key"),
        ]
        indexes = [models.Index(fields=["key"], name="ownership_integration_by_key")]

    def __str__(self) -> str:
        return self.name


class InboundEvent(TenantModel):
    """What came in, and what became of it. The sender's id makes a replay visible."""

    integration = models.ForeignKey(Integration, models.PROTECT, db_constraint=False, related_name="+")
    event_id = models.CharField(max_length=255)
    outcome = models.CharField(max_length=30)
    key = models.CharField(max_length=255, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_inboundevent", app="select, insert, delete"),
            SameTenant(field="integration", name="ownership_inboundevent_integration_fk"),
            models.UniqueConstraint(fields=["tenant", "integration", "event_id"], name="ownership_inboundevent_once"),
        ]
        indexes = [models.Index(fields=["tenant", "integration", "-created_at"], name="ownership_inbound_recent")]

    def __str__(self) -> str:
        return self.event_id


class Incident(TenantModel):
    """What one or more open alerts amount to. One that crosses team lines has a commander, always (CALL-4)."""

    title = models.CharField(max_length=200)
    team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, null=True, related_name="+")
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, null=True, related_name="+")
    commander = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    crosses_teams = models.BooleanField(default=False)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "ownership_incident",
                app="select, insert, update (title, commander_id, crosses_teams, resolved_at)",
            ),
            SameTenant(field="team", name="ownership_incident_team_fk"),
            SameTenant(field="workload", name="ownership_incident_workload_fk"),
            MemberOfTenant(field="commander", name="ownership_incident_commander_fk"),
            models.UniqueConstraint(
                fields=["tenant", "team", "workload"],
                condition=Q(resolved_at=None),
                nulls_distinct=False,
                name="ownership_incident_one_open",
            ),
            models.CheckConstraint(
                condition=Q(crosses_teams=False) | Q(commander__isnull=False), name="ownership_incident_commanded"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="ownership_incidents")]

    def __str__(self) -> str:
        return self.title


class Alert(TenantModel):
    """One thing that is wrong, however often it was said.

    ``step`` and ``loop`` are its place in the policy, ``entry`` counts the steps it entered in all (it names the
    intents of each), ``round`` how often it was opened anew after an acknowledgement. ``since`` is when this round
    began; ``due_at`` when to look next: the next step while triggered, the acknowledgement's end while acknowledged.
    """

    team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, null=True, related_name="+")
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, null=True, related_name="+")
    source = models.CharField(max_length=20, choices=Source.choices)
    integration = models.ForeignKey(Integration, models.PROTECT, db_constraint=False, null=True, related_name="+")
    key = models.CharField(max_length=255)
    summary = models.CharField(max_length=1024)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    link = models.CharField(max_length=500, blank=True)
    details = models.JSONField(default=dict)
    # The outbox message that opened it, so that the same message delivered twice opens one.
    cause = models.UUIDField(null=True)
    is_simulated = models.BooleanField(default=False)
    is_quiet = models.BooleanField(default=False)
    state = models.CharField(max_length=15, choices=AlertState.choices, default=AlertState.TRIGGERED)
    last_seen_at = models.DateTimeField()
    occurrences = models.PositiveIntegerField(default=1)
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, db_constraint=False, related_name="+")
    incident = models.ForeignKey(Incident, models.PROTECT, db_constraint=False, null=True, related_name="alerts")
    step = models.SmallIntegerField(default=-1)
    loop = models.PositiveSmallIntegerField(default=0)
    entry = models.PositiveIntegerField(default=0)
    round = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    is_paused = models.BooleanField(default=False)
    exhausted_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "ownership_alert",
                app="select, insert, update",
                ops_columns=[
                    "tenant_id",
                    "id",
                    "state",
                    "due_at",
                    "since",
                    "step",
                    "loop",
                    "entry",
                    "is_paused",
                    "is_quiet",
                    "exhausted_at",
                    "policy_id",
                ],
            ),
            SameTenant(field="team", name="ownership_alert_team_fk"),
            SameTenant(field="workload", name="ownership_alert_workload_fk"),
            SameTenant(field="integration", name="ownership_alert_integration_fk"),
            SameTenant(field="policy", name="ownership_alert_policy_fk"),
            SameTenant(field="incident", name="ownership_alert_incident_fk"),
            MemberOfTenant(field="acknowledged_by", name="ownership_alert_acknowledged_fk"),
            models.UniqueConstraint(
                fields=["tenant", "source", "integration", "key"],
                condition=OPEN,
                nulls_distinct=False,
                name="ownership_alert_one_open",
            ),
            models.UniqueConstraint(
                fields=["tenant", "cause"], condition=Q(cause__isnull=False), name="ownership_alert_once_by_cause"
            ),
            models.CheckConstraint(
                condition=Q(state=AlertState.RESOLVED, resolved_at__isnull=False)
                | (~Q(state=AlertState.RESOLVED) & Q(resolved_at=None)),
                name="ownership_alert_resolved",
            ),
            models.CheckConstraint(
                condition=~Q(state=AlertState.ACKNOWLEDGED) | Q(acknowledged_at__isnull=False),
                name="ownership_alert_acknowledged",
            ),
            # A triggered alert is always due for something, unless it has climbed to the end or wakes nobody.
            models.CheckConstraint(
                condition=~Q(state=AlertState.TRIGGERED)
                | Q(due_at__isnull=False)
                | Q(exhausted_at__isnull=False)
                | Q(is_quiet=True),
                name="ownership_alert_is_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), include=["tenant"], name="ownership_alert_due"
            ),
            models.Index(fields=["tenant", "-created_at"], condition=OPEN, name="ownership_alerts_open"),
            models.Index(fields=["tenant", "-created_at"], name="ownership_alerts"),
            models.Index(fields=["tenant", "workload", "-created_at"], name="ownership_alerts_workload"),
            models.Index(fields=["tenant", "incident"], name="ownership_alerts_incident"),
        ]

    def __str__(self) -> str:
        return self.summary

    @property
    def is_open(self) -> bool:
        return self.state != AlertState.RESOLVED


class AlertMember(TenantModel):
    """One of the many things that a sender groups into one alert; it ends by itself, the alert with the last."""

    alert = models.ForeignKey(Alert, models.PROTECT, db_constraint=False, related_name="members")
    fingerprint = models.CharField(max_length=64)
    labels = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_alertmember", app="select, insert, update"),
            SameTenant(field="alert", name="ownership_alertmember_alert_fk"),
            models.UniqueConstraint(fields=["tenant", "alert", "fingerprint"], name="ownership_alertmember_once"),
        ]

    def __str__(self) -> str:
        return self.fingerprint


class OnCallEvent(TenantModel):
    """One line of an alert's or an incident's story: what happened, who did it, with what figures. Never changed."""

    alert = models.ForeignKey(Alert, models.PROTECT, db_constraint=False, null=True, related_name="events")
    incident = models.ForeignKey(Incident, models.PROTECT, db_constraint=False, null=True, related_name="events")
    kind = models.CharField(max_length=30)
    actor = models.CharField(max_length=300, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_oncallevent", app="select, insert"),
            SameTenant(field="alert", name="ownership_oncallevent_alert_fk"),
            SameTenant(field="incident", name="ownership_oncallevent_incident_fk"),
            models.CheckConstraint(
                condition=Q(alert__isnull=False) | Q(incident__isnull=False), name="ownership_oncallevent_of"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "alert", "created_at"], name="ownership_alert_events"),
            models.Index(fields=["tenant", "incident", "created_at"], name="ownership_incident_events"),
        ]

    def __str__(self) -> str:
        return self.kind


class Maintenance(TenantModel):
    """While it lasts, the alerts of a workload climb no further; what came due meanwhile fires once at its end."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "maintenance"
        constraints = [
            *walls("ownership_maintenance", app="select, insert, update (ended_at)"),
            SameTenant(field="workload", name="ownership_maintenance_workload_fk"),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="ownership_maintenance_span"),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "end"], name="ownership_maintenance_of")]

    def __str__(self) -> str:
        return self.reason
