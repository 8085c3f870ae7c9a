from collections.abc import Iterator
from uuid import UUID

from django.db.models import Model, QuerySet

from apps.audit.chain import GENESIS, Link
from apps.audit.models import AuditEntry, AuditHead


def entries(tenant_id: UUID) -> QuerySet[AuditEntry]:
    """The tenant's trail, newest first."""
    return AuditEntry.objects.filter(tenant=tenant_id).order_by("-seq")


def history(tenant_id: UUID, obj: Model) -> QuerySet[AuditEntry]:
    return entries(tenant_id).filter(object_type=obj._meta.label_lower, object_id=str(obj.pk))


def links(tenant_id: UUID, *, using: str = "default") -> Iterator[Link]:
    """The chain from its beginning, streamed."""
    rows = AuditEntry.objects.using(using).filter(tenant=tenant_id).order_by("seq")
    for row in rows.values_list("seq", "at", "body", "previous", "digest").iterator(chunk_size=2000):
        yield Link(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]))


def head(tenant_id: UUID, *, using: str = "default") -> tuple[int, bytes]:
    """The last sequence number and digest; (0, zeros) for a tenant without an entry."""
    row = AuditHead.objects.using(using).filter(tenant=tenant_id).first()
    return (row.seq, bytes(row.digest)) if row else (0, GENESIS)
