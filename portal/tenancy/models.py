"""What every tenant table inherits."""

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from portal.ids import uuid7


class CurrentTenant(models.Func):
    """The tenant of the transaction, read by the database itself: nothing can forget to fill it in."""

    template = "nullif(current_setting('portal.tenant_id', true), '')::uuid"
    output_field = models.UUIDField()
    allowed_default = True


class TenantModel(models.Model):
    """A row of one tenant. ``Meta.constraints`` starts with :func:`portal.tenancy.constraints.walls`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        "tenants.Tenant",
        models.PROTECT,
        db_default=CurrentTenant(),
        db_index=False,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    class Meta:
        abstract = True
