from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet

from apps.audit.chain import GENESIS, Link, place_problem
from apps.audit.models import AuditEntry, AuditHead
from portal.errors import NotFound


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: each empty part is left out. Days are of a zone; ``below`` is where the last page ended."""

    action: str = ""
    actor: str = ""
    object_type: str = ""
    object_id: str = ""
    request_id: str = ""
    since: date | None = None
    until: date | None = None
    below: int | None = None


# An entry's time is taken just before its place in the chain is, so places and times may differ by a few entries.
_SLACK = 1_000


def found(tenant_id: UUID, wanted: Wanted, zone: ZoneInfo, size: int) -> list[AuditEntry]:
    """At most ``size`` entries, newest first. Never counted: a page is one walk down an index from where it begins."""
    names = ("action", "actor", "object_type", "object_id", "request_id")
    exact = {name: value for name in names if (value := getattr(wanted, name))}
    rows = entries(tenant_id).filter(**exact)
    if wanted.since:
        begins = datetime.combine(wanted.since, time(), zone)
        first = _nearest(tenant_id, "at", at__gte=begins)
        rows = rows.filter(at__gte=begins, seq__gte=first - _SLACK) if first else rows.none()
    if wanted.until:
        ends = datetime.combine(wanted.until + timedelta(days=1), time(), zone)
        last = _nearest(tenant_id, "-at", at__lt=ends)
        rows = rows.filter(at__lt=ends, seq__lte=last + _SLACK) if last else rows.none()
    if wanted.below:
        rows = rows.filter(seq__lt=wanted.below)
    return list(rows[:size])


def _nearest(tenant_id: UUID, order: str, **bound: datetime) -> int | None:
    rows = AuditEntry.objects.filter(tenant=tenant_id, **bound).order_by(order)
    return rows.values_list("seq", flat=True).first()


def latest(tenant_id: UUID, actions: Iterable[str], object_ids: Iterable[str]) -> list[AuditEntry]:
    """The newest entry about each of these objects that says one of these actions, in one statement."""
    rows = AuditEntry.objects.filter(tenant=tenant_id, action__in=list(actions), object_id__in=list(object_ids))
    return list(rows.order_by("object_id", "-seq").distinct("object_id"))


def entry(tenant_id: UUID, entry_id: UUID) -> AuditEntry:
    row = entries(tenant_id).filter(id=entry_id).first()
    if row is None:
        raise NotFound("There is no such entry here.")
    return row


def problem(entry: AuditEntry) -> str:
    """What is wrong with the entry's place in the chain, between its two neighbours."""
    near = AuditEntry.objects.filter(tenant=entry.tenant_id, seq__gte=entry.seq - 1, seq__lte=entry.seq + 1)
    by_seq = {row.seq: Link(row.seq, row.at, row.body, bytes(row.previous), bytes(row.digest)) for row in near}
    before, after = by_seq.get(entry.seq - 1), by_seq.get(entry.seq + 1)
    return place_problem(entry.tenant_id, by_seq[entry.seq], before, after, head(entry.tenant_id))


def head(tenant_id: UUID, *, using: str = "default") -> tuple[int, bytes]:
    """The last sequence number and digest; (0, zeros) for a tenant without an entry."""
    row = AuditHead.objects.using(using).filter(tenant=tenant_id).first()
    return (row.seq, bytes(row.digest)) if row else (0, GENESIS)
