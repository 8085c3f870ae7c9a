"""A request as a person reads it: what exactly is approved, who sits where, who could, what changed since."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.approvals import queries, subjects
from apps.approvals.models import ApprovalRequest, ContentRevision, Signature
from apps.approvals.rules import Slot, changed, part_digests, wanted


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: ``kind`` is added, removed or kept."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    part: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class SlotRow:
    slot: Slot
    wanted: int
    filled: int
    sitting: list[str]
    could: list[str]
    is_unsatisfiable: bool


@dataclass(frozen=True, slots=True)
class SignatureRow:
    signature: Signature
    counts: bool
    note: str


@dataclass(frozen=True, slots=True)
class RequestPage:
    parts: list[tuple[str, list[str]]]
    slots: list[SlotRow]
    signatures: list[SignatureRow]
    since: Signature | None
    changes: list[Change]
    standing: queries.Standing

    def may_fill(self, user_id: UUID) -> bool:
        person = self.standing.members.get(user_id)
        return person is not None and any(person.fits(slot) for slot in self.standing.waiting)


def present(request: ApprovalRequest, viewer: UUID | None) -> RequestPage:
    signatures = queries.signatures(request)
    standing = queries.standing(request, signatures)
    names = queries.names(request.tenant_id, standing.members)
    since = _last_look(signatures, viewer)
    return RequestPage(
        parts=[(name, list(lines(request.content[name]))) for name in _in_order(request)],
        slots=[_slot_row(i, slot, standing, names) for i, slot in enumerate(request.slots)],
        signatures=[_signature_row(row, standing) for row in signatures],
        since=since,
        changes=_changes(request, since) if since else [],
        standing=standing,
    )


def lines(value: Any, indent: int = 0) -> Iterator[str]:
    """Nested values as indented lines, one fact each, so that a difference names the fact that changed."""
    pad = "  " * indent
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _entry(f"{pad}{name}:", item, indent)
    elif isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield from _entry(f"{pad}{number}.", item, indent)
    else:
        yield f"{pad}{_scalar(value)}"


def difference(before: Any, after: Any) -> list[Line]:
    """Line by line, in order; what didn't change stands around it."""
    old, new = list(lines(before)), list(lines(after))
    kinds = {"+": "added", "-": "removed", " ": "kept"}
    return [Line(kinds[mark[0]], mark[2:]) for mark in difflib.ndiff(old, new) if mark[0] in kinds]


def _entry(label: str, item: Any, indent: int) -> Iterator[str]:
    if isinstance(item, dict) and item and not any(isinstance(value, dict | list) for value in item.values()):
        yield f"{label} {', '.join(f'{name} {_scalar(value)}' for name, value in item.items())}"
    elif isinstance(item, dict | list) and item:
        yield label
        yield from lines(item, indent + 1)
    else:
        yield f"{label} {_scalar(item)}"


def _scalar(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _in_order(request: ApprovalRequest) -> list[str]:
    """The parts as their kind lists them; the database keeps no order."""
    order = [*subjects.default(request.policy).parts, *sorted(request.content)]
    return [name for name in dict.fromkeys(order) if name in request.content]


def _last_look(signatures: Sequence[Signature], viewer: UUID | None) -> Signature | None:
    """The viewer's own last signature, or else anybody's."""
    own = [row for row in signatures if row.person_id == viewer] or signatures
    return own[-1] if own else None


def _changes(request: ApprovalRequest, since: Signature) -> list[Change]:
    if since.digest == request.digest:
        return []
    rows = ContentRevision.objects.filter(tenant=request.tenant_id, request=request.id, digest=since.digest)
    old = rows.order_by("-created_at").first()
    before = old.content if old else {}
    names = changed(part_digests(before), request.parts)
    return [Change(name, difference(before.get(name), request.content.get(name))) for name in names]


def _slot_row(index: int, slot: Slot, standing: queries.Standing, names: dict[UUID, str]) -> SlotRow:
    sitting = [person for person, seat in standing.tally.seats.items() if seat == index]
    could = [i for i, person in standing.members.items() if person.fits(slot) and i not in standing.tally.seats]
    return SlotRow(
        slot=slot,
        wanted=wanted(slot),
        filled=standing.tally.filled[index],
        sitting=sorted(names.get(i, "") for i in sitting),
        could=sorted(names.get(i, "") for i in could),
        is_unsatisfiable=slot.name in standing.unsatisfiable,
    )


def _signature_row(signature: Signature, standing: queries.Standing) -> SignatureRow:
    if signature.voided_at is not None:
        return SignatureRow(signature, False, f"no longer counts: {signature.void_reason}")
    counts = standing.counts(signature)
    is_flagged = not counts and signature.verdict == "approve"
    return SignatureRow(signature, counts, "doesn't count: the role is no longer held" if is_flagged else "")
