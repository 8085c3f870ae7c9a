"""Fetching what :mod:`apps.gates.snapshot` judges again."""

from hashlib import sha256
from uuid import UUID

from apps.gates import queries
from apps.gates.evidence import content_hash
from apps.gates.models import Evidence, GateAttempt
from apps.gates.snapshot import Frozen, Replay, replay


def replay_gate(tenant_id: UUID, attempt_id: UUID) -> tuple[GateAttempt, Replay] | None:
    """The attempt and what judging it again gives, or nothing if it isn't this tenant's."""
    attempt = queries.attempt(tenant_id, attempt_id)
    if attempt is None:
        return None
    ids = [entry["evidence"] for entry in attempt.snapshot["criteria"] if entry["evidence"]]
    rows = Evidence.objects.filter(tenant=tenant_id, id__in=ids).select_related("origin")
    found = replay(attempt.snapshot, {str(row.id): _frozen(row) for row in rows})
    found.altered.extend(_altered_origins(list(rows)))
    return attempt, found


def _frozen(row: Evidence) -> Frozen:
    return Frozen(str(row.id), row.content, row.content_hash)


def _altered_origins(rows: list[Evidence]) -> list[str]:
    """The documents behind the frozen facts, held against their own hashes."""
    origins = [row.origin for row in rows if row.origin is not None]
    changed = [
        f"{row.kind}: evidence {row.id} is not what it was"
        for row in origins
        if content_hash(row.content) != row.content_hash
    ]
    return [*changed, *(name for row in origins for name in _altered_files(row))]


def _altered_files(row: Evidence) -> list[str]:
    """A document's attachments, held against the digests that stand in it."""
    listed = {each["sha256"]: each["name"] for each in row.content.get("attachments", [])}
    if not listed:
        return []
    kept = {sha256(bytes(each.data)).hexdigest() for each in row.attachments.filter(tenant=row.tenant_id)}
    return [f"{row.kind}: its attachment {name} is not what it was" for d, name in listed.items() if d not in kept]
