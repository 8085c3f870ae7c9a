"""Reading and writing evidence records (STAGE-1)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import Min, Q, QuerySet
from django.db.models.expressions import Combinable

from apps.accounts.models import User
from apps.audit.actions import record
from apps.gates.attachments import MOST, File
from apps.gates.documents import Document, Unreadable, clean
from apps.gates.freshness import WARN_AT
from apps.gates.models import Attachment, Evidence, GateAttempt, Source
from apps.gates.own import queries as own
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, NotFound


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 over canonical JSON, in hex: what is stored, whatever order the database gives it back in."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def newest(workload: Workload) -> dict[str, Evidence]:
    """The newest document of each kind."""
    rows = Evidence.objects.filter(tenant=workload.tenant_id, workload=workload.id, source=Source.ATTESTATION)
    latest = rows.order_by("kind", "-observed_at", "-created_at").distinct("kind").select_related("author")
    return {row.kind: row for row in latest}


def history(workload: Workload, kind: str) -> QuerySet[Evidence]:
    rows = Evidence.objects.filter(tenant=workload.tenant_id, workload=workload.id, kind=kind)
    return rows.select_related("author").order_by("-observed_at", "-created_at")


def opened_at(workload: Workload, stage: str) -> datetime | None:
    """When the stage's gate was opened, if it is open now."""
    rows = GateAttempt.objects.filter(tenant=workload.tenant_id, workload=workload.id, stage=stage, ended_at=None)
    return rows.exclude(opened_at=None).values_list("opened_at", flat=True).first()


def record_document(
    *,
    workload: Workload,
    kind: str,
    data: Mapping[str, Any],
    author: User,
    actor: Actor,
    now: datetime,
    files: Sequence[File] = (),
) -> Evidence:
    """Write a document down as evidence. What can be measured has no document and can't be typed in.

    ``files`` are attached; their digests stand in the content, so that its hash and its signatures cover them.

    Raises:
        Invalid: no such document, or one with problems, each named with its place; too many files, or one twice.
        Forbidden: it has to come from somebody else than the owner.
    """
    document = own.document(workload.tenant_id, kind)
    if document is None:
        raise Invalid("unknown_kind", f"There is no document {kind[:40]!r}: measured evidence can't be typed in.")
    if document.by_other and author.id == workload.owner_id:
        raise Forbidden("own_workload", "This has to be recorded by somebody else than the workload's owner.")
    try:
        content = clean(document, data)
    except Unreadable as error:
        problems = [{"where": problem.where, "message": problem.message} for problem in error.problems]
        raise Invalid("document_invalid", str(error), problems=problems) from error
    if files:
        content["attachments"] = _listed(files)
    observed = _observed_at(document, content, now)
    made = write(workload, kind, Source.ATTESTATION, content, observed, actor, author=author)
    for file in files:
        Attachment.objects.create(
            tenant_id=made.tenant_id,
            evidence=made,
            name=file.name,
            media_type=file.media_type,
            digest=file.digest,
            data=file.data,
        )
    return made


def _listed(files: Sequence[File]) -> list[dict[str, Any]]:
    if len(files) > MOST or len({file.digest for file in files}) < len(files):
        raise Invalid("attachments", f"Attach {MOST} files at most, each once.")
    return [{"name": f.name, "type": f.media_type, "bytes": len(f.data), "sha256": f.digest} for f in files]


def attachments(tenant_id: UUID, evidence_id: UUID) -> QuerySet[Attachment]:
    """A document's files, without their bytes."""
    return Attachment.objects.filter(tenant=tenant_id, evidence=evidence_id).defer("data").order_by("name", "id")


def attachment(workload: Workload, attachment_id: UUID) -> Attachment:
    """One file of one of the workload's documents, with its bytes.

    Raises:
        NotFound: there is none.
    """
    rows = Attachment.objects.filter(tenant=workload.tenant_id, id=attachment_id, evidence__workload=workload.id)
    found = rows.first()
    if found is None:
        raise NotFound()
    return found


def write(
    workload: Workload,
    kind: str,
    source: Source,
    content: dict[str, Any],
    observed_at: datetime,
    actor: Actor,
    author: User | None = None,
    origin: UUID | None = None,
) -> Evidence:
    """One evidence row, with its hash, written down in the audit trail."""
    lives = own.life(workload.tenant_id, kind) if source is Source.ATTESTATION else None
    made = Evidence.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        kind=kind,
        source=source,
        content=content,
        content_hash=content_hash(content),
        observed_at=observed_at,
        notice_at=observed_at + lives * WARN_AT if lives else None,
        author=author,
        origin_id=origin,
    )
    if source is not Source.FROZEN:
        record(actor=actor, action="evidence.recorded", obj=made, after={"kind": kind, "hash": made.content_hash})
    return made


def _observed_at(document: Document, content: Mapping[str, Any], now: datetime) -> datetime:
    """A document that says when it was so ages from then, and nothing is observed in the future."""
    day = next((content[name] for name in ("run_on", "agreed_on", "to_day") if name in content), None)
    if day is None:
        return now
    begun = datetime.combine(datetime.fromisoformat(day), time(), UTC)
    if begun > now:
        raise Invalid("future", f"{document.title}: {day} lies ahead; record it when it has happened.")
    return begun


def first_recorded(
    workload: Workload, kinds: Iterable[str], since: Combinable, other: str
) -> tuple[datetime | None, datetime | None]:
    """When the first document of these kinds was recorded after ``since``, and the first of the other kind ever."""
    rows = Evidence.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    counted = Q(kind__in=list(kinds), created_at__gt=since)
    found = rows.aggregate(first=Min("created_at", filter=counted), other=Min("created_at", filter=Q(kind=other)))
    return found["first"], found["other"]


def first_after(workload: Workload, kind: str, at: datetime) -> datetime | None:
    """When the first document of a kind was observed after an instant."""
    rows = Evidence.objects.filter(tenant=workload.tenant_id, workload=workload.id, kind=kind, observed_at__gt=at)
    return rows.order_by("observed_at").values_list("observed_at", flat=True).first()
