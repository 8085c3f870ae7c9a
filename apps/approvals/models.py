"""Requests, what exactly they are for, who signed, and who signs for whom (domain, section 11)."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.approvals import codec
from apps.approvals.rules import Slot, Verdict
from portal.tenancy.constraints import MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel


class State(models.TextChoices):
    PENDING = "pending", "Pending"
    GRANTED = "granted", "Granted"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    WITHDRAWN = "withdrawn", "Withdrawn"
    # The content changed after it was granted: what was approved is no longer what is there.
    FALLEN = "fallen", "Fallen"


VERDICTS = [(verdict.value, verdict.value) for verdict in Verdict]


class ApprovalPolicy(TenantModel):
    """A tenant's own, tighter answer to "who may approve what" (APPR-3). Without a row the default holds."""

    name = models.CharField(max_length=60)
    slots = models.JSONField()
    pending_days = models.PositiveSmallIntegerField()
    granted_days = models.PositiveSmallIntegerField()
    target_hours = models.PositiveSmallIntegerField()
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "approval policies"
        constraints = [
            *walls("approvals_approvalpolicy", app="select, insert, update"),
            models.UniqueConstraint(fields=["tenant", "name"], name="approvals_approvalpolicy_one"),
        ]

    def __str__(self) -> str:
        return self.name


class ApprovalRequest(TenantModel):
    """One thing that waits for signatures, frozen: ``content`` by parts, their digests, and the policy as it was.

    ``excluded`` says who may not sign and why, and only ever grows; ``waiting_roles`` are the roles of the slots that
    are still open, so that an inbox is one indexed look.
    """

    kind = models.CharField(max_length=40)
    policy = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, null=True, related_name="+")
    title = models.CharField(max_length=200)
    requester = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=20, choices=State.choices, default=State.PENDING)
    content = models.JSONField()
    parts = models.JSONField()
    digest = models.CharField(max_length=64)
    slots_json = models.JSONField()
    policy_revision = models.PositiveIntegerField(default=0)
    granted_days = models.PositiveSmallIntegerField()
    target_hours = models.PositiveSmallIntegerField()
    excluded = models.JSONField(default=dict)
    waiting_roles = ArrayField(models.CharField(max_length=30), default=list)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    granted_until = models.DateTimeField(null=True)
    by_break_glass = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "approvals_approvalrequest",
                app="select, insert, update",
                ops_columns=["tenant_id", "id", "state", "expires_at"],
            ),
            SameTenant(field="workload", name="approvals_approvalrequest_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "kind", "subject_id"],
                condition=models.Q(state=State.PENDING),
                name="approvals_approvalrequest_one_open",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=State.GRANTED)
                | models.Q(decided_at__isnull=False, granted_until__isnull=False),
                name="approvals_approvalrequest_granted",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "-created_at"], name="approvals_by_state"),
            models.Index(fields=["tenant", "kind", "subject_id", "-created_at"], name="approvals_of_subject"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state=State.PENDING),
                include=["tenant"],
                name="approvals_due",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def slots(self) -> tuple[Slot, ...]:
        return codec.slots(self.slots_json)

    def holds(self, now: Any) -> bool:
        """Whether the answer counts now: granted, and neither expired nor fallen."""
        return self.state == State.GRANTED and self.granted_until is not None and now < self.granted_until


class ContentRevision(TenantModel):
    """The content as it was at one time, so that a signer sees what has changed since they or others signed."""

    request = models.ForeignKey(ApprovalRequest, models.CASCADE, db_constraint=False, related_name="revisions")
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    changed = ArrayField(models.CharField(max_length=60), default=list)
    by = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("approvals_contentrevision", app="select, insert"),
            SameTenant(field="request", name="approvals_contentrevision_request_fk"),
        ]
        indexes = [models.Index(fields=["tenant", "request", "created_at"], name="approvals_revisions")]

    def __str__(self) -> str:
        return self.digest[:12]


class Signature(TenantModel):
    """One person's verdict on exactly one content. ``seen`` is the digest of each part as it was signed.

    ``acting_for`` is whom a delegate stood in for, with ``as_roles`` of theirs. A signature is never deleted: it is
    voided, with the reason.
    """

    request = models.ForeignKey(ApprovalRequest, models.PROTECT, db_constraint=False, related_name="signatures")
    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    acting_for = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    as_roles = ArrayField(models.CharField(max_length=30), default=list)
    verdict = models.CharField(max_length=10, choices=VERDICTS)
    comment = models.TextField(blank=True)
    seen = models.JSONField()
    digest = models.CharField(max_length=64)
    voided_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("approvals_signature", app="select, insert, update"),
            SameTenant(field="request", name="approvals_signature_request_fk"),
            MemberOfTenant(field="person", name="approvals_signature_member_fk"),
            models.UniqueConstraint(
                fields=["tenant", "request", "person"],
                condition=models.Q(voided_at=None),
                name="approvals_signature_one",
            ),
            # Whoever had a delegate sign has signed: the same authority never sits twice.
            models.UniqueConstraint(
                fields=["tenant", "request", "acting_for"],
                condition=models.Q(voided_at=None),
                name="approvals_signature_one_for",
            ),
            models.CheckConstraint(
                condition=~models.Q(acting_for=models.F("person")), name="approvals_signature_not_for_self"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "request", "created_at"], name="approvals_signatures")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.person_id}"


class Delegation(TenantModel):
    """``delegate`` may sign in ``principal``'s place with these roles, for a time that everybody sees (APPR-2)."""

    principal = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    delegate = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    roles = ArrayField(models.CharField(max_length=30))
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("approvals_delegation", app="select, insert, update"),
            MemberOfTenant(field="principal", name="approvals_delegation_principal_fk"),
            MemberOfTenant(field="delegate", name="approvals_delegation_delegate_fk"),
            models.CheckConstraint(
                condition=~models.Q(principal=models.F("delegate")), name="approvals_delegation_two"
            ),
            models.CheckConstraint(
                condition=models.Q(starts_at__lt=models.F("ends_at")), name="approvals_delegation_span"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-ends_at"], name="approvals_delegations")]

    def __str__(self) -> str:
        return f"{self.delegate_id} for {self.principal_id}"


class BreakGlass(TenantModel):
    """The one way around the signatures: two people, a reason, a day, and a review afterwards (APPR-2)."""

    request = models.ForeignKey(ApprovalRequest, models.PROTECT, db_constraint=False, related_name="emergencies")
    first = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    first_digest = models.CharField(max_length=64)
    reason = models.TextField()
    second = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(null=True)
    review_due_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    review_note = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "break-glass records"
        constraints = [
            *walls("approvals_breakglass", app="select, insert, update"),
            SameTenant(field="request", name="approvals_breakglass_request_fk"),
            MemberOfTenant(field="first", name="approvals_breakglass_first_fk"),
            MemberOfTenant(field="second", name="approvals_breakglass_second_fk"),
            models.UniqueConstraint(fields=["tenant", "request"], name="approvals_breakglass_one"),
            models.CheckConstraint(condition=~models.Q(first=models.F("second")), name="approvals_breakglass_two"),
            models.CheckConstraint(
                condition=~models.Q(reviewed_by=models.F("first")) & ~models.Q(reviewed_by=models.F("second")),
                name="approvals_breakglass_other_reviewer",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "review_due_at"],
                condition=models.Q(reviewed_at=None, opened_at__isnull=False),
                name="approvals_reviews_due",
            )
        ]

    def __str__(self) -> str:
        return f"break-glass for {self.request_id}"
