"""What is sent, to whom, and when again: values in, value out.

Promises (docs/integrations/events.md): at least once; first attempts in the order of the audit trail; the same
``webhook-id`` and the same bytes on each attempt. One event that a receiver can't take is tried again by itself while
later ones go on; a receiver that takes nothing is left alone and asked now and then with its oldest event.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from apps.events.catalogue import PREFIX
from portal.errors import Invalid

EVERYTHING = "*"
MOST_PATTERNS = 50
MOST_REPLAYED = 100_000
KEPT = timedelta(days=30)
FORMER_COUNTS = timedelta(hours=24)
# One event is given up after so long, a subscription that nothing reaches after so long.
GIVE_UP, STOP_AFTER = timedelta(days=3), timedelta(days=5)
LONGEST_ASKED_FOR = timedelta(hours=1)
# So many failures in a row, and the receiver as a whole is left alone for a while.
FEW = 3
MOST_TRIES_SHOWN = 20
ANSWER = 500

_AGAIN = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
_LONGEST_AGAIN = timedelta(hours=12)
_RESTS = (10, 30, 60, 120, 300, 600)
_LONGEST_REST = timedelta(minutes=30)


class Verdict(Enum):
    TAKEN = "taken"
    LATER = "later"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one attempt. ``status`` is 0 where there was no answer, and ``text`` then says why."""

    status: int
    text: str
    seconds: float = 0.0
    retry_after: float = 0.0

    @property
    def verdict(self) -> Verdict:
        if 200 <= self.status < 300:
            return Verdict.TAKEN
        return Verdict.GONE if self.status == 410 else Verdict.LATER

    @property
    def words(self) -> str:
        """On one line, for people."""
        if not self.status:
            return self.text
        if 300 <= self.status < 400:
            return f"{self.status}: redirects aren't followed; enter the address where it leads"
        return f"{self.status} {self.text[:200]}".strip()


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of the audit trail, as far as it leaves the house."""

    id: UUID
    seq: int | None
    at: datetime
    action: str
    object_type: str
    object_id: str
    actor: str
    actor_kind: str


def patterns(said: Iterable[str], known: Collection[str]) -> list[str]:
    """The patterns without space, prefix and repeats: ``*``, ``rollout.*`` or one type.

    Raises:
        Invalid: none, too many, or one that no event will ever match; ``unknown`` names those.
    """
    texts = (text.strip().lower() for text in said)
    found = list(dict.fromkeys(text.removeprefix(PREFIX) for text in texts if text))
    if not found or len(found) > MOST_PATTERNS:
        raise Invalid("patterns", f"Name 1 to {MOST_PATTERNS} types: rollout.running, rollout.*, or * for all.")
    unknown = [pattern for pattern in found if not any(matches([pattern], action) for action in known)]
    if unknown:
        listed = ", ".join(text[:60] for text in unknown[:5])
        raise Invalid("patterns", f"No event will ever match {listed}: see the list of types.", unknown=unknown)
    return [EVERYTHING] if EVERYTHING in found else found


def matches(wanted: Iterable[str], action: str) -> bool:
    return any(
        pattern in (EVERYTHING, action) or (is_family(pattern) and action.startswith(pattern[:-1]))
        for pattern in wanted
    )


def is_family(pattern: str) -> bool:
    """``rollout.*``: every type that begins so."""
    return pattern.endswith(".*") and len(pattern) > 2


def cloud_event(happened: Happened, *, source: str, link: str) -> dict[str, Any]:
    """CloudEvents 1.0, structured JSON: who did what to which thing, and where to look; never values or reasons.

    ``sequence`` (the extension of that name) orders by text as by number.
    """
    ordered = {} if happened.seq is None else {"sequence": f"{happened.seq:019d}"}
    return {
        "specversion": "1.0",
        "id": str(happened.id),
        "source": source,
        "type": f"{PREFIX}{happened.action}",
        "subject": f"{happened.object_type}/{happened.object_id}",
        "time": happened.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        **ordered,
        "data": {
            "action": happened.action,
            "actor": {"kind": happened.actor_kind, "label": happened.actor},
            "object": {"type": happened.object_type, "id": happened.object_id},
            **({"link": link} if link else {}),
        },
    }


def encoded(event: dict[str, Any]) -> str:
    """The text that is signed and sent, the same on each attempt."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def again_after(attempts: int) -> timedelta:
    """How long after the so-manieth attempt of one event the next one is due: seconds, then hours."""
    return timedelta(seconds=_AGAIN[attempts - 1]) if attempts <= len(_AGAIN) else _LONGEST_AGAIN


def rest(failures: int) -> timedelta:
    """How long a receiver is left alone after so many failures in a row; nothing at first."""
    step = failures - FEW
    if step < 0:
        return timedelta()
    return timedelta(seconds=_RESTS[step]) if step < len(_RESTS) else _LONGEST_REST


def asked_for(answer: Answered) -> timedelta:
    """What the receiver itself asked for with 429 or 503, at most an hour."""
    if answer.status not in {429, 503}:
        return timedelta()
    return min(timedelta(seconds=min(answer.retry_after, 86_400.0)), LONGEST_ASKED_FOR)


def given_up(first_at: datetime, now: datetime) -> bool:
    return now - first_at >= GIVE_UP


def printable(text: str) -> str:
    """A stranger's answer as it may be stored and shown: short, one line, without control characters."""
    kept = "".join(character if character.isprintable() else " " for character in text[: 4 * ANSWER])
    return " ".join(kept.split())[:ANSWER]


def noted(tries: Sequence[dict[str, Any]], answer: Answered, at: datetime) -> list[dict[str, Any]]:
    """The attempts so far with this one, the last few."""
    one = {"at": at.isoformat(), "status": answer.status, "ms": round(answer.seconds * 1_000), "said": answer.words}
    return [*tries, one][-MOST_TRIES_SHOWN:]
