"""The audit trail: append-only, one hash chain a tenant (AUD-1).

Rows come in through the database function ``audit_append`` alone, which locks the tenant's head row; the
application's role can read them and nothing else. What is searched by is generated from the hashed text, so that
it can't say anything else than the chain does.
"""

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from portal.tenancy.constraints import TenantPolicy, walls
from portal.tenancy.models import TenantModel


def _from_body(key: str, length: int) -> models.GeneratedField:
    return models.GeneratedField(
        expression=KeyTextTransform(key, Cast("body", models.JSONField())),
        output_field=models.CharField(max_length=length),
        db_persist=True,
    )


class AuditEntry(TenantModel):
    """One act. ``body`` is canonical JSON: who, what, on which object, before, after, why, from where, request id."""

    seq = models.BigIntegerField()
    at = models.DateTimeField()
    body = models.TextField()
    previous = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)
    action = _from_body("action", 100)
    object_type = _from_body("object_type", 100)
    object_id = _from_body("object_id", 100)
    actor = _from_body("actor", 200)
    request_id = _from_body("request_id", 64)

    class Meta:
        verbose_name_plural = "audit entries"
        constraints = [
            *walls("audit_auditentry", app="select", ops="select"),
            models.UniqueConstraint(fields=["tenant", "seq"], name="audit_auditentry_seq"),
        ]
        indexes = [
            models.Index(fields=["tenant", "object_type", "object_id", "-seq"], name="audit_by_object"),
            models.Index(fields=["tenant", "action", "-seq"], name="audit_by_action"),
            models.Index(fields=["tenant", "actor", "-seq"], name="audit_by_actor"),
            models.Index(fields=["tenant", "request_id", "-seq"], name="audit_by_request"),
            models.Index(fields=["tenant", "at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.action}"


class AuditHead(models.Model):
    """Where a tenant's chain ends. Written by ``audit_append`` alone, which locks this row: the chain can't fork."""

    tenant = models.OneToOneField("tenants.Tenant", models.PROTECT, primary_key=True, related_name="+")
    seq = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)

    class Meta:
        db_table = "audit_head"
        default_permissions = ()
        constraints = [TenantPolicy(name="audit_head_tenant", app="select", ops="select")]

    def __str__(self) -> str:
        return f"{self.tenant_id} at {self.seq}"
