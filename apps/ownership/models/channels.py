"""Where messages go, when somebody wants them, what went out, and who is away (CALL-5)."""

from django.db import models
from django.db.models import Q

from portal.tenancy.constraints import MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel


class ChannelKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    SLACK = "slack", "Slack-compatible webhook"
    WEBHOOK = "webhook", "Signed webhook"


class Urgency(models.TextChoices):
    PAGE = "page", "wakes"
    NOTICE = "notice", "tells"
    QUIET = "quiet", "is collected"


class SendState(models.TextChoices):
    PENDING = "pending", "waits"
    SENT = "sent", "sent"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "no longer needed"


class NoticeKind(models.TextChoices):
    ALERT = "alert", "Alerts"
    APPROVAL = "approval", "Approvals"
    FEEDBACK = "feedback", "Feedback"
    OTHER = "other", "Everything else"


class Channel(TenantModel):
    """A contact method of one person, or a place where a team reads. Nothing goes there before it is verified.

    ``sealed`` is the address, which may be a secret itself; ``shown`` is what people see of it.
    """

    person = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=ChannelKind.choices)
    name = models.CharField(max_length=100)
    sealed = models.TextField()
    shown = models.CharField(max_length=120)
    verified_at = models.DateTimeField(null=True)
    code_digest = models.CharField(max_length=64, blank=True)
    code_until = models.DateTimeField(null=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    codes_sent = models.PositiveSmallIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_channel", app="select, insert, update"),
            MemberOfTenant(field="person", name="ownership_channel_person_fk"),
            SameTenant(field="team", name="ownership_channel_team_fk"),
            models.CheckConstraint(
                condition=Q(person__isnull=False, team=None) | Q(person=None, team__isnull=False),
                name="ownership_channel_of_one",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "person"], condition=Q(removed_at=None), name="ownership_channels_person"),
            models.Index(fields=["tenant", "team"], condition=Q(removed_at=None), name="ownership_channels_team"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.shown})"


class NotificationRule(TenantModel):
    """When somebody is told where: at once, or so many seconds after, if nobody has acknowledged by then."""

    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, db_constraint=False, related_name="+")
    urgency = models.CharField(max_length=10, choices=Urgency.choices)
    after = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_notificationrule", app="select, insert, update (after), delete"),
            MemberOfTenant(field="person", name="ownership_notificationrule_person_fk"),
            SameTenant(field="channel", name="ownership_notificationrule_channel_fk"),
            models.UniqueConstraint(
                fields=["tenant", "person", "channel", "urgency"], name="ownership_notificationrule_once"
            ),
            models.CheckConstraint(condition=Q(after__lte=3600), name="ownership_notificationrule_after"),
        ]

    def __str__(self) -> str:
        return f"{self.urgency} after {self.after} s"


class Notification(TenantModel):
    """The intent to tell somebody something in one place, and what became of it: the delivery log.

    Exactly one for each (alert, entry of a step, person, channel). Without a channel it stands in the product itself.
    Its id is the idempotency key that a receiver tells repeats by. What an alert's message says is worked out when it
    is sent; a notice carries its own words.
    """

    alert = models.ForeignKey("ownership.Alert", models.PROTECT, db_constraint=False, null=True, related_name="+")
    entry = models.PositiveIntegerField(default=0)
    round = models.PositiveIntegerField(default=0)
    person = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, db_constraint=False, null=True, related_name="+")
    urgency = models.CharField(max_length=10, choices=Urgency.choices)
    title = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    link = models.CharField(max_length=500, blank=True)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=SendState.choices, default=SendState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "ownership_notification",
                app="select, insert, update",
                ops_columns=[
                    "tenant_id",
                    "id",
                    "alert_id",
                    "channel_id",
                    "entry",
                    "state",
                    "due_at",
                    "sent_at",
                    "attempts",
                ],
            ),
            SameTenant(field="alert", name="ownership_notification_alert_fk"),
            SameTenant(field="channel", name="ownership_notification_channel_fk"),
            MemberOfTenant(field="person", name="ownership_notification_person_fk"),
            models.UniqueConstraint(
                fields=["tenant", "alert", "entry", "person", "channel"],
                condition=Q(alert__isnull=False),
                nulls_distinct=False,
                name="ownership_notification_once",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="pending"), name="ownership_notification_due"),
            models.Index(fields=["sent_at"], condition=Q(channel__isnull=False), name="ownership_notification_sent"),
            models.Index(fields=["tenant", "person", "-created_at"], name="ownership_notifications"),
            models.Index(
                fields=["tenant", "person"],
                condition=Q(read_at=None, channel=None),
                name="ownership_notices_unread",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.urgency} to {self.person_id or self.channel_id}"


class Absence(TenantModel):
    """Somebody is away: shifts in that time are a clash that is shown before it happens."""

    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_absence", app="select, insert, update (cancelled_at)"),
            MemberOfTenant(field="person", name="ownership_absence_person_fk"),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="ownership_absence_span"),
        ]
        indexes = [models.Index(fields=["tenant", "end"], name="ownership_absences")]

    def __str__(self) -> str:
        return f"away until {self.end}"
