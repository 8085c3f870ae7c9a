"""Who wants to be told of what happens here, what went out, and what is sent again."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from apps.events.rules import FEW
from portal.tenancy.constraints import MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel


class State(models.TextChoices):
    ACTIVE = "active", "active"
    PAUSED = "paused", "paused"
    # By the portal itself: the receiver is gone, or took nothing for days.
    STOPPED = "stopped", "stopped"


class Subscription(TenantModel):
    """A receiver and the types that it wants; it follows the tenant's audit trail.

    ``cursor`` is the last sequence number handed on to deliveries. ``leased_until`` and ``fence`` keep it to one sender
    at a time: of two who think that they have it, the older one's word no longer counts. ``failures`` are those since
    the last success; ``rest_until`` is when the receiver is asked again.
    """

    name = models.CharField(max_length=100)
    sealed = models.TextField()
    shown = models.CharField(max_length=120)
    patterns = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    why = models.CharField(max_length=300, blank=True)
    cursor = models.BigIntegerField()
    secret_number = models.PositiveIntegerField(default=1)
    former_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    rest_until = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "events_subscription",
                app="select, insert, update",
                ops_columns=[
                    "tenant_id",
                    "id",
                    "state",
                    "cursor",
                    "rest_until",
                    "worked_at",
                    "leased_until",
                    "removed_at",
                ],
            ),
            MemberOfTenant(field="created_by", name="events_subscription_created_by_fk"),
            models.UniqueConstraint(
                fields=["tenant", "name"], condition=Q(removed_at=None), name="events_subscription_name"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="events_subscription_state"),
        ]
        indexes = [
            models.Index(
                fields=["worked_at"], condition=Q(state="active", removed_at=None), name="events_subscription_active"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_failing(self) -> bool:
        """So often in a row that its receiver is asked with its oldest event alone."""
        return self.failures >= FEW

    def rests(self, now: datetime) -> bool:
        return self.rest_until is not None and now < self.rest_until


class Replay(TenantModel):
    """Entries ``first`` to ``last`` once more, those that match; ``number`` counts a subscription's replays from 1."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, db_constraint=False, related_name="+")
    number = models.PositiveIntegerField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    cursor = models.BigIntegerField()
    total = models.PositiveIntegerField()
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    finished_at = models.DateTimeField(null=True)
    is_cancelled = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "events_replay",
                app="select, insert, update (cursor, finished_at, is_cancelled)",
                ops_columns=["tenant_id", "subscription_id", "finished_at"],
            ),
            SameTenant(field="subscription", name="events_replay_subscription_fk"),
            MemberOfTenant(field="by", name="events_replay_by_fk"),
            models.UniqueConstraint(fields=["tenant", "subscription", "number"], name="events_replay_number"),
            models.UniqueConstraint(
                fields=["tenant", "subscription"], condition=Q(finished_at=None), name="events_replay_one"
            ),
            models.CheckConstraint(condition=Q(first__gte=1, last__gte=F("first")), name="events_replay_span"),
        ]

    def __str__(self) -> str:
        return f"replay {self.number}: {self.first} to {self.last}"


class DeliveryState(models.TextChoices):
    PENDING = "pending", "waits"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "given up"
    SKIPPED = "skipped", "skipped"


class Delivery(TenantModel):
    """One event on its way to one receiver; its id is the ``webhook-id`` of every attempt.

    ``run`` is 0 for what follows the trail and a replay's number for what is sent again; ``seq`` is the entry's, none
    for a test. ``body`` is what is signed and sent, to the byte.
    """

    subscription = models.ForeignKey(Subscription, models.PROTECT, db_constraint=False, related_name="+")
    run = models.PositiveIntegerField(default=0)
    seq = models.BigIntegerField(null=True)
    event = models.UUIDField()
    action = models.CharField(max_length=100)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(default=0)
    answer = models.CharField(max_length=500, blank=True)
    tries = models.JSONField(default=list)
    done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "deliveries"
        constraints = [
            *walls(
                "events_delivery",
                app="select, insert, update, delete",
                ops_columns=["tenant_id", "id", "subscription_id", "state", "due_at", "done_at"],
            ),
            SameTenant(field="subscription", name="events_delivery_subscription_fk"),
            models.UniqueConstraint(fields=["tenant", "subscription", "run", "seq"], name="events_delivery_once"),
            models.CheckConstraint(
                condition=Q(state="pending", done_at=None) | (~Q(state="pending") & Q(done_at__isnull=False)),
                name="events_delivery_done",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "subscription", "due_at"], condition=Q(state="pending"), name="events_delivery_due"
            ),
            models.Index(
                fields=["tenant", "subscription", "run", "seq"],
                condition=Q(state="pending", attempts=0),
                name="events_delivery_fresh",
            ),
            models.Index(fields=["tenant", "subscription", "-created_at", "-id"], name="events_delivery_log"),
            models.Index(
                fields=["done_at"],
                include=["tenant", "id"],
                condition=Q(done_at__isnull=False),
                name="events_delivery_prune",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.state}"
