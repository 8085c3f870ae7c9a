"""Is an agent still a specialist (WORK-3)? Judged by the tools that its versions are registered with. Pure.

A tool that several workloads have is common, and says nothing. One that a single other workload has is that
workload's job: whoever holds such tools of two others or more does what they are there for, and is on the way to one
agent for everything (AP-01). The specialists whose jobs are taken aren't blamed.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

MONOLITH = "AP-01"
# Of how many others a workload may hold tools that are theirs.
MOST_REACHED = 1


@dataclass(frozen=True, slots=True)
class Registered:
    """What a workload is registered to do: the tools of the version that serves and of the newest one."""

    id: UUID
    key: str
    limit: int
    bundles: tuple[frozenset[str], ...]

    @property
    def tools(self) -> frozenset[str]:
        return frozenset().union(*self.bundles)

    @property
    def most(self) -> int:
        return max((len(bundle) for bundle in self.bundles), default=0)


@dataclass(frozen=True, slots=True)
class Finding:
    """AP-01 of one workload: ``tools`` where ``limit`` are allowed, or ``spanned``: whose jobs it does as well."""

    tools: int
    limit: int
    spanned: tuple[Registered, ...]

    @property
    def code(self) -> str:
        return MONOLITH

    def said(self, seen: Container[UUID] | None = None) -> str:
        """In words, for whoever sees the workloads ``seen`` (None: all)."""
        parts = [f"{self.tools} tools where {self.limit} are the limit"] if self.tools > self.limit else []
        if self.spanned:
            parts.append(f"does the jobs of {_named(self.spanned, seen)}")
        return "; ".join(parts)


def registered(row: Mapping[str, Any]) -> Registered:
    """From a row of :func:`apps.workloads.queries.registered`."""
    bundles = tuple(frozenset(row[name]) for name in ("serving", "newest") if row[name] is not None)
    return Registered(UUID(str(row["id"])), row["key"], row["limit"], bundles)


def findings(all_of_them: Sequence[Registered]) -> dict[UUID, Finding]:
    """Who is no specialist any more, of all workloads of a tenant."""
    holders = _holders(all_of_them)
    found = {each.id: Finding(each.most, each.limit, _spanned(each, holders)) for each in all_of_them}
    return {key: each for key, each in found.items() if each.tools > each.limit or each.spanned}


def _holders(all_of_them: Iterable[Registered]) -> dict[str, list[Registered]]:
    holders: dict[str, list[Registered]] = {}
    for each in all_of_them:
        for tool in each.tools:
            holders.setdefault(tool, []).append(each)
    return holders


def _spanned(one: Registered, holders: Mapping[str, Sequence[Registered]]) -> tuple[Registered, ...]:
    """The others of whom it holds a tool that nobody else has; none where it is only one."""
    others = [[each for each in holders[tool] if each.id != one.id] for tool in one.tools]
    owners = {own[0].id: own[0] for own in others if len(own) == 1}
    return tuple(sorted(owners.values(), key=lambda each: each.key)) if len(owners) > MOST_REACHED else ()


def _named(spanned: Sequence[Registered], seen: Container[UUID] | None) -> str:
    names = [each.key for each in spanned if seen is None or each.id in seen]
    hidden = len(spanned) - len(names)
    if hidden:
        names.append(f"{hidden} that you can't see" if not names else f"{hidden} more that you can't see")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
