"""Who is trained, until when, and whether enough of a cohort is (FEED-4, criterion H8). Pure; nothing looks at a clock.

A person is trained for a workload on ``[completed, completed + valid_for)`` of every module that it asks for. A cohort
is trained while at least its threshold of people are; people who leave it no longer count on either side.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

LEAST_SHARE = 80  # percent


class Topic(StrEnum):
    """What informed trust takes; a workload's training covers all three."""

    READING = "reading"
    SPOTTING = "spotting"
    STEPPING_IN = "stepping_in"


TOPICS: dict[Topic, str] = {
    Topic.READING: "How to read what the agent says",
    Topic.SPOTTING: "How to spot a hallucination",
    Topic.STEPPING_IN: "How to step in",
}


class How(StrEnum):
    """How a completion came about: by answering the module's questions, or in a room with somebody who saw it."""

    CHECK = "check"
    ATTENDED = "attended"


@dataclass(frozen=True, slots=True)
class Done:
    """One completion: of which revision of a module, and until when it counts."""

    module: UUID
    revision: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answers; ``right`` is the place of the one that is."""

    text: str
    answers: tuple[str, ...]
    right: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a cohort is trained now. ``until`` is when too few will be, if nothing happens."""

    people: int
    trained: int
    lapsed: int
    threshold: int
    until: datetime | None

    @property
    def holds(self) -> bool:
        return self.people > 0 and self.trained * 100 >= self.threshold * self.people


def trained_until(asked: Mapping[UUID, int], done: Iterable[Done]) -> datetime | None:
    """Until when one person is trained in every module of ``asked`` (id: the oldest revision that still counts).

    None: at least one was never completed, or only in a revision that no longer counts.
    """
    ends: dict[UUID, datetime] = {}
    for each in done:
        if each.module in asked and each.revision >= asked[each.module]:
            ends[each.module] = max(each.until, ends.get(each.module, each.until))
    return min(ends.values()) if asked and len(ends) == len(asked) else None


def coverage(ends: Sequence[datetime | None], threshold: int, now: datetime) -> Coverage:
    """From when each person's training ends, as :func:`trained_until` says it, for a threshold in percent."""
    running = sorted(end for end in ends if end is not None and now < end)
    needed = -(-threshold * len(ends) // 100)
    holds = bool(ends) and len(running) >= needed
    lapsed = sum(end is not None and end <= now for end in ends)
    return Coverage(len(ends), len(running), lapsed, threshold, running[len(running) - needed] if holds else None)


def wrong_answers(questions: Sequence[Question], given: Sequence[int | None]) -> list[int]:
    """The numbers, from 1, of the questions that were answered wrongly or not at all."""
    padded = [*given, *[None] * len(questions)]
    return [n for n, (asked, said) in enumerate(zip(questions, padded, strict=False), start=1) if said != asked.right]


def missing_topics(topics: Iterable[str]) -> list[str]:
    found = set(topics)
    return [words for topic, words in TOPICS.items() if topic not in found]


def questions_from(text: str) -> list[dict[str, object]]:
    """Questions as people write them: a line that asks, then its answers, ``-`` for wrong ones and ``+`` for the right.

    What is odd about one comes out as a question that can't be taken (no answers, no right one), for its check to name.
    """
    found: list[dict[str, object]] = []
    answers: list[str] = []
    for line in (each.strip() for each in text.splitlines()):
        if not line:
            continue
        if line[0] not in "+-" or not found:
            answers = []
            found.append({"text": line, "answers": answers, "right": None})
            continue
        if line[0] == "+":
            # A second right answer is no answer that can be right alone.
            found[-1]["right"] = len(answers) if found[-1]["right"] is None else -1
        answers.append(line[1:].strip())
    return found


def questions_text(questions: Iterable[Mapping[str, Any]]) -> str:
    """The other way round, for the form."""
    blocks = []
    for each in questions:
        marks = (f"{'+' if n == each['right'] else '-'} {answer}" for n, answer in enumerate(each["answers"]))
        blocks.append("\n".join([each["text"], *marks]))
    return "\n\n".join(blocks)
