"""The chain's arithmetic: pure. The database function of migration 0002 computes the same.

``digest = SHA-256(previous || "causeway-audit-1\\n" tenant "\\n" seq "\\n" at "\\n" body)``, where ``at`` is UTC with
microseconds and ``body`` the stored text. The first entry's ``previous`` is 32 zero bytes. Tamper-evident: whoever
can write the table as its owner can forge a whole new chain, which is why heads are also published to the log.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

GENESIS = bytes(32)
MASKED = "***"
_SECRET_KEYS = ("password", "secret", "token", "digest", "credential")


@dataclass(frozen=True, slots=True)
class Link:
    seq: int
    at: datetime
    body: str
    previous: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """The first link that doesn't hold, and why."""

    seq: int
    reason: str


def canonical(document: dict[str, Any]) -> str:
    """JSON with sorted keys and no spaces; dates in ISO 8601, secrets masked by their keys' names."""
    return json.dumps(mask(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: MASKED if _is_secret(str(k)) else mask(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item) for item in value]
    return value


def digest(tenant: UUID, link: Link) -> bytes:
    at = link.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = f"causeway-audit-1\n{tenant}\n{link.seq}\n{at}\n{link.body}"
    return hashlib.sha256(link.previous + text.encode()).digest()


def first_break(tenant: UUID, links: Iterable[Link], head: tuple[int, bytes]) -> Break | None:
    """Walk the chain from its first link to ``head`` (the last sequence number and digest the database stands by)."""
    expected, previous = 1, GENESIS
    for link in links:
        problem = _problem(tenant, link, expected, previous)
        if problem:
            return Break(min(link.seq, expected), problem)
        expected, previous = link.seq + 1, link.digest
    if (expected - 1, previous) != (head[0], bytes(head[1])):
        return Break(expected, f"the chain ends at {expected - 1}, but its head says {head[0]}")
    return None


def place_problem(tenant: UUID, link: Link, before: Link | None, after: Link | None, head: tuple[int, bytes]) -> str:
    """What is wrong with one link between its neighbours, or nothing. The whole chain is for :func:`first_break`."""
    if before is None and link.seq > 1:
        return f"entry {link.seq - 1} is missing"
    if problem := _problem(tenant, link, link.seq, before.digest if before else GENESIS):
        return problem
    if after is not None:
        return "" if after.previous == link.digest else f"entry {after.seq} doesn't follow this one"
    return "" if head == (link.seq, link.digest) else f"it ends the chain, but the chain's head says {head[0]}"


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[tuple[str, Any, Any]]:
    """What an entry says of before and after, name by name: what didn't change is left out."""
    old, new = before or {}, after or {}
    names = [*old, *(name for name in new if name not in old)]
    return [(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def proof(tenant: UUID, links: Iterable[Link]) -> Iterator[str]:
    """The chain as JSON Lines, each with what is needed to recompute it (AUD-2)."""
    for link in links:
        yield json.dumps(
            {
                "tenant": str(tenant),
                "seq": link.seq,
                "at": link.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "body": link.body,
                "previous": link.previous.hex(),
                "digest": link.digest.hex(),
            },
            ensure_ascii=False,
        )


def _problem(tenant: UUID, link: Link, expected: int, previous: bytes) -> str:
    if link.seq != expected:
        return f"entry {expected} is missing"
    if link.previous != previous:
        return f"entry {link.seq} doesn't follow the one before it"
    if digest(tenant, link) != link.digest:
        return f"entry {link.seq} was altered: its digest doesn't match its text"
    return ""


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    return str(value)
