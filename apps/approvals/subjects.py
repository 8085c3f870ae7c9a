"""What can be approved: apps above register their kinds of subject and the policies that these start with.

A lower app never imports upwards (architecture, *Layout*): approvals knows a kind by its name and by these functions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.approvals.rules import Slot
from portal.actor import Actor

if TYPE_CHECKING:
    from apps.approvals.models import ApprovalRequest

PENDING_DAYS = 14
GRANTED_DAYS = 90
TARGET_HOURS = 48


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of thing that is approved.

    ``content`` reads it by parts and locks its row until the transaction ends, so that nothing changes between the
    look and the signature. ``excluded`` says who may never sign for it, and why. ``granted`` applies the answer in
    the transaction of the last signature (APPR-4); ``ended`` hears of every other end. ``url`` leads a person there.
    ``takes_break_glass``: whether two people may stand in for the signatures, never where a hard cap goes (STAGE-4).
    """

    kind: str
    content: Callable[[UUID], dict[str, Any]]
    excluded: Callable[[UUID], Mapping[UUID, str]]
    granted: "Callable[[ApprovalRequest, Actor, datetime], None]"
    ended: "Callable[[ApprovalRequest, Actor, datetime], None]"
    url: Callable[[str, UUID], str]
    takes_break_glass: bool = True


@dataclass(frozen=True, slots=True)
class Default:
    """A policy before any tenant tightens it. Days and hours are the most that a tenant may set."""

    name: str
    title: str
    slots: tuple[Slot, ...]
    pending_days: int = PENDING_DAYS
    granted_days: int = GRANTED_DAYS
    target_hours: int = TARGET_HOURS
    parts: tuple[str, ...] = field(default=())


_subjects: dict[str, Subject] = {}
_defaults: dict[str, Default] = {}


def register(subject: Subject, *policies: Default) -> None:
    if subject.kind in _subjects:
        raise RuntimeError(f"There is a subject {subject.kind!r} already.")
    _subjects[subject.kind] = subject
    _defaults.update({policy.name: policy for policy in policies})


def subject(kind: str) -> Subject:
    return _subjects[kind]


def default(name: str) -> Default:
    return _defaults[name]


def defaults() -> list[Default]:
    """All policies there are, by name."""
    return [_defaults[name] for name in sorted(_defaults)]
