"""What a gate was decided upon, and judging it again from what was stored (STAGE-5). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.gates.criteria import BY_ID, Limits, Traits, defined, definition
from apps.gates.evidence import content_hash
from apps.gates.freshness import Reported, Standing, stand


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen record as it is found when the gate is judged again."""

    id: str
    content: dict[str, Any]
    content_hash: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What judging again gave: the digest now, whether every criterion is open again, and what isn't as it was."""

    digest: str
    is_open: bool
    altered: list[str]
    differing: list[str]

    def agrees(self, digest: str) -> bool:
        return self.digest == digest and self.is_open and not self.altered and not self.differing


def entry(standing: Standing, limits: Limits, frozen: UUID | None, frozen_hash: str) -> dict[str, Any]:
    """One criterion as it was decided upon."""
    reported = standing.reported
    # Whoever answers for the facts can't sign for them (APPR-2).
    authors = {"authors": [str(each) for each in reported.authors]} if reported and reported.authors else {}
    own = {"own": definition(standing.criterion)} if standing.criterion.is_own else {}
    return {
        **authors,
        **own,
        "id": standing.criterion.id,
        "title": standing.criterion.title,
        "state": standing.state.value,
        "why": standing.why,
        "limits": dict(limits),
        "evidence": str(frozen) if frozen else None,
        "hash": frozen_hash,
        "observed_at": reported.observed_at.isoformat() if reported else None,
        "valid_until": standing.valid_until.isoformat() if standing.valid_until else None,
        "waived_until": standing.waived_until.isoformat() if standing.waived_until else None,
    }


def seal(
    workload: str, stage: str, at: datetime, entries: Sequence[Mapping[str, Any]], traits: Mapping[str, Any]
) -> dict[str, Any]:
    """All that was decided upon; ``traits`` is what the workload was, where that decided what concerned it."""
    return {
        "workload": workload,
        "stage": stage,
        "at": at.isoformat(),
        "criteria": [dict(each) for each in entries],
        **({"traits": dict(traits)} if traits else {}),
    }


def replay(snapshot: Mapping[str, Any], found: Mapping[str, Frozen]) -> Replay:
    """Judge every criterion again from its stored facts, as of when the gate was asked for."""
    at = datetime.fromisoformat(snapshot["at"])
    altered: list[str] = []
    differing: list[str] = []
    entries = []
    is_open = True
    for was in snapshot["criteria"]:
        frozen = found.get(was["evidence"] or "")
        if was["evidence"] and frozen is None:
            altered.append(f"{was['id']}: evidence {was['evidence']} is gone")
            continue
        if frozen is not None and content_hash(frozen.content) != was["hash"]:
            altered.append(f"{was['id']}: evidence {frozen.id} is not what it was")
        standing = _stand(was, frozen, at, snapshot.get("traits"))
        is_open = is_open and standing.is_open
        if (standing.state.value, standing.why) != (was["state"], was["why"]):
            differing.append(f"{was['id']}: {was['state']} then, {standing.state.value} now: {standing.why}")
        now_hash = content_hash(frozen.content) if frozen else ""
        entries.append(entry(standing, was["limits"], UUID(frozen.id) if frozen else None, now_hash))
    again = seal(snapshot["workload"], snapshot["stage"], at, entries, snapshot.get("traits", {}))
    return Replay(content_hash(again), is_open, altered, differing)


def _stand(was: Mapping[str, Any], frozen: Frozen | None, at: datetime, traits: Mapping[str, Any] | None) -> Standing:
    criterion = defined(was["id"], was["own"]) if "own" in was else BY_ID[was["id"]]
    reported = None
    if frozen is not None and was["observed_at"]:
        reported = Reported(
            facts=frozen.content,
            observed_at=datetime.fromisoformat(was["observed_at"]),
            authors=tuple(UUID(each) for each in was.get("authors", [])),
            valid_until=datetime.fromisoformat(was["valid_until"]) if was["valid_until"] else None,
        )
    waived = datetime.fromisoformat(was["waived_until"]) if was["waived_until"] else None
    return stand(criterion, reported, was["limits"], at, waived, Traits(**traits) if traits else None)
