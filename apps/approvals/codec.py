"""Slots as stored JSON and back. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from apps.approvals.rules import Slot


def dump(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    return [
        {
            "name": slot.name,
            "roles": sorted(slot.roles),
            "count": slot.count,
            "depends": sorted(slot.depends),
            "team": slot.team,
            "committee": slot.committee,
            "chair": slot.chair,
        }
        for slot in slots
    ]


def slots(stored: Iterable[Mapping[str, Any]]) -> tuple[Slot, ...]:
    return tuple(
        Slot(
            name=item["name"],
            roles=frozenset(item["roles"]),
            count=item["count"],
            depends=frozenset(item["depends"]),
            team=item["team"],
            committee=item["committee"],
            chair=item["chair"],
        )
        for item in stored
    )
