"""The kernel's own tables."""

from django.db import models
from django.utils import timezone

from portal.tenancy.constraints import walls
from portal.tenancy.models import TenantModel


class OutboxMessage(TenantModel):
    """One thing to tell the outside, once per (topic, key)."""

    class Kind(models.TextChoices):
        PAGE = "page", "page: at least once"
        DIGEST = "digest", "digest: at most once"

    topic = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    payload = models.JSONField()
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            *walls(
                "portal_outboxmessage",
                app="select, insert, update, delete",
                ops_columns=["tenant_id", "id", "topic", "due_at", "delivered_at", "dead_at", "leased_until"],
            ),
            models.UniqueConstraint(fields=["tenant", "topic", "key"], name="outbox_once"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(delivered_at=None, dead_at=None),
                include=["tenant", "topic"],
                name="outbox_due",
            ),
            models.Index(fields=["tenant", "-created_at"], name="outbox_recent"),
            models.Index(
                fields=["delivered_at"],
                condition=models.Q(delivered_at__isnull=False),
                include=["tenant", "id"],
                name="outbox_delivered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class JobRun(models.Model):
    """The last run of a regular job, and its last success. Of no tenant."""

    name = models.CharField(primary_key=True, max_length=100)
    began_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()
    succeeded_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name
